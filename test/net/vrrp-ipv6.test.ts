/** IPv6 instances on real nodes, among themselves and beside keepalived. Skipped without root. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VrrpConfig } from "../../src/config/types-vrrp.ts";
import { canMakeNamespaces, makeNetwork, type Network } from "../support/netns.ts";
import { mustRun, run } from "../support/process.ts";
import {
  type BallastNode,
  instanceConfig,
  startBallast,
  startKeepalivedWith,
  stopSpeakers,
} from "../support/vrrp-peer.ts";
import { TEST_LIMIT_MS, waitFor } from "../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const VIPS = ["fe80::51/64", "2001:db8::10/64"];

let network: Network | null = null;

afterEach(async () => {
  await stopSpeakers();
  await network?.close();
  network = null;
});

const node = (name: string): ReturnType<Network["node"]> => network!.node(name);

function addresses(texts: readonly string[]): VrrpConfig["addresses"] {
  return texts.map((text) => {
    const [address, length] = text.split("/");
    const family = address.includes(":") ? 6 : 4;
    const more = { dev: null, label: null, scope: null, broadcast: null };
    return { family, address, prefixLength: Number(length), ...more };
  });
}

function start(name: string, priority: number, changes: Partial<VrrpConfig> = {}): BallastNode {
  const config = instanceConfig({ priority, advertIntervalMs: 400, addresses: addresses(VIPS), ...changes });
  return startBallast(node(name), [config]);
}

async function holders(names: readonly string[]): Promise<string> {
  const held: string[] = [];
  for (const name of names) {
    const here = await node(name).addresses6();
    if (VIPS.every((vip) => here.includes(vip))) held.push(name);
    else if (VIPS.some((vip) => here.includes(vip))) held.push(`part of ${name}`);
  }
  return held.join();
}

describe.skipIf(!canMakeNamespaces)("IPv6", () => {
  test("two nodes hand the VIPs over and back, an IPv4 address beside them, and announce to all nodes", async () => {
    network = await makeNetwork("bvsix", { a: "192.0.2.1/24", b: "192.0.2.2/24", c: "192.0.2.3/24" });
    const file = join(tmpdir(), `ballast-capture6-${process.pid}`);
    const capture = node("c").start(["tcpdump", "-U", "--immediate-mode", "-i", "eth0", "-w", file, "ip6 or arp"]);
    await capture.waitForOutput(/listening on/);
    const excludedAddresses = addresses(["192.0.2.10/24"]);
    const a = start("a", 101, { excludedAddresses });
    const b = start("b", 100, { excludedAddresses });
    await a.waitForState("master");
    await waitFor("b to hear a", () => b.status()?.masterAddress?.startsWith("fe80::") === true);
    await waitFor("a alone to hold the VIPs", async () => (await holders(["a", "b"])) === "a");
    expect(await node("a").addresses()).toContain("192.0.2.10/24");
    expect(await node("a").run(["ip", "-6", "address", "show", "tentative"])).not.toContain("2001:db8::10");
    await a.process.stop();
    await waitFor("b alone to hold the VIPs", async () => (await holders(["a", "b"])) === "b");
    expect(await node("a").addresses()).not.toContain("192.0.2.10/24");
    expect(b.status()?.errors).toEqual({});
    expect([...a.events(), ...b.events()].filter((text) => text.includes("somebody removed"))).toEqual([]);
    // tcpdump ends at once when it is told to, whatever it has not read yet.
    await waitFor("the announcements of both in the file", async () => {
      const { stdout } = await run(["tcpdump", "-n", "-r", file, "icmp6"]);
      return (stdout.match(/neighbor advertisement/g)?.length ?? 0) >= 20;
    });
    await capture.stop();
    try {
      const shown = (filter: string): Promise<string> => mustRun(["tshark", "-r", file, "-Y", filter]);
      const announced = await shown("icmpv6.type == 136 && icmpv6.nd.na.flag.o == 1 && eth.dst == 33:33:00:00:00:01");
      expect(announced.trim().split("\n").length).toBeGreaterThanOrEqual(20);
      expect((await shown("vrrp.prio == 0")).trim().split("\n").length).toBe(1);
      expect(await shown("_ws.malformed || vrrp.checksum.status == 0 || icmpv6.checksum.status == 0")).toBe("");
      expect(await shown("vrrp && (ipv6.hlim != 255 || !(ipv6.dst == ff02::12))")).toBe("");
    } finally {
      unlinkSync(file);
    }
  });

  test.skipIf(Bun.which("keepalived") === null)("Ballast and keepalived follow each other over IPv6", async () => {
    network = await makeNetwork("bvsix", { a: "192.0.2.1/24", k: "192.0.2.2/24" });
    const keepalived = (priority: number): ReturnType<typeof startKeepalivedWith> =>
      startKeepalivedWith(
        node("k"),
        `global_defs {\n vrrp_version 3\n}\nvrrp_instance V {\n state BACKUP\n interface eth0\n virtual_router_id 51\n` +
          ` priority ${priority}\n advert_int 0.4\n virtual_ipaddress {\n ${VIPS.join("\n ")}\n }\n}\n`,
      );
    const lower = keepalived(99);
    await waitFor("keepalived to lead", async () => (await holders(["a", "k"])) === "k");
    const a = start("a", 100);
    await waitFor("Ballast to preempt", async () => (await holders(["a", "k"])) === "a");
    await lower.stop();
    const higher = keepalived(150);
    await waitFor("keepalived to preempt", async () => (await holders(["a", "k"])) === "k");
    expect(a.status()).toMatchObject({ state: "backup", masterPriority: 150, errors: {} });
    await higher.stop();
    await waitFor("Ballast to take over", async () => (await holders(["a", "k"])) === "a");
  });

  test("a link-local address that is still being checked is not spoken from", async () => {
    network = await makeNetwork("bvsix", { a: "192.0.2.1/24" });
    await network.removeInterface("a");
    const a = start("a", 100);
    await a.waitForState("fault");
    await network.addInterface("a");
    await waitFor("the word about the address", () =>
      a.events().some((text) => text.includes("no address to send from")),
    );
    await a.waitForState("master");
    await waitFor("the VIPs", async () => (await holders(["a"])) === "a");
  });

  test("unicast peers over IPv6, and 255 addresses of which most are not advertised", async () => {
    network = await makeNetwork("bvsix", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
    for (const [name, address] of Object.entries({ a: "2001:db8::1/64", b: "2001:db8::2/64" })) {
      await node(name).run(["ip", "address", "add", address, "dev", "eth0", "nodad"]);
    }
    const many = addresses(Array.from({ length: 254 }, (_, i) => `2001:db8::1:${(i + 1).toString(16)}/128`));
    const unicast = (own: number): Partial<VrrpConfig> => ({
      unicast: { source: `2001:db8::${own}`, peers: [`2001:db8::${3 - own}`] },
      addresses: addresses(["2001:db8::10/64"]),
      excludedAddresses: many,
    });
    const a = start("a", 101, unicast(1));
    await a.waitForState("master");
    const b = start("b", 100, unicast(2));
    await waitFor("b to hear a", () => b.status()?.masterAddress === "2001:db8::1");
    expect((await node("a").addresses6()).length).toBe(254 + 3);
    await a.process.stop();
    await waitFor("b to hold them all", async () => (await node("b").addresses6()).length === 254 + 3);
  });
});
