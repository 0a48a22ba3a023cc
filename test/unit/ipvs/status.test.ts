/** What people are told of virtual servers: several services of one, figures that add up, a table that is not there. */
import { expect, test } from "bun:test";
import { parseConfig } from "../../../src/config/parse.ts";
import type { LvsConfig } from "../../../src/config/types-lvs.ts";
import { lvsStatus } from "../../../src/ipvs/status.ts";
import { VirtualServers } from "../../../src/ipvs/virtual-servers.ts";
import { testEnvironment } from "../config/test-environment.ts";
import { FakeKernel } from "./fake-kernel.ts";

function lvsOf(text: string): LvsConfig {
  const { config, issues } = parseConfig(text, testEnvironment());
  if (config?.lvs === undefined) throw new Error(issues.map(({ message }) => message).join("\n"));
  return config.lvs;
}

/** The director's mind with a kernel that has what it wants. */
function world(text: string): { readonly lvs: LvsConfig; readonly mind: VirtualServers; readonly kernel: FakeKernel } {
  const lvs = lvsOf(text);
  const mind = new VirtualServers();
  mind.configure(lvs, () => null);
  const kernel = new FakeKernel();
  for (const { service, destinations } of mind.desired()) {
    kernel.apply({ kind: "add_service", service });
    for (const destination of destinations) kernel.apply({ kind: "add_destination", id: service.id, destination });
  }
  return { lvs, mind, kernel };
}

function statusOf({ lvs, mind, kernel }: ReturnType<typeof world>, hasTable = true): ReturnType<typeof lvsStatus> {
  return lvsStatus({
    lvs,
    reals: mind.status(),
    quorums: mind.quorums(),
    table: hasTable ? kernel.table() : null,
    troubles: [],
    isSuspended: () => false,
    sinceWallMs: (object) => object.length,
    checkInfo: (object) => `checked ${object}`,
  });
}

const TWO = `[virtual_server.web]
addresses = ["192.0.2.10:80", "192.0.2.10:443"]
quorum = 2
check = true
real_servers = [{ name = "one", address = "192.0.2.11", weight = 3 }, { name = "two", address = "192.0.2.12", check = false }]
`;

test("lvsStatus adds up a real server's connections over the services of its virtual server", () => {
  const all = world(TWO);
  all.kernel.connect("tcp 192.0.2.10:80", "192.0.2.11:80", 4);
  all.kernel.connect("tcp 192.0.2.10:443", "192.0.2.11:443", 5);
  const [web] = statusOf(all).virtualServers;
  expect(web).toMatchObject({ services: ["tcp 192.0.2.10:80", "tcp 192.0.2.10:443"], hasQuorum: true, weight: 4 });
  expect(web?.realServers).toMatchObject([
    { name: "one", health: "up", tableWeight: 3, activeConnections: 9, sinceWallMs: 7, checkInfo: "checked web/one" },
    { name: "two", health: "unchecked", tableWeight: 1, activeConnections: 0 },
  ]);
});

test("lvsStatus shows what is known without a table, and after drains and failures", () => {
  const all = world(TWO);
  all.mind.result({ virtual: "web", real: "one", up: false, weight: null });
  all.mind.drain("web", "two", true);
  const [web] = statusOf(all, false).virtualServers;
  expect(web).toMatchObject({ hasQuorum: false, weight: 0, connectionsTotal: 0 });
  expect(web?.realServers.map(({ health, admin, tableWeight }) => [health, admin, tableWeight])).toEqual([
    ["down", "ready", null],
    ["unchecked", "drain", null],
  ]);
});

test("lvsStatus of a thousand real servers takes no look at each for each", () => {
  const servers = Array.from({ length: 1000 }, (_, i) => `"192.0.${2 + (i >> 8)}.${i & 255}:80"`).join(", ");
  const all = world(`[virtual_server.web]\naddress = "192.0.9.10:80"\ncheck = true\nreal_servers = [${servers}]\n`);
  const startedMs = performance.now();
  for (let look = 0; look < 10; look++) expect(statusOf(all).virtualServers[0]?.realServers).toHaveLength(1000);
  // Each for each would be ten million names.
  expect(performance.now() - startedMs).toBeLessThan(2000);
});
