import { expect, test } from "bun:test";
import type { VrrpStatus } from "../../../src/admin/api.ts";
import { Appliance } from "../../../src/admin/appliance.ts";
import { CounterFigures, type CounterMemory } from "../../../src/admin/figures.ts";
import type { FirstSeen } from "../../../src/admin/problems.ts";
import { buildSnapshot, type SharedSnapshot } from "../../../src/admin/snapshot.ts";
import type { Config } from "../../../src/config/types.ts";
import type { Processes } from "../../../src/ipc/messages.ts";
import { COUNTER_MAX, headerWords, serverCounters } from "../../../src/stats/layout.ts";
import { objectKeys } from "../../../src/stats/registry.ts";
import {
  backendConfig,
  frontendConfig,
  serverConfig,
  serverState,
  testAssignment,
  testConfig,
} from "../../support/admin-config.ts";

function memory(): CounterMemory & { readonly workers: readonly Float64Array[] } {
  const workers = Array.from({ length: 4 }, () => new Float64Array(COUNTER_MAX * 512));
  return { header: new Int32Array(1024), worker: (index) => workers[index]!, workers };
}

function figuresOf(config: Config, counters: CounterMemory = memory()): CounterFigures {
  return new CounterFigures(counters, config, testAssignment(config).objects);
}

function take(appliance: Appliance, wallMs = 10_000, seen: FirstSeen = new Map()): SharedSnapshot {
  return buildSnapshot({ appliance, figures: figuresOf(appliance.config), version: "1", wallMs, seen }).snapshot;
}

const processes: Processes = {
  startedWallMs: 500,
  config: { path: "/etc/b.toml", generation: 3, hash: "abcdef0", loadedWallMs: 600, lastReloadOk: true },
  processes: [{ name: "worker/0", pid: 12, state: "running", restarts: 0, sinceWallMs: 700 }],
};

function applianceOf(config: Config = testConfig()): Appliance {
  const appliance = new Appliance(testAssignment(config));
  appliance.processes = processes;
  return appliance;
}

function texts(snapshot: SharedSnapshot): readonly string[] {
  return snapshot.problems.map((problem) => problem.text);
}

test("buildSnapshot shows a healthy appliance without problems", () => {
  const snapshot = take(applianceOf());
  expect(snapshot.problems).toEqual([]);
  expect(snapshot.config).toEqual(processes.config);
  expect(snapshot.startedWallMs).toBe(500);
  expect(snapshot.frontends[0]).toMatchObject({ name: "web", binds: ["0.0.0.0:80"], maxconn: 1000, connections: 0 });
  expect(snapshot.backends[0]!.servers[0]).toMatchObject({
    name: "web1",
    address: "10.0.0.1:8080",
    check: "GET /healthz every 2s",
    checkStatus: "L7OK",
    health: "up",
  });
  expect(snapshot.vrrp[0]).toMatchObject({ instance: "VI_1", state: "init", addresses: ["192.0.2.10/24"] });
});

test("buildSnapshot sums the counters of all workers under the object's index", () => {
  const config = testConfig();
  const counters = memory();
  const index = testAssignment(config).objects["server/app/web2"]!;
  counters.workers[0]![index * COUNTER_MAX + serverCounters.sessionsTotal] = 40;
  counters.workers[1]![index * COUNTER_MAX + serverCounters.sessionsTotal] = 2;
  counters.header[headerWords.connections] = 7;
  const { snapshot } = buildSnapshot({
    appliance: applianceOf(config),
    figures: figuresOf(config, counters),
    version: "1",
    wallMs: 1,
    seen: new Map(),
  });
  expect(snapshot.backends[0]!.servers.map((server) => server.sessionsTotal)).toEqual([0, 42]);
  expect(snapshot.limits).toEqual({ connections: 7, maxconn: 20_000 });
});

test("buildSnapshot puts what is most urgent first", () => {
  const config = testConfig({
    frontends: [frontendConfig("web"), frontendConfig("bare", { binds: [] })],
    backends: [
      backendConfig("app", [serverConfig("web1"), serverConfig("web2")]),
      backendConfig("api", [serverConfig("one")]),
    ],
  });
  const appliance = applianceOf(config);
  appliance.setServer(
    serverState("app", "web1", { health: "down", checkStatus: "L7STS", checkInfo: "HTTP 503", sinceWallMs: 42 }),
  );
  appliance.setServer(
    serverState("api", "one", {
      health: "down",
      checkStatus: "L4CON",
      checkInfo: "Connection refused",
      sinceWallMs: 43,
    }),
  );
  appliance.setVrrp([{ ...take(appliance).vrrp[0]!, state: "fault", why: "eth0 is down", sinceWallMs: 44 }]);
  appliance.processes = {
    ...processes,
    config: { ...processes.config, lastReloadOk: false },
    processes: [{ name: "worker/1", pid: 0, state: "restarting", restarts: 3, sinceWallMs: 45 }],
    failedBinds: [{ key: "0.0.0.0:80", reason: "address already in use" }],
  };
  const snapshot = take(appliance, 9000);
  expect(texts(snapshot)).toEqual([
    "vrrp VI_1 is in FAULT: eth0 is down",
    "process worker/1 is restarting, restart 3",
    "backend api has no server that takes traffic (1 configured)",
    "frontend web does not listen on 0.0.0.0:80: address already in use",
    "frontend bare has no listener",
    "the last reload of /etc/b.toml failed; generation 3 goes on",
    "server app/web1 is DOWN: L7STS HTTP 503",
    "server api/one is DOWN: L4CON Connection refused",
  ]);
  expect(snapshot.problems.map((problem) => problem.sinceWallMs)).toEqual([44, 45, 43, 9000, 9000, 9000, 42, 43]);
});

test("buildSnapshot dates a problem without a date from when it was first seen, and anew when it comes back", () => {
  const config = testConfig();
  const counters = memory();
  const appliance = applianceOf(config);
  const figures = figuresOf(config, counters);
  let seen: FirstSeen = new Map();
  const at = (wallMs: number, connections: number): number | undefined => {
    counters.header[headerWords.connections] = connections;
    const built = buildSnapshot({ appliance, figures, version: "1", wallMs, seen });
    seen = built.seen;
    return built.snapshot.problems[0]?.sinceWallMs;
  };
  expect([at(1, 20_000), at(2, 20_001), at(3, 5), at(4, 20_000)]).toEqual([1, 1, undefined, 4]);
});

test("buildSnapshot does not call maintenance a problem, unless nobody is left", () => {
  const appliance = applianceOf();
  appliance.setServer(serverState("app", "web1", { admin: "maint", health: "down" }));
  expect(texts(take(appliance))).toEqual([]);
  appliance.setServer(serverState("app", "web2", { admin: "drain" }));
  expect(texts(take(appliance))).toEqual(["backend app has no server that takes traffic (2 configured)"]);
});

test("buildSnapshot makes words from the network harmless", () => {
  const appliance = applianceOf();
  appliance.setServer(
    serverState("app", "web1", { health: "down", checkStatus: "L7RSP", checkInfo: "\u001b]0;x\u0007" }),
  );
  const snapshot = take(appliance);
  expect(snapshot.backends[0]!.servers[0]!.checkInfo).toBe("\\x1b]0;x\\x07");
  expect(texts(snapshot)[0]).toBe("server app/web1 is DOWN: L7RSP \\x1b]0;x\\x07");
});

test("Appliance commit takes the prepared configuration with what was heard meanwhile", () => {
  const appliance = applianceOf();
  const config = testConfig({ backends: [backendConfig("app", [serverConfig("web1"), serverConfig("new")])] });
  appliance.prepare(testAssignment(config, { generation: 2 }));
  appliance.setServer(serverState("app", "web1", { health: "down" }));
  appliance.setServer(serverState("app", "new", { health: "down", checkStatus: "L4TOUT" }));
  expect(appliance.config.backends[0]!.servers[1]!.name).toBe("web2");
  expect(appliance.commit(7)).toBeNull();
  expect(appliance.commit(2)?.generation).toBe(2);
  expect(appliance.server("app", "web1").health).toBe("down");
  expect(appliance.server("app", "new").checkStatus).toBe("L4TOUT");
  // A verdict about a server that the reload removed.
  appliance.setServer(serverState("app", "web2", { health: "down" }));
  expect(() => appliance.server("app", "web2")).toThrow("no state for server/app/web2");
});

test("Appliance setVrrp takes the report as whole", () => {
  const appliance = applianceOf();
  const status: VrrpStatus = { ...take(appliance).vrrp[0]!, state: "master", why: "priority 101" };
  appliance.setVrrp([status]);
  expect(take(appliance).vrrp[0]).toEqual(status);
  appliance.setVrrp([]);
  expect(take(appliance).vrrp[0]!.state).toBe("init");
});

test("CounterFigures keeps what workers counted that a reload took away", () => {
  const config = testConfig();
  const counters = memory();
  const index = testAssignment(config).objects["server/app/web1"]!;
  counters.workers[1]![index * COUNTER_MAX + serverCounters.sessionsTotal] = 5;
  const figures = figuresOf(config, counters);
  const fewer = { ...config, global: { ...config.global, workers: 1 } };
  figures.configure(fewer, Object.fromEntries(objectKeys(fewer).map((key, at) => [key, at])));
  expect(figures.server("app", "web1").sessionsTotal).toBe(5);
});
