/**
 * A vrrp role that dies without a word, in the whole appliance: the supervisor says goodbye for it and takes the VIP away.
 * Skipped without root; wants the built program.
 */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Appliance, startAppliance, stopAppliances } from "../support/appliance.ts";
import { canMakeNamespaces, makeNetwork, type Network } from "../support/netns.ts";
import { TEST_LIMIT_MS, waitFor } from "../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

let network: Network | null = null;

afterEach(async () => {
  await stopAppliances();
  await network?.close();
  network = null;
});

const VIPS = ["192.0.2.10/24", "2001:db8::10/64"];
/** Version 3 at one second: down time 3.6 s, skew 0.6 s with priority 100. */
const SKEW_MS = 610;
/** A busy machine; the sum is a second below the down time. */
const SLACK_MS = 2000;

function site(priority: number): string {
  const common = `interface = "eth0"\nvirtual_router_id = 51\nversion = 3\npriority = ${priority}\n`;
  return `[vrrp.four]\n${common}addresses = ["${VIPS[0]}"]\n[vrrp.six]\n${common}addresses = ["${VIPS[1]}"]\n`;
}

const start = (name: string, priority: number): Promise<Appliance> =>
  startAppliance(site(priority), { prefix: ["ip", "netns", "exec", network!.node(name).namespace] });

async function states(appliance: Appliance): Promise<string> {
  return (await appliance.snapshot()).vrrp.map(({ state }) => state).join(" ");
}

async function vipsOf(name: string): Promise<number> {
  const node = network!.node(name);
  const here = [...(await node.addresses()), ...(await node.addresses6())];
  return VIPS.filter((vip) => here.includes(vip)).length;
}

describe.skipIf(!canMakeNamespaces)("a killed vrrp role", () => {
  test("costs the skew time, leaves no VIP, and its node leads again afterwards", async () => {
    network = await makeNetwork("bvwil", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
    const a = await start("a", 101);
    await waitFor("a to lead", async () => (await states(a)) === "master master");
    const b = await start("b", 100);
    await waitFor("b to hear a", async () =>
      (await b.snapshot()).vrrp.every((each) => each.state === "backup" && each.masterAddress !== null),
    );
    const killed = a.pidOf("vrrp") ?? -1;
    const startedMs = performance.now();
    process.kill(killed, "SIGKILL");
    await waitFor("a to be without VIPs", async () => (await vipsOf("a")) === 0);
    expect(performance.now() - startedMs).toBeLessThan(SLACK_MS);
    await waitFor("b to hold both", async () => (await vipsOf("b")) === 2);
    expect(performance.now() - startedMs).toBeLessThan(SKEW_MS + SLACK_MS);
    expect(await vipsOf("a")).toBe(0);
    expect((await a.events()).map(({ text }) => text).join("\n")).toContain("said goodbye for the dead vrrp role");
    await waitFor("a to lead again", async () => (await states(a)) === "master master");
    await waitFor("b to follow", async () => (await states(b)) === "backup backup");
    await waitFor("all VIPs on a", async () => (await vipsOf("a")) === 2 && (await vipsOf("b")) === 0);
  });

  test("with an authentication header says a goodbye that the others believe", async () => {
    const sealed = (priority: number): string =>
      `[vrrp.four]\ninterface = "eth0"\nvirtual_router_id = 51\npriority = ${priority}\naddresses = ["${VIPS[0]}"]\n` +
      'auth = { type = "ah", password = "s3cret" }\n';
    const begin = (name: string, priority: number): Promise<Appliance> =>
      startAppliance(sealed(priority), { prefix: ["ip", "netns", "exec", network!.node(name).namespace] });
    network = await makeNetwork("bvwil", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
    const a = await begin("a", 101);
    await waitFor("a to lead", async () => (await states(a)) === "master");
    const b = await begin("b", 100);
    await waitFor("b to hear a", async () => (await b.snapshot()).vrrp[0]?.masterAddress === "192.0.2.1");
    const startedMs = performance.now();
    process.kill(a.pidOf("vrrp") ?? -1, "SIGKILL");
    await waitFor("b to hold the VIP", async () => (await vipsOf("b")) === 1);
    expect(performance.now() - startedMs).toBeLessThan(SKEW_MS + SLACK_MS);
    await waitFor("a to lead again", async () => (await states(a)) === "master");
    expect((await b.snapshot()).vrrp[0]?.errors).toEqual({});
  });

  test("that has been stopped in order leaves nothing to the supervisor", async () => {
    network = await makeNetwork("bvwil", { a: "192.0.2.1/24", c: "192.0.2.3/24" });
    const listener = network.node("c").start(["tcpdump", "-l", "-n", "-v", "-i", "eth0", "ip", "proto", "112"]);
    await listener.waitForOutput(/listening on eth0/);
    const a = await start("a", 254);
    await waitFor("a to lead", async () => (await states(a)) === "master master");
    await a.process.stop();
    await waitFor("the goodbye", () => listener.stdout().includes("prio 0"));
    expect([...listener.stdout().matchAll(/prio 0/g)].length).toBe(1);
  });
});
