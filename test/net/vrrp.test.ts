/** Two Ballast nodes in network namespaces: what an operator does to them and what happens to them. Skipped without root. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VrrpConfig } from "../../src/config/types-vrrp.ts";
import { canMakeNamespaces, makeNetwork, type Network } from "../support/netns.ts";
import { mustRun, run } from "../support/process.ts";
import { type BallastNode, holdsVip, instanceConfig, startBallast, stopSpeakers, VIP } from "../support/vrrp-peer.ts";
import { holdsFor, TEST_LIMIT_MS, waitFor } from "../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

/** Down times of 1.4 s and more: no stall of a busy machine below that moves a VIP. */
const INTERVAL_MS = 400;

let network: Network | null = null;

afterEach(async () => {
  await stopSpeakers();
  await network?.close();
  network = null;
});

const node = (name: string): ReturnType<Network["node"]> => network!.node(name);

function start(name: "a" | "b", changes: Partial<VrrpConfig> = {}): BallastNode {
  const priority = name === "a" ? 101 : 100;
  return startBallast(node(name), [instanceConfig({ advertIntervalMs: INTERVAL_MS, priority, ...changes })]);
}

/** Nodes a (leads) and b (follows), and c that only looks on. */
async function pair(changes: Partial<VrrpConfig> = {}): Promise<readonly [BallastNode, BallastNode]> {
  network = await makeNetwork("bvnet", { a: "192.0.2.1/24", b: "192.0.2.2/24", c: "192.0.2.3/24" });
  const a = start("a", changes);
  const b = start("b", changes);
  await a.waitForState("master");
  await waitFor("b to hear a", () => b.status()?.masterAddress === "192.0.2.1");
  return [a, b];
}

const onlyHolder = (name: "a" | "b"): Promise<unknown> =>
  waitFor(`${name} alone to hold the VIP`, async () => {
    const held = [(await holdsVip(node("a"))) && "a", (await holdsVip(node("b"))) && "b"].filter(Boolean);
    return held.join() === name;
  });

describe.skipIf(!canMakeNamespaces)("two nodes", () => {
  test("a failover order moves the VIP, and it stays there although the old master has the higher priority", async () => {
    const [a, b] = await pair();
    a.process.signal("SIGUSR1");
    await b.waitForState("master");
    await onlyHolder("b");
    expect(await holdsFor(() => a.status()?.state === "backup" && b.status()?.state === "master", 1500)).toBe(true);
    expect(a.status()?.why).toContain("handed over by order");
  });

  test("a client reaches the VIP through stop, takeover and return", async () => {
    const [a] = await pair();
    const client = node("c").start(["ping", "-n", "-O", "-i", "0.02", "-W", "1", "192.0.2.10"]);
    await client.waitForOutput(/icmp_seq=10 /);
    a.process.signal("SIGTERM");
    await onlyHolder("b");
    const again = start("a");
    await again.waitForState("master");
    await onlyHolder("a");
    const answered = client.stdout().length;
    await waitFor("answers from the returned node", () => client.stdout().length > answered + 500);
    await client.stop("SIGINT");
    const [, sent, received] = client
      .stdout()
      .match(/(\d+) packets transmitted, (\d+) received/)!
      .map(Number);
    // Priority 100 at 400 ms: the skew is 0.24 s, twelve of these packets, the down time 72; the return loses none.
    expect(sent - received).toBeLessThan(60);
  });

  test("a pulled cable is a fault at once, the other node takes over, and the VIP returns with the carrier", async () => {
    const [a, b] = await pair();
    await network!.cable("a", false);
    await a.waitForState("fault");
    expect(a.status()?.why).toBe("interface eth0 is down");
    await b.waitForState("master");
    await network!.cable("a", true);
    await a.waitForState("master");
    await onlyHolder("a");
  });

  test("an interface that is removed and made anew is used again (iface-recreated)", async () => {
    const [a, b] = await pair();
    await network!.removeInterface("a");
    await a.waitForState("fault");
    expect(a.status()?.why).toBe("interface eth0 does not exist");
    await b.waitForState("master");
    await network!.addInterface("a");
    await a.waitForState("master");
    await onlyHolder("a");
  });

  test("a proxy that stops serving gives the VIP away at once and gets it back", async () => {
    const [a, b] = await pair({ tracks: [{ kind: "proxy", weight: 0 }] });
    a.process.signal("SIGUSR2");
    await b.waitForState("master");
    await onlyHolder("b");
    await a.waitForState("fault");
    expect(a.status()).toMatchObject({ state: "fault", priorityZeroSent: 1 });
    a.process.signal("SIGUSR2");
    await a.waitForState("master");
    await onlyHolder("a");
  });

  test("a reload with another VIP and priority keeps both nodes' states and every advert", async () => {
    const [a, b] = await pair();
    const extra = { ...instanceConfig({}).addresses[0], address: "192.0.2.11" };
    const changed = instanceConfig({ advertIntervalMs: INTERVAL_MS, priority: 150 });
    const before = { a: a.status()!.transitions, b: b.status()!.transitions };
    a.reload([{ ...changed, addresses: [...changed.addresses, extra] }]);
    await waitFor("the new VIP", async () => (await node("a").addresses()).includes("192.0.2.11/24"));
    expect(await holdsVip(node("a"))).toBe(true);
    await waitFor("b to hear the new priority", () => b.status()?.masterPriority === 150);
    a.reload([changed]);
    await waitFor("the VIP to go", async () => !(await node("a").addresses()).includes("192.0.2.11/24"));
    expect(a.status()).toMatchObject({ state: "master", transitions: before.a });
    expect(b.status()).toMatchObject({ state: "backup", transitions: before.b });
  });

  test("a VIP that a reload adds in the middle of a hand-over is there when nobody takes over", async () => {
    network = await makeNetwork("bvnet", { a: "192.0.2.1/24" });
    const a = start("a");
    await a.waitForState("master");
    await waitFor("the VIP", () => holdsVip(node("a")));
    a.process.signal("SIGUSR1");
    await waitFor("the hand-over", () => a.status()?.why.includes("handing over"));
    const base = instanceConfig({ advertIntervalMs: INTERVAL_MS, priority: 101 });
    a.reload([{ ...base, addresses: [...base.addresses, { ...base.addresses[0], address: "192.0.2.11" }] }]);
    await waitFor("the new VIP", async () => (await node("a").addresses()).includes("192.0.2.11/24"));
    expect(await holdsVip(node("a"))).toBe(true);
    await waitFor("the report", () => a.events().some((text) => text.includes("this one goes on leading")));
  });

  test("a VIP that a reload moves to another instance of the node is there afterwards", async () => {
    network = await makeNetwork("bvnet", { a: "192.0.2.1/24" });
    const vip = (last: number): VrrpConfig["addresses"] => [
      { ...instanceConfig({}).addresses[0], address: `192.0.2.${last}` },
    ];
    const two = (first: number, second: number): readonly VrrpConfig[] => [
      instanceConfig({ advertIntervalMs: INTERVAL_MS, addresses: vip(first) }),
      instanceConfig({ advertIntervalMs: INTERVAL_MS, addresses: vip(second), name: "VI_2", virtualRouterId: 52 }),
    ];
    const a = startBallast(node("a"), two(10, 11));
    await waitFor("both VIPs", async () => (await node("a").addresses()).length === 3);
    a.reload(two(11, 12));
    const wanted = ["192.0.2.1/24", "192.0.2.11/24", "192.0.2.12/24"];
    await waitFor("the new VIPs", async () => (await node("a").addresses()).toSorted().join() === wanted.join());
  });

  test("an instance that a reload removes resigns, the others stay", async () => {
    const [a, b] = await pair();
    a.reload([instanceConfig({ virtualRouterId: 52, name: "VI_2", addresses: [] })]);
    await b.waitForState("master");
    await onlyHolder("b");
  });

  test("a VIP that somebody removes is put back and reported", async () => {
    const [a] = await pair();
    await node("a").run(["ip", "address", "del", VIP, "dev", "eth0"]);
    await waitFor("the VIP", () => holdsVip(node("a")));
    await waitFor("the report", () => a.events().some((text) => text.includes("somebody removed")));
    expect(a.status()?.state).toBe("master");
  });

  test("a VIP that somebody else set is left alone: the instance is in fault until it is gone (vip-present-foreign)", async () => {
    network = await makeNetwork("bvnet", { a: "192.0.2.1/24" });
    await node("a").run(["ip", "address", "add", VIP, "dev", "eth0"]);
    const a = start("a");
    await a.waitForState("fault");
    expect(a.status()?.why).toContain("Ballast did not set it");
    expect(await holdsVip(node("a"))).toBe(true);
    // Every configuration is a new try; nobody is told of one that fails for the same reason.
    const told = a.status()!.transitions;
    a.reload([instanceConfig({ advertIntervalMs: INTERVAL_MS, priority: 120 })]);
    await waitFor("the new priority", () => a.status()?.priority === 120);
    expect(a.status()).toMatchObject({ state: "fault", transitions: told });
    await node("a").run(["ip", "address", "del", VIP, "dev", "eth0"]);
    await a.waitForState("master");
  });

  test("another cluster with the same VRID is told of in the status until it has one of its own", async () => {
    network = await makeNetwork("bvnet", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
    const base = instanceConfig({ advertIntervalMs: INTERVAL_MS, priority: 101 });
    const other = { ...base, addresses: [{ ...base.addresses[0], address: "192.0.2.77" }] };
    startBallast(node("b"), [other]);
    const a = start("a", { priority: 100 });
    const text = "192.0.2.2 has this virtual_router_id too, for other addresses: choose another one";
    await waitFor("the other cluster to be named", () => a.status()?.refused?.includes(text));
    a.reload([other]);
    await waitFor("it to be forgotten", () => a.status()?.refused?.length === 0);
  });

  test("a reload that takes away what the kernel refused ends the fault at once", async () => {
    network = await makeNetwork("bvnet", { a: "192.0.2.1/24" });
    const base = instanceConfig({ advertIntervalMs: INTERVAL_MS });
    const a = startBallast(node("a"), [{ ...base, addresses: [{ ...base.addresses[0], dev: "nodev" }] }]);
    await a.waitForState("fault");
    expect(a.status()?.why).toContain("interface nodev does not exist");
    a.reload([base]);
    // Its own next try is ten seconds away.
    await a.waitForState("master", 8000);
    expect(await holdsVip(node("a"))).toBe(true);
  });

  test("a node whose interface is missing starts in fault, leads when it appears, and leaves no VIP without supervisor", async () => {
    network = await makeNetwork("bvnet", { a: "192.0.2.1/24" });
    await network.removeInterface("a");
    const a = start("a");
    await a.waitForState("fault");
    await network.addInterface("a");
    await a.waitForState("master");
    await waitFor("the VIP", () => holdsVip(node("a")));
    a.process.signal("SIGQUIT");
    expect(await a.process.exited).toBe(0);
    expect(await holdsVip(node("a"))).toBe(false);
  });

  test("a speaker that stood still finds a lost address by itself and leads again (stop-cont, netlink-enobufs)", async () => {
    const [a, b] = await pair();
    a.process.signal("SIGSTOP");
    await b.waitForState("master");
    const churn = Array.from({ length: 4000 }, (_, i) => `address add 127.1.${i >> 8}.${i & 255}/32 dev lo`);
    const file = join(tmpdir(), `ballast-churn-${process.pid}`);
    await Bun.write(file, [...churn, `address del ${VIP} dev eth0`].join("\n"));
    await node("a")
      .run(["ip", "-batch", file])
      .finally(() => unlinkSync(file));
    const netlink = await node("a").run(["cat", "/proc/net/netlink"]);
    const drops = netlink
      .split("\n")
      .slice(1)
      .map((line) => Number(line.trim().split(/\s+/)[8] ?? 0));
    expect(Math.max(...drops)).toBeGreaterThan(0);
    a.process.signal("SIGCONT");
    await b.waitForState("backup");
    await onlyHolder("a");
    expect(a.status()).toMatchObject({ state: "master" });
  });

  test("a host that has the VIP too is told of with its MAC address soon, and forgotten when it is gone", async () => {
    const [a] = await pair();
    const mac = (await node("c").run(["cat", "/sys/class/net/eth0/address"])).trim();
    await Bun.sleep(1600);
    const startedMs = performance.now();
    await node("c").run(["ip", "address", "add", VIP, "dev", "eth0"]);
    await waitFor("the alarm", () => a.events().includes(`${VIP} is also claimed by the host with MAC ${mac}`));
    // Two seconds on a machine with nothing else to do.
    expect(performance.now() - startedMs).toBeLessThan(5000);
    await waitFor("the status", () => a.status()?.rivals?.join() === `the host with MAC ${mac} (${VIP})`);
    expect(a.status()?.state).toBe("master");
    expect(a.events().filter((text) => text.includes("is also claimed")).length).toBe(1);
  });

  test.skipIf(Bun.which("nft") === null)(
    "a node that does not hear the master is alarmed about on the other side, and the end of it is announced (partition-one-way)",
    async () => {
      const [a, b] = await pair();
      await node("b").run(["nft", "add table ip t; add chain ip t i { type filter hook input priority 0; }"]);
      await node("b").run(["nft", "add rule ip t i ip protocol 112 drop"]);
      await b.waitForState("master");
      await waitFor("the alarm", () =>
        a.events().some((text) => text.startsWith("192.0.2.2 acts as master too (priority 100, ours 101)")),
      );
      await waitFor("the rival", () => a.status()?.rivals?.includes("192.0.2.2 (priority 100)"));
      await waitFor("what is heard of it", () =>
        a.status()?.details?.join("\n").includes("heard 192.0.2.2: priority 100 every 0.40 s"),
      );
      await node("b").run(["nft", "delete table ip t"]);
      await b.waitForState("backup");
      await waitFor("the end", () => a.events().includes("192.0.2.2 no longer acts as master"));
      await onlyHolder("a");
      // Its MAC address is remembered for half a minute when its ARP was heard, which depends on how long a has led.
      const isRival = (): boolean | undefined => a.status()?.rivals?.some((text) => text.startsWith("192.0.2.2"));
      await waitFor("the rival to be forgotten", () => isRival() === false);
      expect(a.status()?.transitions).toBe(2);
    },
  );

  for (const version of [2, 3] as const) {
    test(`tshark finds nothing wrong in what a node sends in version ${version}`, async () => {
      network = await makeNetwork("bvnet", { a: "192.0.2.1/24", c: "192.0.2.3/24" });
      const file = join(tmpdir(), `ballast-capture-${process.pid}-${version}`);
      try {
        const capture = node("c").start([
          "tcpdump",
          "-U",
          "--immediate-mode",
          "-i",
          "eth0",
          "-w",
          file,
          "ip proto 112 or arp",
        ]);
        await capture.waitForOutput(/listening on/);
        const a = start("a", {
          version,
          advertIntervalMs: 1000,
          priority: 254,
          authPassword: version === 2 ? "x" : null,
        });
        await a.waitForState("master");
        await waitFor("a second advert", () => a.status()!.advertsSent >= 2);
        await a.process.stop();
        // tcpdump ends at once when it is told to, whatever it has not read yet.
        await waitFor("the goodbye in the file", async () =>
          (await run(["tcpdump", "-n", "-v", "-r", file, "ip proto 112"])).stdout.includes("prio 0"),
        );
        await capture.stop();
        const fields = ["-e", "ip.src", "-e", "vrrp.prio", "-e", "arp.isgratuitous", "-e", "_ws.expert.message"];
        const seen = await mustRun([
          "tshark",
          "-r",
          file,
          "-o",
          "vrrp.v3_checksum_as_in_v2:FALSE",
          "-T",
          "fields",
          ...fields,
        ]);
        const lines = seen.trimEnd().split("\n");
        expect(lines.filter((line) => line.startsWith("192.0.2.1\t254")).length).toBeGreaterThanOrEqual(2);
        expect(lines.filter((line) => line.startsWith("192.0.2.1\t0")).length).toBe(1);
        expect(lines.filter((line) => line.split("\t")[2] === "1").length).toBe(5);
        expect(await mustRun(["tshark", "-r", file, "-Y", "_ws.malformed || vrrp.checksum.status == 0"])).toBe("");
      } finally {
        unlinkSync(file);
      }
    });
  }

  test("two instances with crossed priorities share the load, and one node carries both when the other stops", async () => {
    network = await makeNetwork("bvnet", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
    const two = (first: number, second: number): readonly VrrpConfig[] => [
      instanceConfig({ advertIntervalMs: INTERVAL_MS, priority: first }),
      instanceConfig({
        name: "VI_2",
        virtualRouterId: 52,
        advertIntervalMs: INTERVAL_MS,
        priority: second,
        addresses: [{ ...instanceConfig({}).addresses[0], address: "192.0.2.11" }],
      }),
    ];
    const a = startBallast(node("a"), two(100, 50));
    startBallast(node("b"), two(50, 100));
    const held = async (): Promise<string> => {
      const vips = ["192.0.2.10/24", "192.0.2.11/24"];
      const of = async (name: string): Promise<string> => {
        const here = await node(name).addresses();
        return vips.map((vip) => (here.includes(vip) ? "x" : "-")).join("");
      };
      return `${await of("a")} ${await of("b")}`;
    };
    await waitFor("one VIP on each", async () => (await held()) === "x- -x");
    await a.process.stop();
    await waitFor("both on b", async () => (await held()) === "-- xx");
  });
});
