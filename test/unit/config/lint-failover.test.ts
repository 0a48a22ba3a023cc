import { expect, test } from "bun:test";
import { parseConfig } from "../../../src/config/parse.ts";
import { testEnvironment } from "./test-environment.ts";

function node(priority: number, more: string): string {
  const track = more.includes("track =") ? "" : "track = [{ proxy = true }]\n";
  return `[vrrp.VI_1]\ninterface = "eth0"\nvirtual_router_id = 51\naddresses = ["192.0.2.10/24"]\npriority = ${priority}\n${track}${more}\n`;
}

interface Compared {
  readonly lines: readonly string[];
  readonly warnings: readonly string[];
}

function compare(own: string, other: string): Compared {
  const peer = parseConfig(other, testEnvironment()).config;
  if (peer === null) throw new Error("the peer's configuration is broken");
  const { failover = [], issues } = parseConfig(own, testEnvironment(), peer);
  return {
    lines: failover.map((line) => `${line.moves ? "moves" : "stays"}: ${line.failure}: ${line.text}`),
    warnings: issues.map((issue) => `${issue.path}: ${issue.message}`),
  };
}

const weighted = 'track = [{ interface = "eth1", weight = 2 }]';

// The three setups that tutorials print: only 101/100 with weight 2 can fail over.
test.each([
  [104, 100, "stays: interface eth1 fails: priority 106 → 104, the other has 102: the VIP stays"],
  [101, 100, "moves: interface eth1 fails: priority 103 → 101, the other leads with 102"],
  [150, 120, "stays: interface eth1 fails: priority 152 → 150, the other has 122: the VIP stays"],
] as const)("lintFailover computes the tutorial's %d against %d with weight 2", (own, other, line) => {
  const compared = compare(node(own, weighted), node(other, weighted));
  expect(compared.lines).toContain(line);
  expect(compared.warnings.some((text) => text.includes("the VIP stays"))).toBe(line.startsWith("stays"));
});

test("lintFailover says that weight 0 and a dead node always move the VIP", () => {
  const { lines, warnings } = compare(node(150, ""), node(100, ""));
  expect(lines).toEqual([
    "moves: the node stops: the other leads (priority 100)",
    "moves: interface eth0 fails: fault, the other leads (priority 100)",
    "moves: the proxy fails: fault, the other leads (priority 100)",
  ]);
  expect(warnings).toEqual([]);
});

test("lintFailover computes the failures of the peer where the peer leads", () => {
  const { lines } = compare(node(100, ""), node(150, ""));
  expect(lines).toContain("moves: on the peer: the proxy fails: fault, the other leads (priority 100)");
});

test("lintFailover knows that a node without preemption does not take over from a lower master", () => {
  const strong = 'track = [{ interface = "eth1", weight = -80 }]';
  const { lines, warnings } = compare(node(150, strong), node(100, "preempt = false"));
  expect(lines).toContain(
    "stays: interface eth1 fails: priority 150 → 70 is below the other's 100, which does not preempt: the VIP stays",
  );
  expect(warnings.length).toBe(1);
});

test("lintFailover finds what the two nodes do not agree on, and never shows a password", () => {
  const own = node(150, 'advert_interval = "2s"\nauth = { password = "geheim1" }');
  const other = node(150, 'auth = { password = "geheim2" }').replace("192.0.2.10/24", "192.0.2.11/24");
  const { warnings } = compare(own, other);
  expect(warnings).toEqual([
    "vrrp.VI_1.addresses: the peer does not take over 192.0.2.10/24: it does not have them",
    "vrrp.VI_1.priority: is 150 on both nodes: the higher address decides who leads",
    "vrrp.VI_1.advert_interval: is 2000 ms here and 1000 ms on the peer: version 2 refuses the other's adverts, both lead",
    "vrrp.VI_1.auth: differs from the peer's: version 2 refuses the other's adverts, both lead",
  ]);
  expect(JSON.stringify(compare(own, other))).not.toContain("geheim");
  expect(compare(own, node(100, "version = 3")).warnings[0]).toContain("neither hears the other");
});

test("lintFailover misses a virtual router that the peer does not have", () => {
  const { warnings } = compare(node(150, ""), node(150, "").replace("= 51", "= 52"));
  expect(warnings).toEqual([
    "vrrp.VI_1.virtual_router_id: the peer has no virtual router with VRID 51: nobody takes over",
  ]);
});
