/** Virtual routers with their own MAC address, among themselves and beside keepalived's use_vmac. Skipped without root. */
import { afterEach, describe, expect, test } from "bun:test";
import type { VrrpConfig } from "../../src/config/types-vrrp.ts";
import { canMakeNamespaces, makeNetwork, type Network } from "../support/netns.ts";
import {
  type BallastNode,
  instanceConfig,
  startBallast,
  startKeepalivedWith,
  stopSpeakers,
  VIP,
} from "../support/vrrp-peer.ts";
import { waitFor } from "../support/wait.ts";

const TEST_MS = 40_000;
const VIRTUAL_MAC = "00:00:5e:00:01:33";
const [VIP_ADDRESS] = VIP.split("/");

let network: Network | null = null;

afterEach(async () => {
  await stopSpeakers();
  await network?.close();
  network = null;
});

const node = (name: string): ReturnType<Network["node"]> => network!.node(name);

function start(name: string, priority: number, changes: Partial<VrrpConfig> = {}): BallastNode {
  const vmac = { name: "vrrp.51", xmitBase: false };
  return startBallast(node(name), [instanceConfig({ priority, advertIntervalMs: 400, vmac, ...changes })]);
}

async function holders(): Promise<string> {
  const held: string[] = [];
  for (const name of ["a", "b"]) {
    if ((await node(name).run(["ip", "-4", "-o", "address"])).includes(`vrrp.51    inet ${VIP}`)) held.push(name);
  }
  return held.join();
}

const onlyHolder = (name: string): Promise<unknown> =>
  waitFor(`${name} alone to hold the VIP`, async () => (await holders()) === name, 10_000);

/** The MAC address that c gets for the VIP when it asks anew. */
async function resolved(): Promise<string> {
  await node("c").run(["ip", "neigh", "flush", "all"]);
  await node("c").run(["ping", "-n", "-c", "1", "-W", "2", VIP_ADDRESS]);
  return (await node("c").run(["ip", "neigh", "show", VIP_ADDRESS])).match(/lladdr (\S+)/)?.[1] ?? "";
}

const switchOf = async (name: string, key: string): Promise<string> =>
  (await node(name).run(["cat", `/proc/sys/net/ipv4/conf/eth0/${key}`])).trim();

describe.skipIf(!canMakeNamespaces)("use_vmac", () => {
  for (const xmitBase of [false, true]) {
    test(
      `the VIP keeps its MAC address over a takeover, adverts ${xmitBase ? "from the real interface" : "from the virtual one"}`,
      async () => {
        network = await makeNetwork("bvmac", { a: "192.0.2.1/24", b: "192.0.2.2/24", c: "192.0.2.3/24" });
        const capture = node("c").start(["tcpdump", "-l", "-n", "-e", "-i", "eth0", "ip proto 112"]);
        await capture.waitForOutput(/listening on/);
        const vmac = { name: "vrrp.51", xmitBase };
        const a = start("a", 101, { vmac });
        await a.waitForState("master");
        const b = start("b", 100, { vmac });
        await waitFor("b to hear a", () => b.status()?.masterAddress === "192.0.2.1");
        await onlyHolder("a");
        expect(await resolved()).toBe(VIRTUAL_MAC);
        const real = (await node("a").run(["cat", "/sys/class/net/eth0/address"])).trim();
        expect(capture.stdout()).toContain(`${xmitBase ? real : VIRTUAL_MAC} > 01:00:5e:00:00:12`);
        await a.process.stop();
        await onlyHolder("b");
        expect(await resolved()).toBe(VIRTUAL_MAC);
        expect(b.status()?.errors).toEqual({});
        // The first node is as it was before.
        expect(await node("a").run(["ip", "-o", "link"])).not.toContain("vrrp.51");
        expect([await switchOf("a", "arp_ignore"), await switchOf("a", "arp_filter")]).toEqual(["0", "0"]);
        expect([...a.events(), ...b.events()].filter((text) => text.includes("cannot be"))).toEqual([]);
      },
      TEST_MS,
    );
  }

  test(
    "a killed speaker's interface is taken over by the next one, which restores what was before",
    async () => {
      network = await makeNetwork("bvmac", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
      const first = start("a", 101);
      await first.waitForState("master");
      await first.process.stop("SIGKILL");
      const second = start("a", 101);
      await second.waitForState("master");
      await onlyHolder("a");
      await second.process.stop();
      expect(await node("a").run(["ip", "-o", "link"])).not.toContain("vrrp.51");
      expect(await switchOf("a", "arp_ignore")).toBe("0");
    },
    TEST_MS,
  );

  test(
    "an interface of that name which somebody else made is left alone and told of",
    async () => {
      network = await makeNetwork("bvmac", { a: "192.0.2.1/24" });
      await node("a").run(["ip", "link", "add", "vrrp.51", "type", "bridge"]);
      const a = start("a", 101);
      await a.waitForState("fault");
      expect(a.status()?.why).toContain("interface vrrp.51 exists and Ballast did not make it");
    },
    TEST_MS,
  );

  test(
    "an interface that cannot be raised is told of truly, and is made once it can be",
    async () => {
      network = await makeNetwork("bvmac", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
      const inA = (...words: readonly string[]): Promise<string> => node("a").run(["ip", ...words]);
      const macvlan = ["type", "macvlan", "mode", "private"];
      await inA("link", "add", "kv.51", "link", "eth0", "address", VIRTUAL_MAC, ...macvlan);
      await inA("link", "set", "kv.51", "up");
      const a = start("a", 101);
      await waitFor("the reason", () => a.status()?.why.includes("interface vrrp.51 cannot be raised"));
      expect(a.status()?.state).toBe("fault");
      expect(await inA("-o", "link")).not.toContain("vrrp.51");
      expect([await switchOf("a", "arp_ignore"), await switchOf("a", "arp_filter")]).toEqual(["0", "0"]);
      await inA("link", "del", "kv.51");
      await a.waitForState("master", 20_000);
      await onlyHolder("a");
      await a.process.stop();
      expect(await inA("-o", "link")).not.toContain("vrrp.51");
      expect(a.events().join("\n")).not.toContain("did not make it");
    },
    TEST_MS,
  );

  test.skipIf(Bun.which("keepalived") === null)(
    "Ballast and keepalived share the virtual MAC address",
    async () => {
      network = await makeNetwork("bvmac", { a: "192.0.2.1/24", b: "192.0.2.2/24", c: "192.0.2.3/24" });
      const text =
        "global_defs {\n vrrp_version 3\n}\nvrrp_instance V {\n state BACKUP\n interface eth0\n virtual_router_id 51\n" +
        ` priority 101\n advert_int 0.2\n use_vmac vrrp.51\n virtual_ipaddress {\n ${VIP}\n }\n}\n`;
      const keepalived = startKeepalivedWith(node("b"), text);
      await onlyHolder("b");
      const a = start("a", 100);
      await waitFor("Ballast to hear it", () => a.status()?.masterAddress === "192.0.2.2", 10_000);
      await keepalived.stop();
      await onlyHolder("a");
      expect(await resolved()).toBe(VIRTUAL_MAC);
      startKeepalivedWith(node("b"), text);
      await onlyHolder("b");
      await waitFor("Ballast to hear it again", () => a.status()?.masterPriority === 101);
      expect(a.status()).toMatchObject({ state: "backup", errors: {} });
    },
    TEST_MS,
  );
});
