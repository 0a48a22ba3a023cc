/** What the sockets of a speaker tell and do beside adverts: lost packets, mismatched ones, membership. Skipped without root. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { VrrpConfig } from "../../src/config/types-vrrp.ts";
import { canMakeNamespaces, makeNetwork, type Network } from "../support/netns.ts";
import { mustRun } from "../support/process.ts";
import { type BallastNode, instanceConfig, startBallast, stopSpeakers, temporaryFolder } from "../support/vrrp-peer.ts";
import { TEST_LIMIT_MS, waitFor } from "../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

let network: Network | null = null;

afterEach(async () => {
  await stopSpeakers();
  await network?.close();
  network = null;
});

const node = (name: string): ReturnType<Network["node"]> => network!.node(name);

function start(name: string, changes: Partial<VrrpConfig> = {}): BallastNode {
  return startBallast(node(name), [instanceConfig({ advertIntervalMs: 1000, ...changes })]);
}

const ipv6: Pick<VrrpConfig, "addresses"> = {
  addresses: [
    { family: 6, address: "fe80::51", prefixLength: 64, dev: null, label: null, scope: null, broadcast: null },
  ],
};

/** Sends packets of protocol 112 as fast as it can, until it is stopped. */
const flood = (family: 4 | 6): readonly string[] => [
  process.execPath,
  join(import.meta.dir, "../support/vrrp-flood.ts"),
  String(family),
];

describe.skipIf(!canMakeNamespaces)("sockets", () => {
  test.each([4, 6] as const)(
    "packets that a stopped process could not take are counted and told of once (IPv%d)",
    async (family) => {
      network = await makeNetwork("bvsock", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
      const a = start("a", family === 6 ? ipv6 : {});
      await a.waitForState("master");
      const lost = (): number => a.status()?.errors["receive_queue_overflow"] ?? 0;
      expect(lost()).toBe(0);
      const source = node("b").start(flood(family));
      await source.waitForOutput(/1000/);
      a.process.signal("SIGSTOP");
      // Far more than fits into 256 KiB of buffer.
      await source.waitForOutput(/10000\n/);
      a.process.signal("SIGCONT");
      await source.stop();
      await waitFor("the count", () => lost() > 100);
      const told = a.events().filter((text) => text.includes("were lost so far"));
      expect(told).toEqual([expect.stringMatching(/^\d+ VRRP packets on eth0 were lost so far: they came faster/)]);
    },
  );

  test("an instance with an authentication header and one without tell that they cannot hear each other", async () => {
    network = await makeNetwork("bvsock", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
    const a = start("a", { version: 2, priority: 101, authPassword: "s3cret", authType: "ah" });
    const b = start("b", { version: 2, priority: 100, authPassword: "s3cret" });
    for (const one of [a, b]) {
      await waitFor("the mismatch", () => (one.status()?.errors["auth_type"] ?? 0) > 1);
      expect(Object.keys(one.status()?.errors ?? {})).toEqual(["auth_type"]);
      expect(
        one.events().filter((text) => /^advert of \S+ refused: its kind of authentication is another one$/.test(text))
          .length,
      ).toBe(1);
    }
  });

  test("adverts of other virtual routers with the other kind of authentication are nobody's business", async () => {
    network = await makeNetwork("bvsock", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
    const common = { version: 2, authPassword: "s3cret" } as const;
    const a = startBallast(node("a"), [
      instanceConfig({ ...common, priority: 101, authType: "ah" }),
      instanceConfig({ ...common, name: "VI_2", virtualRouterId: 52 }),
    ]);
    await waitFor("both to lead", () => a.statuses().every(({ state }) => state === "master"));
    const b = start("b", { ...common, priority: 100, authType: "ah" });
    await waitFor("b to hear a", () => (b.status()?.advertsReceived ?? 0) > 2);
    expect(b.status()?.errors).toEqual({});
  });

  test("groups are reported when the link comes up, from the real interface, as tshark reads it", async () => {
    network = await makeNetwork("bvsock", { a: "192.0.2.1/24", c: "192.0.2.3/24" });
    const file = join(temporaryFolder(), "capture");
    const capture = node("c").start(["tcpdump", "-U", "--immediate-mode", "-i", "eth0", "-w", file, "ip or ip6"]);
    await capture.waitForOutput(/listening on/);
    const shown = async (filter: string): Promise<number> =>
      (await mustRun(["tshark", "-r", file, "-Y", filter])).split("\n").length - 1;
    const mac = (await node("a").run(["cat", "/sys/class/net/eth0/address"])).trim();
    const a = startBallast(node("a"), [
      instanceConfig({ vmac: { name: "vrrp.51", xmitBase: false } }),
      instanceConfig({ name: "VI_6", ...ipv6 }),
      instanceConfig({ name: "VI_2", virtualRouterId: 52, multicastGroup: "239.1.2.3" }),
      instanceConfig({
        name: "VI_3",
        virtualRouterId: 53,
        multicastGroup: "239.9.9.9",
        unicast: { source: null, peers: ["192.0.2.3"] },
      }),
    ]);
    await waitFor("all to lead", () => a.statuses().every(({ state }) => state === "master"));
    // The kernel's own reports tell of a change; these tell how it is.
    const to = `igmp.record_type == 2 && ip.dst == 224.0.0.22 && ip.ttl == 1 && ip.opt.ra == 0 && eth.src == ${mac}`;
    const of4 = (group: string): string => `${to} && igmp.maddr == ${group} && igmp.checksum.status == 1`;
    const of6 =
      `icmpv6.type == 143 && icmpv6.mldr.mar.record_type == 2 && icmpv6.mldr.mar.multicast_address == ff02::12 && ` +
      `ipv6.dst == ff02::16 && ipv6.hlim == 1 && ipv6.opt.router_alert == 0 && icmpv6.checksum.status == 1 && eth.src == ${mac}`;
    const filters = [of4("224.0.0.18"), of4("239.1.2.3"), of6];
    await waitFor("reports", async () => (await Promise.all(filters.map(shown))).every((count) => count >= 2));
    expect(await shown("igmp.record_type == 2 && igmp.maddr == 239.9.9.9")).toBe(0);
    expect(
      await shown(
        "_ws.malformed || igmp.checksum.status == 0 || icmpv6.checksum.status == 0 || ip.checksum.status == 0",
      ),
    ).toBe(0);
    const before = await Promise.all(filters.map(shown));
    await network.cable("a", false);
    await a.waitForState("fault");
    await network.cable("a", true);
    await waitFor("reports again", async () =>
      (await Promise.all(filters.map(shown))).every((count, i) => count > before[i]),
    );
  });

  test.each([4, 6] as const)(
    "behind a switch that asks who listens a backup hears the master and sends nothing from its MAC address (IPv%d)",
    async (family) => {
      network = await makeNetwork("bvsock", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
      const hub = node("a").namespace.replace(/-a$/, "-hub");
      const bridge = (text: string): Promise<string> =>
        mustRun(["ip", "-n", hub, "link", "set", "br0", "type", "bridge", ...text.split(" ")]);
      await bridge("mcast_snooping 1 mcast_query_interval 100 mcast_query_response_interval 50");
      await bridge("mcast_startup_query_interval 100 mcast_igmp_version 3 mcast_mld_version 2");
      const virtualMac = `00:00:5e:00:0${family === 4 ? 1 : 2}:33`;
      const changes: Partial<VrrpConfig> = {
        vmac: { name: "vrrp.51", xmitBase: false },
        // 224.0.0.18 goes to everybody, as all of 224.0.0.0/24.
        ...(family === 6 ? ipv6 : { multicastGroup: "239.1.2.3" }),
      };
      const group = family === 6 ? "ff02::12" : "239.1.2.3";
      const sent = node("b").start(["tcpdump", "-l", "-n", "-e", "-Q", "out", "-i", "eth0", `ether src ${virtualMac}`]);
      await sent.waitForOutput(/listening on/);
      // Of a query of either family; IPv6's has a hop-by-hop header in front.
      const query = family === 6 ? "ip6[6] = 0 and ip6[48] = 130" : "igmp[0] = 0x11";
      const asked = node("b").start(["tcpdump", "-l", "-n", "-i", "eth0", query]);
      const a = start("a", { priority: 101, ...changes });
      await a.waitForState("master");
      const b = start("b", { priority: 100, ...changes });
      await bridge("mcast_querier 1");
      await asked.waitForOutput(/query[^]*query[^]*query/);
      const table = await mustRun(["bridge", "-n", hub, "mdb", "show"]);
      for (const port of ["p-a", "p-b"])
        expect(table).toMatch(new RegExp(`port ${port} grp ${group.replaceAll(".", "\\.")} `));
      const heard = b.status()?.advertsReceived ?? 0;
      await waitFor("adverts", () => (b.status()?.advertsReceived ?? 0) > heard + 2);
      expect(b.status()).toMatchObject({ state: "backup", errors: {} });
      expect(sent.stdout()).toBe("");
    },
  );

  test("reports are of version 2 where the kernel is told to speak it", async () => {
    network = await makeNetwork("bvsock", { a: "192.0.2.1/24", c: "192.0.2.3/24" });
    await node("a").run(["sh", "-c", "echo 2 > /proc/sys/net/ipv4/conf/eth0/force_igmp_version"]);
    const filter = "igmp and src host 192.0.2.1 and dst host 224.0.0.18";
    const capture = node("c").start(["tcpdump", "-l", "-n", "-v", "-i", "eth0", filter]);
    await capture.waitForOutput(/listening on/);
    start("a");
    // The kernel's own forbids fragments.
    await capture.waitForOutput(
      /tos 0xc0, ttl 1, id 0, offset 0, flags \[none\], [^\n]*options \(RA\)\)\n[^\n]*igmp v2 report 224\.0\.0\.18/,
    );
  });
});
