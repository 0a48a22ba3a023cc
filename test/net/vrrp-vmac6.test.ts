/**
 * Virtual routers for IPv6 with their own MAC address, among themselves and beside keepalived's use_vmac. Skipped without
 * root.
 */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VrrpConfig } from "../../src/config/types-vrrp.ts";
import { type Appliance, startAppliance, stopAppliances } from "../support/appliance.ts";
import { canMakeNamespaces, makeNetwork, type Network } from "../support/netns.ts";
import { mustRun } from "../support/process.ts";
import {
  type BallastNode,
  instanceConfig,
  startBallast,
  startKeepalivedWith,
  stopSpeakers,
} from "../support/vrrp-peer.ts";
import { TEST_LIMIT_MS, waitFor } from "../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const VIRTUAL_MAC = "00:00:5e:00:02:33";
const VIP = "2001:db8::10";
const NAME = "vrrp6.51";

let network: Network | null = null;

afterEach(async () => {
  await stopAppliances();
  await stopSpeakers();
  await network?.close();
  network = null;
});

const node = (name: string): ReturnType<Network["node"]> => network!.node(name);

/** Three nodes on one link; c, the client, has an address of the VIP's network. */
async function threeNodes(): Promise<void> {
  network = await makeNetwork("bvmsix", { a: "192.0.2.1/24", b: "192.0.2.2/24", c: "192.0.2.3/24" });
  await node("c").run(["ip", "address", "add", "2001:db8::3/64", "dev", "eth0", "nodad"]);
}

function addresses(...texts: readonly string[]): VrrpConfig["addresses"] {
  return texts.map((address) => ({
    family: 6,
    address,
    prefixLength: 64,
    dev: null,
    label: null,
    scope: null,
    broadcast: null,
  }));
}

function start(name: string, priority: number, changes: Partial<VrrpConfig> = {}): BallastNode {
  const vmac = { name: NAME, xmitBase: false };
  const changed = { priority, advertIntervalMs: 400, addresses: addresses(VIP), vmac, ...changes };
  return startBallast(node(name), [instanceConfig(changed)]);
}

async function holders(): Promise<string> {
  const held: string[] = [];
  for (const name of ["a", "b"]) {
    const shown = await node(name).run(["ip", "-6", "-o", "address"]);
    if (new RegExp(`vrrp\\S+ +inet6 ${VIP}/64`).test(shown)) held.push(name);
  }
  return held.join();
}

const onlyHolder = (name: string): Promise<unknown> =>
  waitFor(`${name} alone to hold the VIP`, async () => (await holders()) === name);

const neighbour = async (): Promise<string> =>
  (await node("c").run(["ip", "-6", "neigh", "show", VIP])).match(/lladdr (\S+)/)?.[1] ?? "";

/** The MAC address that c gets for the VIP when it asks anew, and an answer from there. */
async function resolved(): Promise<string> {
  await node("c").run(["ip", "-6", "neigh", "flush", "all"]);
  await node("c").run(["ping", "-6", "-n", "-c", "1", "-W", "2", VIP]);
  return neighbour();
}

async function neighbourAnswers(): Promise<boolean> {
  await node("c").run(["ping", "-6", "-n", "-c", "1", "-W", "2", VIP]);
  return true;
}

const macOf = async (name: string): Promise<string> =>
  (await node(name).run(["cat", "/sys/class/net/eth0/address"])).trim();

const linkLocalOf = async (name: string): Promise<string> =>
  (await node(name).addresses6()).find((text) => text.startsWith("fe80"))!.split("/")[0];

/** Nobody has this address. */
const LAST = "192.0.2.99";

/** Frames that c sees, written to a file; `shown` lists those that a tshark filter takes. */
async function capture(): Promise<{ shown: (filter: string, field?: string) => Promise<string[]> }> {
  const file = join(tmpdir(), `ballast-capture-vmac6-${process.pid}`);
  const tcpdump = node("c").start(["tcpdump", "-U", "--immediate-mode", "-i", "eth0", "-w", file, "ip6 or arp"]);
  await tcpdump.waitForOutput(/listening on/);
  let isOver = false;
  // It ends at once when it is told to, whatever it has not read yet: a last question of our own stands behind all that.
  const end = async (): Promise<void> => {
    if (isOver) return;
    node("c").start(["ping", "-n", "-c", "1", "-W", "1", LAST]);
    const asked = ["tshark", "-r", file, "-Y", `arp.dst.proto_ipv4 == ${LAST}`];
    await waitFor("the last frame", async () => (await mustRun(asked)).includes(LAST));
    await tcpdump.stop();
    isOver = true;
  };
  return {
    shown: async (filter, field) => {
      const fields = field === undefined ? [] : ["-T", "fields", "-e", field];
      await end();
      const text = await mustRun(["tshark", "-r", file, "-Y", filter, ...fields]);
      return text.split("\n").filter((line) => line !== "");
    },
  };
}

afterEach(() => {
  try {
    unlinkSync(join(tmpdir(), `ballast-capture-vmac6-${process.pid}`));
  } catch {
    // Most tests capture nothing.
  }
});

describe.skipIf(!canMakeNamespaces)("use_vmac with IPv6", () => {
  for (const xmitBase of [false, true]) {
    test(`the VIP keeps its MAC address over a takeover, adverts ${xmitBase ? "from the real interface" : "from the virtual one"}`, async () => {
      await threeNodes();
      const seen = await capture();
      const vmac = { name: NAME, xmitBase };
      const a = start("a", 101, { vmac });
      await a.waitForState("master");
      const b = start("b", 100, { vmac });
      const linkLocal = await linkLocalOf("a");
      await waitFor("b to hear a", () => b.status()?.masterAddress === linkLocal);
      await onlyHolder("a");
      expect(await resolved()).toBe(VIRTUAL_MAC);
      // Only the VIP is there: addresses of the real interface would be answered for with the virtual MAC address.
      const there = await node("a").run(["ip", "-6", "-o", "address", "show", "dev", NAME]);
      expect(there.trim().split("\n").length).toBe(1);
      const [realA, realB] = [await macOf("a"), await macOf("b")];
      await a.process.stop();
      await onlyHolder("b");
      // The client needs to learn nothing: what it had is still right.
      expect(await neighbour()).toBe(VIRTUAL_MAC);
      await waitFor("an answer", neighbourAnswers);
      expect(await resolved()).toBe(VIRTUAL_MAC);
      expect(b.status()?.errors).toEqual({});
      expect([...a.events(), ...b.events()].filter((text) => text.includes("cannot be"))).toEqual([]);
      expect(await node("a").run(["ip", "-o", "link"])).not.toContain(NAME);
      const senders = new Set(await seen.shown("vrrp", "eth.src"));
      expect([...senders].sort()).toEqual(xmitBase ? [realA, realB].sort() : [VIRTUAL_MAC]);
      expect(await seen.shown("_ws.malformed || vrrp.checksum.status == 0 || icmpv6.checksum.status == 0")).toEqual([]);
      expect(await seen.shown("vrrp && (ipv6.hlim != 255 || !(ipv6.dst == ff02::12))")).toEqual([]);
      const announced = `icmpv6.type == 136 && icmpv6.nd.na.target_address == ${VIP} && eth.dst == 33:33:00:00:00:01`;
      const flags = `icmpv6.nd.na.flag.o == 1 && icmpv6.opt.linkaddr == ${VIRTUAL_MAC} && eth.src == ${VIRTUAL_MAC}`;
      expect((await seen.shown(`${announced} && ${flags}`)).length).toBeGreaterThanOrEqual(10);
      expect(await seen.shown(`${announced} && !(${flags})`)).toEqual([]);
    });
  }

  test("a master that hands over sends nothing more from the virtual MAC address", async () => {
    await threeNodes();
    // With adverts from there the switch would soon know again where it is.
    const vmac = { name: NAME, xmitBase: true };
    const a = start("a", 101, { vmac });
    await a.waitForState("master");
    const b = start("b", 100, { vmac });
    await waitFor("b to hear a", () => b.status()?.masterAddress !== null);
    const sent = node("a").start(["tcpdump", "-l", "-n", "-Q", "out", "-i", "eth0", `ether src ${VIRTUAL_MAC}`]);
    await sent.waitForOutput(/listening on/);
    const seen = await capture();
    if (Bun.which("nft") !== null) {
      const rules = await node("a").run(["nft", "list", "ruleset"]);
      expect(rules).toContain(`chain output {\n\t\ttype filter hook output priority filter - 1; policy accept;`);
      expect(rules).toMatch(/oifname "vrrp6.51" counter packets \d+ bytes \d+ drop comment "Ballast: membership/);
    }
    await a.process.stop();
    await b.waitForState("master");
    // The last of the announcements is the sign that the kernel has had its time.
    await waitFor("announcements", () => (b.status()?.garpSent ?? 0) >= 10);
    expect(sent.stdout()).toBe("");
    if (Bun.which("nft") !== null) expect((await node("a").run(["nft", "list", "ruleset"])).trim()).toBe("");
    const reported = `icmpv6.type == 143 && icmpv6.mldr.mar.multicast_address == ff02::1:ff00:10`;
    expect(await seen.shown(`${reported} && eth.src == ${VIRTUAL_MAC}`)).toEqual([]);
    await waitFor("the address", neighbourAnswers);
  });

  test("the group of the VIP is reported from the real interface of both nodes", async () => {
    await threeNodes();
    const seen = await capture();
    const a = start("a", 101);
    await a.waitForState("master");
    const b = start("b", 100);
    await waitFor("b to hear a", () => (b.status()?.advertsReceived ?? 0) > 3);
    const senders = await seen.shown(
      "icmpv6.type == 143 && icmpv6.mldr.mar.multicast_address == ff02::1:ff00:10",
      "eth.src",
    );
    expect([...new Set(senders)].sort()).toEqual([await macOf("a"), await macOf("b")].sort());
  });

  test("a backup answers nobody who asks for the VIP, and the virtual address follows a preemption", async () => {
    await threeNodes();
    const b = start("b", 100);
    await b.waitForState("master");
    expect(await resolved()).toBe(VIRTUAL_MAC);
    const a = start("a", 101);
    await a.waitForState("master");
    await onlyHolder("a");
    await b.waitForState("backup");
    const seen = await capture();
    for (let count = 0; count < 3; count++) expect(await resolved()).toBe(VIRTUAL_MAC);
    // One answer a question: two nodes with the same MAC address would both have been believed.
    const asked = await seen.shown(
      `icmpv6.type == 135 && icmpv6.nd.ns.target_address == ${VIP} && ipv6.dst == ff02::1:ff00:10`,
    );
    const answered = await seen.shown(
      `icmpv6.type == 136 && icmpv6.nd.na.target_address == ${VIP} && icmpv6.nd.na.flag.s == 1`,
    );
    expect(asked.length).toBeGreaterThanOrEqual(3);
    expect(answered.length).toBe(asked.length);
  });

  test("instances of both families share VRID and interface", async () => {
    await threeNodes();
    const both = (priority: number): VrrpConfig[] => [
      instanceConfig({ priority, advertIntervalMs: 400, vmac: { name: "vrrp.51", xmitBase: false } }),
      instanceConfig({
        name: "VI_6",
        priority,
        advertIntervalMs: 400,
        vmac: { name: NAME, xmitBase: false },
        addresses: addresses("fe80::51", VIP),
      }),
    ];
    const a = startBallast(node("a"), both(101));
    await a.waitForState("master");
    const b = startBallast(node("b"), both(100));
    await waitFor("b to hear a", () => b.statuses().every(({ masterAddress }) => masterAddress !== null));
    await onlyHolder("a");
    expect(await resolved()).toBe(VIRTUAL_MAC);
    await node("c").run(["ping", "-n", "-c", "1", "-W", "2", "192.0.2.10"]);
    expect(await node("c").run(["ip", "neigh", "show", "192.0.2.10"])).toContain("00:00:5e:00:01:33");
    a.process.signal("SIGKILL");
    await node("a").run(["ip", "link", "set", "eth0", "down"]);
    await waitFor("b to lead both", () => b.statuses().every(({ state }) => state === "master"));
    expect(await resolved()).toBe(VIRTUAL_MAC);
    expect(b.statuses().map(({ errors }) => errors)).toEqual([{}, {}]);
  });

  test("an IPv4 instance has IPv6 on its interface while it has such an address beside", async () => {
    await threeNodes();
    const vmac = { name: "vrrp.51", xmitBase: false };
    const four = (excludedAddresses: VrrpConfig["addresses"]): VrrpConfig[] => [
      instanceConfig({ advertIntervalMs: 400, vmac, excludedAddresses }),
    ];
    const a = startBallast(node("a"), four([]));
    await a.waitForState("master");
    const addressesOf6 = async (): Promise<string> =>
      (await node("a").run(["ip", "-6", "-o", "address", "show", "dev", "vrrp.51"])).trim();
    expect(await addressesOf6()).toBe("");
    a.reload(four(addresses(VIP)));
    await waitFor("the address", async () => (await addressesOf6()).includes(VIP));
    expect((await addressesOf6()).split("\n").length).toBe(1);
    expect(await resolved()).toBe("00:00:5e:00:01:33");
    a.reload(four([]));
    await waitFor("no address", async () => (await addressesOf6()) === "");
    expect(a.events().filter((text) => text.includes("cannot") || text.includes("somebody"))).toEqual([]);
  });

  test("a killed speaker's interface is taken over by the next one", async () => {
    await threeNodes();
    const first = start("a", 101);
    await first.waitForState("master");
    await first.process.stop("SIGKILL");
    const second = start("a", 101);
    await second.waitForState("master");
    await onlyHolder("a");
    await second.process.stop();
    expect(await node("a").run(["ip", "-o", "link"])).not.toContain(NAME);
    const switches = await node("a").run(["cat", "/proc/sys/net/ipv4/conf/eth0/arp_ignore"]);
    expect(switches.trim()).toBe("0");
  });

  test("a killed role of a whole appliance: the supervisor says goodbye from the virtual MAC address", async () => {
    await threeNodes();
    const seen = await capture();
    const begin = (name: string, priority: number): Promise<Appliance> =>
      startAppliance(
        `[vrrp.six]\ninterface = "eth0"\nvirtual_router_id = 51\npriority = ${priority}\naddresses = ["${VIP}/64"]\n` +
          "use_vmac = true\n",
        { prefix: ["ip", "netns", "exec", node(name).namespace] },
      );
    const state = async (appliance: Appliance): Promise<string> => (await appliance.snapshot()).vrrp[0]?.state ?? "";
    const a = await begin("a", 101);
    await waitFor("a to lead", async () => (await state(a)) === "master");
    const b = await begin("b", 100);
    await waitFor("b to hear a", async () => (await b.snapshot()).vrrp[0]?.masterAddress !== null);
    const linkLocal = await linkLocalOf("a");
    process.kill(a.pidOf("vrrp") ?? -1, "SIGKILL");
    await onlyHolder("b");
    expect(await resolved()).toBe(VIRTUAL_MAC);
    const goodbyes = await seen.shown(`vrrp.prio == 0 && ipv6.src == ${linkLocal}`, "eth.src");
    expect(goodbyes).toEqual([VIRTUAL_MAC]);
    expect(await seen.shown("_ws.malformed || vrrp.checksum.status == 0")).toEqual([]);
  });

  test.skipIf(Bun.which("keepalived") === null)(
    "Ballast and keepalived share the virtual MAC address, each as master and as backup",
    async () => {
      await threeNodes();
      const seen = await capture();
      const text =
        "global_defs {\n vrrp_version 3\n}\nvrrp_instance V {\n state BACKUP\n interface eth0\n virtual_router_id 51\n" +
        ` priority 101\n advert_int 0.4\n use_vmac vrrp6.51\n virtual_ipaddress {\n ${VIP}/64\n }\n}\n`;
      const keepalived = startKeepalivedWith(node("b"), text);
      await onlyHolder("b");
      const a = start("a", 100);
      const linkLocal = await linkLocalOf("b");
      await waitFor("Ballast to hear it", () => a.status()?.masterAddress === linkLocal);
      expect(await resolved()).toBe(VIRTUAL_MAC);
      await keepalived.stop();
      await onlyHolder("a");
      expect(await resolved()).toBe(VIRTUAL_MAC);
      const again = startKeepalivedWith(node("b"), text);
      await onlyHolder("b");
      await waitFor("Ballast to hear it again", () => a.status()?.masterPriority === 101);
      expect(a.status()).toMatchObject({ state: "backup", errors: {} });
      await again.stop();
      await onlyHolder("a");
      const sent = a.status()?.advertsSent ?? 0;
      const lower = startKeepalivedWith(node("b"), text.replace("priority 101", "priority 99"));
      await lower.waitForOutput(/Entering BACKUP STATE/);
      const master = await linkLocalOf("a");
      // It hears Ballast: it would lead after three and a half intervals otherwise.
      await waitFor("ten adverts", () => (a.status()?.advertsSent ?? 0) > sent + 10);
      expect(await holders()).toBe("a");
      a.process.signal("SIGTERM");
      await onlyHolder("b");
      expect(await seen.shown(`vrrp && ipv6.src == ${master} && eth.src == ${VIRTUAL_MAC}`)).not.toEqual([]);
      expect(await seen.shown("_ws.malformed || vrrp.checksum.status == 0")).toEqual([]);
    },
  );
});
