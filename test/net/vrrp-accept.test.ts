/**
 * accept = false: packets from outside to a VIP are dropped, neighbour discovery aside; what goes through the node is
 * not touched. Skipped without root or without nft.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { VipConfig, VrrpConfig } from "../../src/config/types-vrrp.ts";
import type { AcceptOrder } from "../support/accept-node.ts";
import { canMakeNamespaces, makeNetwork, type Network, type NetworkNode } from "../support/netns.ts";
import type { TestProcess } from "../support/process.ts";
import { holdsVip, instanceConfig, startBallast, stopSpeakers, temporaryFolder } from "../support/vrrp-peer.ts";
import { waitFor } from "../support/wait.ts";

const TEST_MS = 60_000;
const canFilter = canMakeNamespaces && Bun.which("nft") !== null;
const PORT = 8080;
/** On the router beside its own addresses. */
const VIPS = ["192.0.2.10", "2001:db8:1::10", "fe80::10"] as const;
const OWN = ["192.0.2.1", "2001:db8:1::1", "fe80::1"] as const;

let network: Network | null = null;

afterEach(async () => {
  await stopSpeakers();
  await network?.close();
  network = null;
});

const node = (name: string): NetworkNode => network!.node(name);
const words = (text: string): readonly string[] => text.split(" ");

/** A router with one arm in two networks: a client in one, a server in the other; the client's way there is a VIP. */
async function makeRouter(): Promise<void> {
  network = await makeNetwork("bvacc", { router: "192.0.2.1/24", client: "192.0.2.2/24", server: "198.51.100.2/24" });
  const add = async (name: string, addresses: readonly string[]): Promise<void> => {
    for (const address of addresses) {
      const more = address.includes(":") ? ["nodad"] : [];
      await node(name).run(["ip", "address", "add", address, "dev", "eth0", ...more]);
    }
  };
  await add("router", ["198.51.100.1/24", "2001:db8:1::1/64", "2001:db8:2::1/64", "fe80::1/64"]);
  await add("client", ["2001:db8:1::2/64"]);
  await add("server", ["2001:db8:2::2/64"]);
  for (const key of ["ipv4.ip_forward=1", "ipv4.conf.all.send_redirects=0", "ipv4.conf.eth0.send_redirects=0"]) {
    await node("router").run(["sysctl", "-q", `net.${key}`]);
  }
  await node("router").run(words("sysctl -q net.ipv6.conf.all.forwarding=1"));
  await node("client").run(words(`ip route add 198.51.100.0/24 via ${VIPS[0]}`));
  await node("client").run(words(`ip route add 2001:db8:2::/64 via ${VIPS[1]}`));
  await node("server").run(words("ip route add 192.0.2.0/24 via 198.51.100.1"));
  await node("server").run(words("ip route add 2001:db8:1::/64 via 2001:db8:2::1"));
}

async function addVips(): Promise<void> {
  for (const vip of VIPS) {
    const more = vip.includes(":") ? ["nodad"] : [];
    await node("router").run(["ip", "address", "add", `${vip}/${more.length > 0 ? 64 : 24}`, "dev", "eth0", ...more]);
  }
}

/** A service on every address of the router. */
async function serve(): Promise<void> {
  const program = `Bun.listen({ hostname: "::", port: ${PORT}, socket: { data() {} } }); console.log("listens")`;
  await node("router")
    .start([process.execPath, "-e", program])
    .waitForOutput(/listens/);
}

async function succeeds(from: NetworkNode, command: string): Promise<boolean> {
  return (await from.run(["sh", "-c", `if ${command} >/dev/null 2>&1; then echo yes; else echo no; fi`])) === "yes\n";
}

const scoped = (address: string): string => (address.startsWith("fe80:") ? `${address}%eth0` : address);

async function pings(from: string, to: string): Promise<boolean> {
  return succeeds(node(from), `ping -n -c 1 -W 3 ${scoped(to)}`);
}

async function connects(from: string, to: string): Promise<boolean> {
  return succeeds(node(from), `timeout 3 bash -c ': </dev/tcp/${scoped(to)}/${PORT}'`);
}

/** Which of the addresses answer the client, by echo and by TCP. */
async function answering(addresses: readonly string[]): Promise<readonly string[]> {
  const answers = await Promise.all(
    addresses.flatMap((address) => [
      pings("client", address).then((isThere) => (isThere ? `echo ${address}` : "")),
      connects("client", address).then((isThere) => (isThere ? `TCP ${address}` : "")),
    ]),
  );
  return answers.filter((answer) => answer !== "");
}

/** Asks the address five hundred times a second for so long; how many answers came. */
async function echoes(address: string, seconds: number): Promise<number> {
  const command = `ping -n -i 0.002 -w ${seconds} ${address} || true`;
  const said = await node("client").run(["sh", "-c", command], (seconds + 5) * 1000);
  return Number(/(\d+) received/.exec(said)?.[1] ?? Number.NaN);
}

const everyAnswer = (addresses: readonly string[]): readonly string[] =>
  addresses.flatMap((address) => [`echo ${address}`, `TCP ${address}`]);

/** The neighbour's hardware address as the client has it after asking anew; empty: it was not told. */
async function resolved(address: string): Promise<string> {
  const client = node("client");
  await client.run(["ip", "neighbour", "flush", "dev", "eth0"]);
  await pings("client", address);
  const shown = await client.run(["ip", "neighbour", "show", "dev", "eth0", address]);
  return /lladdr (\S+)/.exec(shown)?.[1] ?? "";
}

const ruleset = (): Promise<string> => node("router").run(["nft", "list", "ruleset"]);

interface Keeper {
  readonly process: TestProcess;
  /** Other claims; answers what was refused. */
  readonly claim: (claims: AcceptOrder["claims"]) => Promise<readonly string[]>;
  readonly restore: () => Promise<readonly string[]>;
}

/** An AcceptKeeper on the router, with the table made. */
async function startKeeper(claims: AcceptOrder["claims"], ownedTables = true): Promise<Keeper> {
  const path = join(temporaryFolder(), "claims.json");
  const write = (changed: AcceptOrder["claims"]): void =>
    writeFileSync(path, JSON.stringify({ ownedTables, claims: changed } satisfies AcceptOrder));
  write(claims);
  const started = node("router").start([process.execPath, join(import.meta.dir, "../support/accept-node.ts"), path]);
  const lines = (): readonly string[] => started.stdout().split("\n").slice(0, -1);
  const answer = async (count: number): Promise<readonly string[]> => {
    await waitFor("the keeper to answer", () => lines().length >= count);
    return (JSON.parse(lines()[count - 1]) as { refusals: readonly string[] }).refusals;
  };
  expect(await answer(1)).toEqual([]);
  expect(await answer(2)).toEqual([]);
  return {
    process: started,
    claim: (changed) => {
      const count = lines().length + 1;
      write(changed);
      started.signal("SIGHUP");
      return answer(count);
    },
    restore: () => {
      const count = lines().length + 1;
      started.signal("SIGUSR1");
      return answer(count);
    },
  };
}

const all = VIPS.map((vip) => [vip, "eth0"] as const);

describe.skipIf(!canFilter)("AcceptKeeper", () => {
  test(
    "drops what comes from outside to a VIP and leaves the node's own addresses, neighbours and ways through alone",
    async () => {
      await makeRouter();
      await addVips();
      await serve();
      expect(await answering(VIPS)).toEqual(everyAnswer(VIPS));
      const keeper = await startKeeper({ VI_1: all });
      expect(await answering([...VIPS, ...OWN])).toEqual(everyAnswer(OWN));
      const mac = (await node("router").run(words("cat /sys/class/net/eth0/address"))).trim();
      for (const vip of VIPS) expect([vip, await resolved(vip)]).toEqual([vip, mac]);
      expect(await pings("client", "198.51.100.2")).toBe(true);
      expect(await pings("client", "2001:db8:2::2")).toBe(true);
      for (const vip of VIPS) expect([vip, await pings("router", vip)]).toEqual([vip, true]);
      expect(await keeper.claim({ VI_1: [all[0]] })).toEqual([]);
      expect(await answering(VIPS)).toEqual(everyAnswer(VIPS.slice(1)));
      expect(await keeper.claim({ VI_1: [] })).toEqual([]);
      expect(await answering(VIPS)).toEqual(everyAnswer(VIPS));
    },
    TEST_MS,
  );

  test(
    "answers a neighbour that asks the VIP itself, which it does to confirm an entry",
    async () => {
      await makeRouter();
      await addVips();
      await startKeeper({ VI_1: all });
      const client = node("client");
      for (const vip of VIPS.slice(1)) {
        expect(await resolved(vip)).not.toBe("");
        const mac = (await node("router").run(words("cat /sys/class/net/eth0/address"))).trim();
        await client.run(words(`ip neighbour replace ${vip} lladdr ${mac} dev eth0 nud probe`));
        await waitFor(`${vip} to be confirmed`, async () =>
          (await client.run(words(`ip neighbour show dev eth0 ${vip}`))).includes("REACHABLE"),
        );
      }
    },
    TEST_MS,
  );

  test(
    "drops packets to a link-local VIP on its own interface only",
    async () => {
      await makeRouter();
      await addVips();
      await serve();
      await startKeeper({ VI_1: [["fe80::10", "eth7"]] });
      expect(await answering(["fe80::10"])).toEqual(everyAnswer(["fe80::10"]));
    },
    TEST_MS,
  );

  test(
    "makes a table that the nft program can read, that others cannot change and that a killed process does not leave",
    async () => {
      await makeRouter();
      await node("router").run([
        "nft",
        "add table inet filter { chain input { type filter hook input priority 0; } ; }",
      ]);
      const foreign = await ruleset();
      const keeper = await startKeeper({ VI_1: all });
      const listed = await ruleset();
      expect(listed).toStartWith(foreign);
      for (const line of [
        "flags owner",
        'comment "made by Ballast: VIPs of instances with accept = false"',
        "elements = { 192.0.2.10 }",
        "elements = { 2001:db8:1::10 }",
        'elements = { fe80::10 . "eth0" }',
        "type filter hook input priority 101; policy accept;",
        'iif "lo" accept comment "Ballast: what this node sends to itself"',
        'icmpv6 type nd-neighbor-solicit accept comment "Ballast: neighbour discovery"',
        'icmpv6 type nd-neighbor-advert accept comment "Ballast: neighbour discovery"',
        'ip daddr @vips4 counter packets 0 bytes 0 drop comment "Ballast: accept = false"',
        'ip6 daddr @vips6 counter packets 0 bytes 0 drop comment "Ballast: accept = false"',
        'ip6 daddr . iifname @link_vips6 counter packets 0 bytes 0 drop comment "Ballast: accept = false"',
      ]) {
        expect(listed).toContain(line);
      }
      await node("router").run(["nft", "flush", "ruleset"]);
      expect(await ruleset()).toContain("table inet ballast_vrrp_");
      await node("router").run([
        "nft",
        "add table inet filter { chain input { type filter hook input priority 0; } ; }",
      ]);
      await keeper.process.stop("SIGKILL");
      await waitFor("its table to go", async () => (await ruleset()) === foreign);
    },
    TEST_MS,
  );

  test(
    "two of them drop side by side, so that one can follow the other without a gap",
    async () => {
      await makeRouter();
      await addVips();
      const first = await startKeeper({ VI_1: all });
      await startKeeper({ VI_1: all });
      await first.process.stop();
      expect((await ruleset()).match(/table inet/g)).toHaveLength(1);
      expect(await answering(VIPS)).toEqual([]);
    },
    TEST_MS,
  );

  describe("on a kernel whose tables have no owner", () => {
    test(
      "leaves nothing when it ends in order, and the next one replaces or removes what a killed one left",
      async () => {
        await makeRouter();
        await addVips();
        const killed = await startKeeper({ VI_1: all }, false);
        expect(await ruleset()).toContain("table inet ballast_vrrp {");
        await killed.process.stop("SIGKILL");
        expect(await ruleset()).toContain(VIPS[0]);
        const next = await startKeeper({ VI_2: [["192.0.2.99", "eth0"]] }, false);
        expect(await ruleset()).not.toContain(VIPS[0]);
        await next.process.stop("SIGKILL");
        const unconcerned = await startKeeper({}, false);
        expect(await ruleset()).toBe("");
        await unconcerned.process.stop();
        const last = await startKeeper({ VI_1: all }, false);
        await last.process.stop();
        expect(await ruleset()).toBe("");
      },
      TEST_MS,
    );

    test(
      "puts its table back after somebody has flushed everything",
      async () => {
        await makeRouter();
        await addVips();
        const keeper = await startKeeper({ VI_1: all }, false);
        await node("router").run(["nft", "flush", "ruleset"]);
        expect(await answering(VIPS.slice(0, 1))).toContain(`echo ${VIPS[0]}`);
        expect(await keeper.restore()).toEqual([]);
        expect(await answering(VIPS)).toEqual([]);
      },
      TEST_MS,
    );
  });
});

const vipConfig = (text: string): VipConfig => {
  const [address, length] = text.split("/");
  const family = address.includes(":") ? 6 : 4;
  return { family, address, prefixLength: Number(length), dev: null, label: null, scope: null, broadcast: null };
};

const instance = (changes: Partial<VrrpConfig> = {}): VrrpConfig =>
  instanceConfig({
    priority: 101,
    advertIntervalMs: 400,
    addresses: [vipConfig(`${VIPS[0]}/24`)],
    excludedAddresses: [vipConfig(`${VIPS[1]}/64`), vipConfig(`${VIPS[2]}/64`)],
    accept: false,
    ...changes,
  });

function withoutAccept(): VrrpConfig {
  const { accept: _, ...taking } = instance();
  return taking;
}

describe.skipIf(!canFilter)("an instance with accept = false", () => {
  test(
    "leads without taking a packet, from the first moment of its VIPs to the last, and lets through what goes through",
    async () => {
      await makeRouter();
      await serve();
      const counted = echoes(VIPS[0], 6);
      const speaker = startBallast(node("router"), [instance()]);
      await speaker.waitForState("master");
      await waitFor("the VIP", () => holdsVip(node("router")));
      expect(await answering([...VIPS, ...OWN])).toEqual(everyAnswer(OWN));
      for (const vip of VIPS) expect([vip, await resolved(vip)]).not.toEqual([vip, ""]);
      expect(await pings("client", "198.51.100.2")).toBe(true);
      expect(await pings("client", "2001:db8:2::2")).toBe(true);
      await speaker.process.stop();
      expect(await holdsVip(node("router"))).toBe(false);
      expect(await ruleset()).toBe("");
      expect(await counted).toBe(0);
      expect(speaker.events().filter((text) => text.includes("cannot be"))).toEqual([]);
    },
    TEST_MS,
  );

  test(
    "has rules while it leads only, and hands them over with the VIP",
    async () => {
      await makeRouter();
      const router = startBallast(node("router"), [instance()]);
      await router.waitForState("master");
      const server = startBallast(node("server"), [instance({ priority: 100 })]);
      await server.waitForState("backup");
      const elements = async (name: string): Promise<number> =>
        ((await node(name).run(["nft", "list", "ruleset"])).match(/elements = /g) ?? []).length;
      expect([await elements("router"), await elements("server")]).toEqual([3, 0]);
      router.process.signal("SIGUSR1");
      await server.waitForState("master");
      await waitFor("rules on the other node only", async () => (await elements("server")) === 3);
      await waitFor("none on this one", async () => (await elements("router")) === 0);
      expect(await ruleset()).toContain("table inet ballast_vrrp_");
    },
    TEST_MS,
  );

  test(
    "takes packets after a reload that says so, and none after one that says otherwise",
    async () => {
      await makeRouter();
      const speaker = startBallast(node("router"), [instance()]);
      await speaker.waitForState("master");
      await waitFor("the VIP", () => holdsVip(node("router")));
      expect(await pings("client", VIPS[0])).toBe(false);
      speaker.reload([withoutAccept()]);
      await waitFor("the VIP to answer", () => pings("client", VIPS[0]));
      expect(await ruleset()).toBe("");
      speaker.reload([instance()]);
      await waitFor("the VIP to be silent", async () => !(await pings("client", VIPS[0])));
      expect(speaker.status()?.state).toBe("master");
    },
    TEST_MS,
  );

  test(
    "leaves no rule behind when its speaker is killed",
    async () => {
      await makeRouter();
      const speaker = startBallast(node("router"), [instance()]);
      await speaker.waitForState("master");
      await waitFor("its rules", async () => (await ruleset()).includes(VIPS[0]));
      await speaker.process.stop("SIGKILL");
      await waitFor("them to go", async () => (await ruleset()) === "");
    },
    TEST_MS,
  );
});
