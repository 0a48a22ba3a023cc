/** The director role over its channel: verdicts out, orders in, reloads that keep what stays. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import type { BackendConfig, CheckConfig } from "../../../src/config/types-proxy.ts";
import type { Config } from "../../../src/config/types.ts";
import type { AdminState, Assignment, MessagePayloads, ServerState, Verdict } from "../../../src/ipc/messages.ts";
import { Channel } from "../../../src/ipc/shell/channel.ts";
import { runDirector } from "../../../src/roles/director.ts";
import { Loop } from "../../../src/sys/loop.ts";
import { socketPair } from "../../../src/sys/message.ts";
import { testConfig } from "../../support/admin-config.ts";
import { freePort } from "../../support/ports.ts";
import { holdsFor, waitFor } from "../../support/wait.ts";
import { checkOf, type RawServer, rawServer } from "./checker-fixture.ts";

let supervisorLoop: Loop;
let supervisor: Channel;
let ends: Promise<unknown>[];
let roleEnded: boolean;
const verdicts: Verdict[] = [];
const seen: string[] = [];
const servers: RawServer[] = [];

beforeEach(() => {
  const pair = socketPair();
  if (typeof pair === "number") throw new Error(`socketpair: ${pair}`);
  supervisorLoop = new Loop();
  supervisor = new Channel(supervisorLoop, pair[0], "supervisor", "director");
  for (const type of ["ready", "prepared", "refused", "drained", "event"] as const) {
    supervisor.on(type, () => void seen.push(type));
  }
  supervisor.on("verdict", (verdict) => void verdicts.push(verdict));
  supervisor.onClose(() => void seen.push("closed"));
  roleEnded = false;
  const roleLoop = new Loop();
  runDirector(new Channel(roleLoop, pair[1], "director", "supervisor"), roleLoop);
  ends = [supervisorLoop.run(), roleLoop.run().then(() => (roleEnded = true))];
});

afterEach(async () => {
  supervisor.close();
  supervisorLoop.stop();
  await Promise.all(ends);
  for (const server of servers.splice(0)) server.stop();
  verdicts.length = 0;
  seen.length = 0;
});

function listening(): RawServer {
  const server = rawServer(() => undefined);
  servers.push(server);
  return server;
}

function configOf(ports: Readonly<Record<string, number>>, check: CheckConfig | null = checkOf()): Config {
  const base = testConfig();
  const backend: BackendConfig = {
    ...base.backends[0],
    name: "app",
    servers: Object.entries(ports).map(([name, port]) => ({
      name,
      address: { kind: "inet", family: 4, host: "127.0.0.1", port },
      weight: 1,
      maxconn: null,
      backup: false,
      check,
    })),
  };
  return { ...base, backends: [backend] };
}

function assignment(config: Config, states: readonly ServerState[] = [], generation = 1): Assignment {
  return { generation, config, index: 0, objects: {}, listeners: [], tls: {}, servers: states, counters: "" };
}

function stateOf(server: string, fields: Partial<ServerState>): ServerState {
  return {
    backend: "app",
    server,
    health: "up",
    admin: "ready",
    weight: 1,
    checkStatus: "L4OK",
    checkInfo: "",
    checkDurationMs: 0,
    progress: 0,
    sinceWallMs: 0,
    ...fields,
  };
}

function order(server: string, admin: AdminState): void {
  const payload: MessagePayloads["server_state"] = stateOf(server, { admin });
  supervisor.send("server_state", payload);
}

const latest = (server: string): Verdict | undefined => verdicts.findLast((verdict) => verdict.server === server);

test("start tells ready and the first result of every server with a check", async () => {
  supervisor.send("start", assignment(configOf({ good: listening().port, bad: freePort() })));
  await waitFor("both", () => latest("good") && latest("bad"));
  expect(seen).toEqual(["ready"]);
  expect([latest("good")?.health, latest("bad")?.health]).toEqual(["up", "down"]);
});

test("a server without a check is left alone", async () => {
  const { port, connections } = listening();
  supervisor.send("start", assignment(configOf({ a: port }, null)));
  await waitFor("ready", () => seen.includes("ready"));
  expect(await holdsFor(() => connections() === 0 && verdicts.length === 0, 200)).toBe(true);
});

test("a restarted director goes on from the known states", async () => {
  const known = [stateOf("down", { health: "down" }), stateOf("up", {}), stateOf("maint", { admin: "maint" })];
  const alive = listening();
  supervisor.send("start", assignment(configOf({ down: alive.port, up: freePort(), maint: freePort() }), known));
  // rise 2: one success is not enough; fall 3: one failure is not.
  await waitFor("first results", () => latest("down") && latest("up"));
  const first = (server: string): Verdict | undefined => verdicts.find((verdict) => verdict.server === server);
  expect(first("down")).toMatchObject({ health: "down", checkStatus: "L4OK", progress: 1 });
  expect(first("up")).toMatchObject({ health: "up", checkStatus: "L4CON", progress: 1 });
  expect(latest("maint")).toBeUndefined();
});

test("maint stops the checks of one server and ready resumes them", async () => {
  const raw = listening();
  supervisor.send("start", assignment(configOf({ a: raw.port })));
  await waitFor("up", () => latest("a"));
  order("a", "maint");
  await waitFor("quiet", async () => {
    const count = raw.connections();
    return holdsFor(() => raw.connections() === count, 150);
  });
  order("a", "drain");
  await waitFor(
    "checked again",
    (
      (count) => () =>
        raw.connections() > count
    )(raw.connections()),
  );
  expect(verdicts.some(({ checkStatus }) => checkStatus === "INI")).toBe(true);
});

test("a reload takes effect with commit, keeps what stays, and not with abort", async () => {
  const [kept, added] = [listening(), listening()];
  supervisor.send("start", assignment(configOf({ kept: kept.port })));
  await waitFor("up", () => latest("kept"));
  const next = configOf({ kept: kept.port, added: added.port });
  supervisor.send("prepare", assignment(next, [], 2));
  supervisor.send("abort", { generation: 2 });
  supervisor.send("commit", { generation: 2 });
  await waitFor("prepared", () => seen.includes("prepared"));
  expect(await holdsFor(() => added.connections() === 0, 200)).toBe(true);
  supervisor.send("prepare", assignment(next, [], 3));
  supervisor.send("commit", { generation: 3 });
  await waitFor("the new one", () => latest("added"));
  expect(verdicts.filter(({ server }) => server === "kept")).toHaveLength(1);
});

test("stop ends the checks, says drained and ends the role", async () => {
  supervisor.send("start", assignment(configOf({ a: listening().port })));
  await waitFor("up", () => latest("a"));
  supervisor.send("stop", { mode: "drain", withinMs: 1000 });
  await waitFor("the end", () => roleEnded && seen.includes("drained"));
});

test("the role ends when the supervisor is gone", async () => {
  supervisor.send("start", assignment(configOf({ a: listening().port })));
  await waitFor("up", () => latest("a"));
  supervisor.close();
  await waitFor("the end", () => roleEnded);
});
