/** Routes and rules that a node has while it leads. Skipped without root. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { VrrpConfig } from "../../src/config/types-vrrp.ts";
import { canMakeNamespaces, makeNetwork, type Network } from "../support/netns.ts";
import { type BallastNode, instanceConfig, startBallast, stopSpeakers } from "../support/vrrp-peer.ts";
import { TEST_LIMIT_MS, waitFor } from "../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

let network: Network | null = null;

afterEach(async () => {
  await stopSpeakers();
  await network?.close();
  network = null;
});

const node = (name: string): ReturnType<Network["node"]> => network!.node(name);

const route = (to: string, more: Partial<NonNullable<VrrpConfig["routes"]>[number]> = {}) => {
  const [address, length] = to.split("/");
  const family = to.includes(":") ? 6 : 4;
  const plain = { kind: "unicast", via: null, dev: null, source: null, metric: null, table: 254 } as const;
  return { family, to: { address, prefixLength: Number(length) }, ...plain, ...more } as const;
};

const settings: Partial<VrrpConfig> = {
  advertIntervalMs: 400,
  routes: [
    route("0.0.0.0/0", { via: "192.0.2.254", source: "192.0.2.10", table: 100 }),
    route("10.20.0.0/16", { via: "192.0.2.253" }),
    route("10.66.0.0/16", { kind: "blackhole" }),
    route("2001:db8:7::/48", { dev: "eth0" }),
  ],
  rules: [
    {
      family: 4,
      from: { address: "10.20.0.0", prefixLength: 16 },
      to: null,
      incoming: null,
      table: 100,
      priority: 1000,
    },
  ],
};

/** What the node has of them, a letter for each. */
async function present(name: string): Promise<string> {
  const run = (words: string): Promise<string> => node(name).run(["ip", ...words.split(" ")]);
  const main = await run("-4 route show table main");
  return [
    (await run("-4 route show table all")).includes("default via 192.0.2.254 dev eth0 table 100") ? "d" : "-",
    main.includes("10.20.0.0/16 via 192.0.2.253") ? "g" : "-",
    main.includes("blackhole 10.66.0.0/16") ? "b" : "-",
    (await run("-6 route show")).includes("2001:db8:7::/48 dev eth0") ? "s" : "-",
    (await run("rule show")).includes("1000:\tfrom 10.20.0.0/16 lookup 100") ? "r" : "-",
  ].join("");
}

const start = (name: string, priority: number, changes: Partial<VrrpConfig> = {}): BallastNode =>
  startBallast(node(name), [instanceConfig({ priority, ...settings, ...changes })]);

describe.skipIf(!canMakeNamespaces)("virtual routes", () => {
  test("come with the VIP and go with it, a reload changes only what changed, others' stay", async () => {
    network = await makeNetwork("bvrou", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
    await node("a").run(["ip", "route", "add", "10.20.0.0/16", "via", "192.0.2.9", "metric", "7"]);
    const a = start("a", 101);
    await a.waitForState("master");
    await waitFor("all of them on a", async () => (await present("a")) === "dgbsr");
    const b = start("b", 100);
    await waitFor("b to hear a", () => b.status()?.masterAddress === "192.0.2.1");
    expect(await present("b")).toBe("-----");
    a.reload([instanceConfig({ priority: 101, ...settings, routes: settings.routes!.slice(0, 3) })]);
    await waitFor("the last to go", async () => (await present("a")) === "dgb-r");
    await a.process.stop();
    await waitFor("all of them on b", async () => (await present("b")) === "dgbsr");
    expect(await present("a")).toBe("-----");
    expect(await node("a").run(["ip", "route", "show"])).toContain("10.20.0.0/16 via 192.0.2.9");
    expect([...a.events(), ...b.events()].filter((text) => text.includes("cannot be"))).toEqual([]);
  });

  test("that somebody removes are put back, as long as the node leads", async () => {
    network = await makeNetwork("bvrou", { a: "192.0.2.1/24" });
    const a = start("a", 101);
    await a.waitForState("master");
    await waitFor("all of them", async () => (await present("a")) === "dgbsr");
    for (const words of ["route del 10.66.0.0/16", "-6 route del 2001:db8:7::/48", "rule del priority 1000"]) {
      await node("a").run(["ip", ...words.split(" ")]);
    }
    await waitFor("them to be back", async () => (await present("a")) === "dgbsr");
    const told = a.events().join("\n");
    expect(told).toContain("blackhole route to 10.66.0.0/16 table 254");
    expect(told).toContain("rule from 10.20.0.0/16 table 100");
    expect(told).toContain("put back");
    await a.process.stop();
    expect(await present("a")).toBe("-----");
  });

  test("that the kernel refuses are a fault, so that the other node leads", async () => {
    network = await makeNetwork("bvrou", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
    const a = start("a", 101, { routes: [route("10.20.0.0/16", { via: "203.0.113.1" })] });
    await a.waitForState("fault");
    expect(a.status()?.why).toMatch(/^route to 10.20.0.0\/16 via 203.0.113.1 table 254 cannot be set: /);
    const b = start("b", 100);
    await b.waitForState("master");
  });

  test("of a killed speaker are removed by the next one", async () => {
    network = await makeNetwork("bvrou", { a: "192.0.2.1/24" });
    const first = start("a", 101);
    await first.waitForState("master");
    await waitFor("all of them", async () => (await present("a")) === "dgbsr");
    await first.process.stop("SIGKILL");
    const second = start("a", 101, { preemptDelayMs: 60_000, startupDelayMs: 60_000 });
    await waitFor("a to be clean", async () => (await present("a")) === "-----");
    await second.process.stop();
  });
});
