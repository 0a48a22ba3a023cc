/**
 * Ballast and keepalived as each other's master and backup, in both protocol versions: who leads, how long a takeover
 * takes, where the VIP is afterwards. Network namespaces and a real keepalived; skipped without root or keepalived.
 */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { canMakeNamespaces, makeNetwork, type Network } from "../../support/netns.ts";
import {
  type BallastNode,
  holdsVip,
  instanceConfig,
  type KeepalivedOptions,
  startBallast,
  startKeepalived,
  stopSpeakers,
} from "../../support/vrrp-peer.ts";
import { TEST_LIMIT_MS, waitFor } from "../../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const possible = canMakeNamespaces && Bun.which("keepalived") !== null;
/** Scheduling on a busy machine, and the polling of the test itself: three programs and `ip` beside them. */
const SLACK_MS = 1500;

interface Mode {
  readonly name: string;
  readonly version: 2 | 3;
  readonly advertIntervalMs: number;
  readonly password?: string;
  readonly sealed?: true;
  readonly unicast?: true;
}

const MODES: readonly Mode[] = [
  { name: "version 2 with PASS", version: 2, advertIntervalMs: 1000, password: "s3cret" },
  { name: "version 2 with AH", version: 2, advertIntervalMs: 1000, password: "s3cret", sealed: true },
  { name: "version 3 at 400 ms", version: 3, advertIntervalMs: 400 },
  { name: "version 3 unicast at 200 ms", version: 3, advertIntervalMs: 200, unicast: true },
];

let network: Network | null = null;

afterEach(async () => {
  await stopSpeakers();
  await network?.close();
  network = null;
});

async function twoNodes(): Promise<Network> {
  network = await makeNetwork("bvrrp", { ballast: "192.0.2.1/24", keepalived: "192.0.2.2/24" });
  return network;
}

function ballast(mode: Mode, priority: number, changes: Parameters<typeof instanceConfig>[0] = {}): BallastNode {
  const config = instanceConfig({
    version: mode.version,
    priority,
    advertIntervalMs: mode.advertIntervalMs,
    authPassword: mode.password ?? null,
    ...(mode.sealed === true ? { authType: "ah" } : {}),
    unicast: mode.unicast === true ? { source: "192.0.2.1", peers: ["192.0.2.2"] } : null,
    ...changes,
  });
  return startBallast(network!.node("ballast"), [config]);
}

function keepalived(mode: Mode, priority: number): ReturnType<typeof startKeepalived> {
  const options: KeepalivedOptions = {
    version: mode.version,
    priority,
    advertIntervalMs: mode.advertIntervalMs,
    ...(mode.password === undefined ? {} : { password: mode.password }),
    ...(mode.sealed === true ? { sealed: true } : {}),
    ...(mode.unicast === true ? { unicast: { source: "192.0.2.2", peer: "192.0.2.1" } } : {}),
  };
  return startKeepalived(network!.node("keepalived"), options);
}

/** Milliseconds until the node holds the VIP, counted from now. */
async function takeoverMs(name: "ballast" | "keepalived"): Promise<number> {
  const from = performance.now();
  await waitFor(`${name} to hold the VIP`, () => holdsVip(network!.node(name)));
  return performance.now() - from;
}

async function holders(): Promise<readonly string[]> {
  const held = await Promise.all(network!.nodes.map(async (node) => ((await holdsVip(node)) ? [node.name] : [])));
  return held.flat();
}

/** What a goodbye may cost: the skew and the slack, which in version 2 is less than waiting for the down timer. */
const goodbyeMs = (mode: Mode): number => Math.max(3 * mode.advertIntervalMs, 2000);

const downMs = (mode: Mode): number => {
  const skewUnitMs = mode.version === 2 ? 1000 : mode.advertIntervalMs;
  return 3 * mode.advertIntervalMs + (156 / 256) * skewUnitMs;
};

describe.skipIf(!possible)("beside keepalived", () => {
  for (const mode of MODES) {
    test(`Ballast as master in ${mode.name}: keepalived follows, takes over on stop and on SIGKILL`, async () => {
      await twoNodes();
      const peer = keepalived(mode, 100);
      const first = ballast(mode, 101, { preempt: true });
      await first.waitForState("master");
      await waitFor("one holder", async () => (await holders()).join() === "ballast");
      await peer.waitForOutput(/Entering BACKUP STATE/);

      first.process.signal("SIGTERM");
      expect(await takeoverMs("keepalived")).toBeLessThan(goodbyeMs(mode));
      await waitFor("one holder", async () => (await holders()).join() === "keepalived");
      expect(await first.process.exited).toBe(0);

      const second = ballast(mode, 101);
      await second.waitForState("master");
      await waitFor("one holder", async () => (await holders()).join() === "ballast");

      second.process.signal("SIGKILL");
      expect(await takeoverMs("keepalived")).toBeLessThan(downMs(mode) + SLACK_MS);
      // The restarted speaker finds the VIP of its killed predecessor and takes it away before anything else.
      const third = ballast(mode, 101, { preempt: false });
      await third.waitForState("backup");
      expect(await holders()).toEqual(["keepalived"]);
      expect(third.events().join("\n")).toContain("left behind by a speaker that was killed");
    });

    test(`Ballast as backup in ${mode.name}: follows keepalived, takes over on stop and on SIGKILL`, async () => {
      await twoNodes();
      const first = keepalived(mode, 101);
      const node = ballast(mode, 100);
      await waitFor("keepalived to lead", async () => (await holders()).join() === "keepalived");
      await waitFor("its adverts", () => node.status()?.masterAddress === "192.0.2.2");
      expect(node.status()).toMatchObject({ state: "backup", masterPriority: 101, errors: {} });

      first.signal("SIGTERM");
      expect(await takeoverMs("ballast")).toBeLessThan(goodbyeMs(mode));
      // Who leaves says goodbye first and removes its address then.
      await waitFor("one holder", async () => (await holders()).join() === "ballast");
      await first.exited;

      // It comes back, has the higher priority and gets the VIP back.
      const second = keepalived(mode, 101);
      await waitFor("keepalived to lead again", async () => (await holders()).join() === "keepalived");
      await node.waitForState("backup");

      // The whole group at once: keepalived's parent alone would let its child say goodbye.
      process.kill(-second.pid, "SIGKILL");
      expect(await takeoverMs("ballast")).toBeLessThan(downMs(mode) + SLACK_MS);
      await node.waitForState("master");
      expect(node.status()?.errors).toEqual({});
    });
  }

  test("Ballast refuses a keepalived with another password and says so", async () => {
    await twoNodes();
    keepalived(MODES[0], 200);
    const node = ballast({ ...MODES[0], password: "other" }, 100);
    await waitFor("a refused advert", () => (node.status()?.errors["auth_data"] ?? 0) > 0);
    expect(node.events().join("\n")).toContain("refused: its password is another one");
  });
});
