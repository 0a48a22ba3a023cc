/** VIPs and interfaces that would stay behind where nobody looks for them. Skipped without root. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { VipConfig, VrrpConfig } from "../../src/config/types-vrrp.ts";
import { canMakeNamespaces, makeNetwork, type Network } from "../support/netns.ts";
import { type BallastNode, instanceConfig, startBallast, stopSpeakers, VIP } from "../support/vrrp-peer.ts";
import { TEST_LIMIT_MS, waitFor } from "../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

let network: Network | null = null;

afterEach(async () => {
  await stopSpeakers();
  await network?.close();
  network = null;
});

const node = (name: string): ReturnType<Network["node"]> => network!.node(name);
const ip = (name: string, ...words: readonly string[]): Promise<string> => node(name).run(["ip", ...words]);

const vipOn = (dev: string): VipConfig => ({ ...instanceConfig({}).addresses[0], dev });

function start(name: string, priority: number, changes: Partial<VrrpConfig> = {}): BallastNode {
  return startBallast(node(name), [instanceConfig({ priority, advertIntervalMs: 400, ...changes })]);
}

/** `a:eth0 b:eth1`: every place where the VIP stands. */
async function places(): Promise<string> {
  const held: string[] = [];
  for (const { name } of network!.nodes) {
    const text = await ip(name, "-4", "-o", "address");
    for (const [, dev] of text.matchAll(new RegExp(`: (\\S+)\\s+inet ${VIP} `, "g"))) held.push(`${name}:${dev}`);
  }
  return held.join(" ");
}

const onlyOn = (place: string): Promise<unknown> =>
  waitFor(`the VIP on ${place === "" ? "no interface" : place} alone`, async () => (await places()) === place);

const twoNodes = (): Promise<Network> => makeNetwork("bvleft", { a: "192.0.2.1/24", b: "192.0.2.2/24" });

const addEth1 = async (name: string): Promise<void> => {
  await ip(name, "link", "add", "eth1", "type", "veth", "peer", "name", "peer1");
  await ip(name, "link", "set", "peer1", "up");
  await ip(name, "link", "set", "eth1", "up");
};

describe.skipIf(!canMakeNamespaces)("an interface that is renamed on the master", () => {
  test("takes no VIP along", async () => {
    network = await twoNodes();
    const a = start("a", 101);
    await a.waitForState("master");
    await onlyOn("a:eth0");
    const b = start("b", 100);
    await waitFor("b to hear a", () => b.status()?.masterAddress === "192.0.2.1");
    await ip("a", "link", "set", "eth0", "name", "ethX");
    await onlyOn("b:eth0");
    expect(a.status()?.why).toContain("interface eth0 does not exist");
    await ip("a", "link", "set", "ethX", "name", "eth0");
    await a.waitForState("master");
    await onlyOn("a:eth0");
  });

  test("ends its lead when only the VIP stood on it", async () => {
    network = await twoNodes();
    await addEth1("a");
    await addEth1("b");
    const a = start("a", 101, { addresses: [vipOn("eth1")] });
    await a.waitForState("master");
    await onlyOn("a:eth1");
    const b = start("b", 100, { addresses: [vipOn("eth1")] });
    await waitFor("b to hear a", () => b.status()?.masterAddress === "192.0.2.1");
    await ip("a", "link", "set", "eth1", "name", "ethX");
    await a.waitForState("fault");
    await onlyOn("b:eth1");
    expect(a.status()?.why).toContain("interface eth1 does not exist");
  });
});

describe.skipIf(!canMakeNamespaces)("what a killed speaker left under another configuration", () => {
  const vmac = { name: "vrrp.51", xmitBase: false };
  const switchOf = async (key: string): Promise<string> =>
    (await node("a").run(["cat", `/proc/sys/net/ipv4/conf/eth0/${key}`])).trim();

  test("is removed on an interface that is no longer served", async () => {
    network = await twoNodes();
    await addEth1("a");
    const killed = start("a", 101, { addresses: [vipOn("eth1")] });
    await killed.waitForState("master");
    await onlyOn("a:eth1");
    await killed.process.stop("SIGKILL");
    await start("b", 102).waitForState("master");
    const next = start("a", 101);
    await next.waitForState("backup");
    await onlyOn("b:eth0");
  });

  test("is removed with its own interface, and the real one is as it was before", async () => {
    network = await twoNodes();
    const killed = start("a", 101, { vmac });
    await killed.waitForState("master");
    await onlyOn("a:vrrp.51");
    await killed.process.stop("SIGKILL");
    expect(await switchOf("arp_ignore")).toBe("1");
    await start("b", 102).waitForState("master");
    const next = start("a", 101);
    await next.waitForState("backup");
    await onlyOn("b:eth0");
    expect(await ip("a", "-o", "link")).not.toContain("vrrp.51");
    expect([await switchOf("arp_ignore"), await switchOf("arp_filter")]).toEqual(["0", "0"]);
  });

  test("is left alone beside another speaker, whose it may be", async () => {
    network = await twoNodes();
    await addEth1("a");
    const other = start("a", 101, { virtualRouterId: 52, addresses: [vipOn("eth1")] });
    await other.waitForState("master");
    await onlyOn("a:eth1");
    const vip = { ...vipOn("eth0"), address: "192.0.2.20" };
    await start("a", 101, { addresses: [vip] }).waitForState("master");
    expect(await places()).toBe("a:eth1");
    expect(other.events().join("\n")).not.toContain("somebody removed");
  });
});
