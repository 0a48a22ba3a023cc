/** Tracks of what a node can reach, on real nodes: witnesses that answer and routes of the kernel. Skipped without root. */
import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { VrrpStatus } from "../../src/admin/api.ts";
import type { TrackConfig, VrrpConfig } from "../../src/config/types-vrrp.ts";
import { canMakeNamespaces, makeNetwork, type Network } from "../support/netns.ts";
import type { TestProcess } from "../support/process.ts";
import { type BallastNode, instanceConfig, startBallast, stopSpeakers } from "../support/vrrp-peer.ts";
import { holdsFor, waitFor } from "../support/wait.ts";

const TEST_MS = 30_000;
const INTERVAL_MS = 400;
const GATEWAY = "192.0.2.254";
const GATEWAY6 = "2001:db8::fe";

let network: Network | null = null;

afterEach(async () => {
  await stopSpeakers();
  await network?.close();
  network = null;
});

const node = (name: string): ReturnType<Network["node"]> => network!.node(name);

async function makeNodes(): Promise<void> {
  network = await makeNetwork("bvrch", { a: "192.0.2.1/24", b: "192.0.2.2/24", gw: `${GATEWAY}/24` });
}

const witness = (weight: number, address = GATEWAY): TrackConfig => ({
  kind: "witness",
  address,
  intervalMs: 200,
  weight,
});

function route(address: string, prefixLength: number, weight: number, table = 254): TrackConfig {
  return { kind: "route", to: { address, prefixLength }, table, weight };
}

function instance(name: "a" | "b", tracks: readonly TrackConfig[]): VrrpConfig {
  return instanceConfig({ advertIntervalMs: INTERVAL_MS, priority: name === "a" ? 101 : 100, tracks });
}

async function pair(
  ofA: readonly TrackConfig[],
  ofB: readonly TrackConfig[] = [],
): Promise<readonly [BallastNode, BallastNode]> {
  const a = startBallast(node("a"), [instance("a", ofA)]);
  const b = startBallast(node("b"), [instance("b", ofB)]);
  await a.waitForState("master");
  await waitFor("b to hear a", () => b.status()?.masterAddress === "192.0.2.1");
  return [a, b];
}

/** Takes the node off the switch, or puts it back, without a word to its own interface. */
async function isolate(name: string, isolated: boolean): Promise<void> {
  const hub = node("a").namespace.replace(/-a$/, "-hub");
  const target = isolated ? ["nomaster"] : ["master", "br0"];
  const ip = Bun.spawnSync(["ip", "-n", hub, "link", "set", `p-${name}`, ...target]);
  expect(ip.exitCode).toBe(0);
}

/** Whether the instance at this place was ever master since the output had `from` characters, however shortly. */
function hasLed(each: BallastNode, place: number, from: number): boolean {
  const lines = each.process.stdout().slice(from).split("\n").slice(0, -1);
  return lines.some((line) => {
    const { kind, value } = JSON.parse(line) as { kind: string; value: VrrpStatus[] };
    return kind === "status" && value[place].state === "master";
  });
}

const ip = (name: string, ...words: readonly string[]): Promise<string> => node(name).run(["ip", ...words]);
const events = (each: BallastNode): string => each.events().join("\n");
const said = (each: BallastNode, text: string): Promise<unknown> =>
  waitFor(`"${text}"`, () => each.events().includes(text));

describe.skipIf(!canMakeNamespaces)("tracks of what can be reached", () => {
  test(
    "a witness of weight 0 that falls silent gives the VIP away, and its return brings it back",
    async () => {
      await makeNodes();
      const [a, b] = await pair([witness(0)]);
      expect(events(a)).toContain(`witness ${GATEWAY} answers`);
      await ip("gw", "link", "set", "eth0", "down");
      await a.waitForState("fault");
      await b.waitForState("master");
      expect(a.status()?.why).toBe(`tracked witness ${GATEWAY} is not well`);
      expect(events(a)).toContain(`witness ${GATEWAY} is lost: no answer for 600ms`);
      await ip("gw", "link", "set", "eth0", "up");
      await a.waitForState("master");
      await b.waitForState("backup");
    },
    TEST_MS,
  );

  test(
    "a witness of negative weight moves the VIP when one node loses it, and nothing when both do",
    async () => {
      await makeNodes();
      const [a, b] = await pair([witness(-50)], [witness(-50)]);
      await ip("gw", "link", "set", "eth0", "down");
      await waitFor("both to have lost it", () => a.status()?.priority === 51 && b.status()?.priority === 50);
      const stays = (): boolean => a.status()?.state === "master" && b.status()?.state === "backup";
      expect(await holdsFor(stays, 5 * INTERVAL_MS)).toBe(true);
      await ip("gw", "link", "set", "eth0", "up");
      await waitFor("both to have it back", () => a.status()?.priority === 101 && b.status()?.priority === 100);
      await ip("a", "route", "add", "unreachable", `${GATEWAY}/32`);
      await b.waitForState("master");
      await a.waitForState("backup");
      expect(a.status()?.why).toContain(`priority 51 (101 − 50 for witness ${GATEWAY}) against 100`);
      await said(a, `witness ${GATEWAY} is lost: no answer for 600ms: no route to host`);
    },
    TEST_MS,
  );

  test(
    "an isolated backup with a witness does not become master, one without does, and an isolated master gives up",
    async () => {
      await makeNodes();
      const plain = (config: VrrpConfig): VrrpConfig => ({
        ...config,
        name: "VI_2",
        virtualRouterId: 52,
        tracks: [],
        addresses: [{ ...config.addresses[0], address: "192.0.2.11" }],
      });
      const both = (name: "a" | "b"): readonly VrrpConfig[] => {
        // Lost after 0.8 s against 2.9 until a takeover.
        const tracked = { ...instance(name, [witness(0)]), advertIntervalMs: 2 * INTERVAL_MS };
        return [tracked, plain(tracked)];
      };
      const a = startBallast(node("a"), both("a"));
      const b = startBallast(node("b"), both("b"));
      const states = (each: BallastNode): string =>
        each
          .statuses()
          .map((status) => status.state)
          .join(" ");
      await waitFor("a to lead both", () => states(a) === "master master" && states(b) === "backup backup");
      // At the start b may have led before a was there.
      const before = b.process.stdout().lastIndexOf("\n") + 1;
      await isolate("b", true);
      await waitFor("b to lead without a witness only", () => states(b) === "fault master");
      expect(hasLed(b, 1, before)).toBe(true);
      expect(hasLed(b, 0, before)).toBe(false);
      await isolate("b", false);
      await waitFor("b to follow again", () => states(b) === "backup backup");
      await isolate("a", true);
      await waitFor("a to give the first up, and b to lead both", () => {
        return states(a) === "fault master" && states(b) === "master master";
      });
      await isolate("a", false);
      await waitFor("a to lead both again", () => states(a) === "master master" && states(b) === "backup backup");
    },
    TEST_MS,
  );

  test(
    "a node whose witness has never answered waits three questions and begins in fault",
    async () => {
      await makeNodes();
      const a = startBallast(node("a"), [instance("a", [witness(0, "192.0.2.77")])]);
      await a.waitForState("fault");
      expect(a.events()[0]).toBe("witness 192.0.2.77 is lost: no answer for 600ms");
      await ip("gw", "address", "add", "192.0.2.77/32", "dev", "eth0");
      await a.waitForState("master");
    },
    TEST_MS,
  );

  test(
    "an answer from another address, to another program or another question, or without the token is none",
    async () => {
      await makeNodes();
      await node("gw").run(["sysctl", "-q", "-w", "net.ipv4.icmp_echo_ignore_all=1"]);
      await ip("gw", "address", "add", "192.0.2.253/24", "dev", "eth0");
      const forge = async (...how: readonly string[]): Promise<TestProcess> => {
        const forger = node("gw").start([process.execPath, join(import.meta.dir, "echo-forger.ts"), ...how]);
        await waitFor("an answer", () => forger.stdout().includes("answered"));
        return forger;
      };
      const a = startBallast(node("a"), [instance("a", [witness(0)])]);
      await a.waitForState("fault");
      for (const how of [["token"], ["identifier"], ["sequence"], ["true", "192.0.2.253"]]) {
        const forger = await forge(...how);
        expect([how, await holdsFor(() => a.status()?.state === "fault", 250)]).toEqual([how, true]);
        await forger.stop("SIGKILL");
      }
      expect(events(a)).not.toContain("answers");
      await forge("true");
      await a.waitForState("master");
    },
    TEST_MS,
  );

  test(
    "a witness over IPv6 is lost and comes back",
    async () => {
      await makeNodes();
      await ip("a", "-6", "address", "add", "2001:db8::1/64", "dev", "eth0", "nodad");
      await ip("gw", "-6", "address", "add", `${GATEWAY6}/64`, "dev", "eth0", "nodad");
      const [a] = await pair([witness(0, GATEWAY6), witness(-10)]);
      await ip("gw", "-6", "address", "del", `${GATEWAY6}/64`, "dev", "eth0");
      await a.waitForState("fault");
      expect(a.status()?.why).toBe(`tracked witness ${GATEWAY6} is not well`);
      await ip("gw", "-6", "address", "add", `${GATEWAY6}/64`, "dev", "eth0", "nodad");
      await a.waitForState("master");
      expect(a.status()?.priority).toBe(101);
    },
    TEST_MS,
  );

  test(
    "a default route of weight 0 that is deleted, blackholed or dead is a fault until it is back",
    async () => {
      await makeNodes();
      const name = "route 0.0.0.0/0";
      const add = (): Promise<string> => ip("a", "route", "replace", "default", "via", GATEWAY, "dev", "eth0");
      await ip("a", "link", "add", "up0", "type", "veth", "peer", "name", "up1");
      await ip("a", "address", "add", "198.51.100.1/24", "dev", "up0");
      await ip("a", "link", "set", "up0", "up");
      await ip("a", "link", "set", "up1", "up");
      await add();
      const [a, b] = await pair([route("0.0.0.0", 0, 0)]);
      expect(a.events()).toContain(`${name} is there`);
      const lost = async (text: string): Promise<void> => {
        await a.waitForState("fault");
        await b.waitForState("master");
        await said(a, `${name} ${text}`);
        expect(a.status()?.why).toBe(`tracked ${name} is not well`);
      };
      const back = async (): Promise<void> => {
        await a.waitForState("master");
        await b.waitForState("backup");
      };
      await ip("a", "route", "del", "default");
      await lost("is gone");
      await add();
      await back();
      await ip("a", "route", "replace", "blackhole", "default");
      await lost("leads nowhere: it is of the kind blackhole");
      // Behind a better blackhole a route leads nowhere, too; without that it does.
      await ip("a", "route", "add", "default", "via", GATEWAY, "metric", "50");
      expect(await holdsFor(() => a.status()?.state === "fault", 300)).toBe(true);
      await ip("a", "route", "del", "blackhole", "default");
      await back();
      // The cable of the uplink is pulled, which the kernel tells of no route.
      await ip("a", "route", "del", "default");
      await ip("a", "route", "add", "default", "via", "198.51.100.254", "dev", "up0");
      await back();
      await ip("a", "link", "set", "up1", "down");
      await lost("is dead: its link is down");
      await ip("a", "link", "set", "up1", "up");
      await back();
      // The uplink is taken down: the kernel removes the route without a word, and does not bring it back.
      await ip("a", "link", "set", "up0", "down");
      await a.waitForState("fault");
      await ip("a", "link", "set", "up0", "up");
      expect(await holdsFor(() => a.status()?.state === "fault", 300)).toBe(true);
      await ip("a", "route", "add", "default", "via", "198.51.100.254", "dev", "up0");
      await back();
    },
    TEST_MS,
  );

  test(
    "routes of other tables and of IPv6 move the priority by their weight, and nothing else in the table does",
    async () => {
      await makeNodes();
      await ip("a", "route", "add", "10.9.0.0/16", "via", GATEWAY, "table", "1000");
      await ip("a", "-6", "route", "add", "2001:db8:9::/48", "dev", "eth0", "table", "70000");
      const [a, b] = await pair([route("10.9.0.0", 16, -20, 1000), route("2001:db8:9::", 48, 30, 70_000)]);
      expect(a.status()?.priority).toBe(131);
      await ip("a", "route", "add", "10.9.0.0/24", "via", GATEWAY, "table", "1000");
      await ip("a", "route", "add", "10.9.0.0/16", "via", GATEWAY);
      await ip("a", "route", "del", "10.9.0.0/16", "table", "1000");
      await waitFor("the first to be missed", () => a.status()?.priority === 111);
      await ip("a", "-6", "route", "flush", "table", "70000");
      await b.waitForState("master");
      expect(a.status()?.priority).toBe(81);
      await said(a, "route 10.9.0.0/16 of table 1000 is gone");
      await said(a, "route 2001:db8:9::/48 of table 70000 is gone");
      await ip("a", "-6", "route", "add", "2001:db8:9::/48", "dev", "eth0", "table", "70000");
      await ip("a", "route", "add", "10.9.0.0/16", "via", GATEWAY, "table", "1000");
      await waitFor("all of its priority", () => a.status()?.priority === 131);
      await a.waitForState("master");
    },
    TEST_MS,
  );

  test(
    "a route over several gateways and one whose source address goes are seen as the kernel sees them",
    async () => {
      await makeNodes();
      for (const n of [0, 1]) {
        await ip("a", "link", "add", `up${n}`, "type", "veth", "peer", "name", `peer${n}`);
        await ip("a", "link", "set", `peer${n}`, "up");
        await ip("a", "link", "set", `up${n}`, "up");
        await ip("a", "address", "add", `198.51.10${n}.1/24`, "dev", `up${n}`);
      }
      const hops = [0, 1].flatMap((n) => ["nexthop", "via", `198.51.10${n}.254`, "dev", `up${n}`]);
      await ip("a", "route", "add", "10.8.0.0/16", ...hops);
      await ip("a", "address", "add", "198.51.100.9/32", "dev", "eth0");
      await ip("a", "route", "add", "10.7.0.0/16", "via", GATEWAY, "src", "198.51.100.9");
      const [a] = await pair([route("10.8.0.0", 16, -20), route("10.7.0.0", 16, -3)]);
      await ip("a", "link", "set", "peer0", "down");
      expect(await holdsFor(() => a.status()?.priority === 101, 300)).toBe(true);
      await ip("a", "link", "set", "peer1", "down");
      await waitFor("both ways to be dead", () => a.status()?.priority === 81);
      await ip("a", "link", "set", "peer0", "up");
      await waitFor("one way to live", () => a.status()?.priority === 101);
      await ip("a", "address", "del", "198.51.100.9/32", "dev", "eth0");
      await waitFor("the route to be gone with its source", () => a.status()?.priority === 98);
    },
    TEST_MS,
  );
});
