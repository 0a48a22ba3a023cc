/**
 * Groups of three, Ballast and keepalived mixed both ways: who leads in which order, priorities that change while they
 * run, reloads of either side. Network namespaces and a real keepalived; skipped without root or keepalived.
 */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { canMakeNamespaces, makeNetwork, type Network } from "../../support/netns.ts";
import {
  type BallastNode,
  holdsVip,
  instanceConfig,
  type KeepalivedNode,
  keepalivedText,
  startBallast,
  startReloadableKeepalived,
  stopSpeakers,
} from "../../support/vrrp-peer.ts";
import { TEST_LIMIT_MS, waitFor } from "../../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const possible = canMakeNamespaces && Bun.which("keepalived") !== null;
/** A down time of 1.5 s: a stall of a busy machine below that moves nothing. */
const MODE = { version: 3, advertIntervalMs: 400 } as const;

let network: Network | null = null;

afterEach(async () => {
  await stopSpeakers();
  await network?.close();
  network = null;
});

async function threeNodes(): Promise<void> {
  network = await makeNetwork("bvthr", { a: "192.0.2.1/24", b: "192.0.2.2/24", c: "192.0.2.3/24" });
}

const config = (priority: number): ReturnType<typeof instanceConfig> => instanceConfig({ ...MODE, priority });
const ballast = (name: string, priority: number): BallastNode => startBallast(network!.node(name), [config(priority)]);
const text = (priority: number): string => keepalivedText({ ...MODE, priority });
const keepalived = (name: string, priority: number): KeepalivedNode =>
  startReloadableKeepalived(network!.node(name), text(priority));

async function holders(): Promise<string> {
  const held = await Promise.all(network!.nodes.map(async (node) => ((await holdsVip(node)) ? [node.name] : [])));
  return held.flat().join();
}

/** A speaker that is killed, with nobody who minds it, leaves its VIP behind. */
async function kill(name: string, pid: number): Promise<void> {
  process.kill(pid, "SIGKILL");
  await network!.node(name).run(["ip", "address", "flush", "dev", "eth0", "to", "192.0.2.10/32"]);
}

const leads = (name: string): Promise<unknown> =>
  waitFor(`${name} to hold the VIP alone`, async () => (await holders()) === name);

describe.skipIf(!possible)("three nodes", () => {
  test("two of Ballast and a keepalived lead in the order of their priorities, and back", async () => {
    await threeNodes();
    const c = keepalived("c", 90);
    const b = ballast("b", 100);
    const a = ballast("a", 110);
    await leads("a");
    a.process.signal("SIGTERM");
    await leads("b");
    await kill("b", b.process.pid);
    await leads("c");
    const again = ballast("b", 100);
    await leads("b");
    c.process.signal("SIGTERM");
    await c.process.exited;
    ballast("a", 110);
    await leads("a");
    await again.waitForState("backup");
    expect(again.status()).toMatchObject({ masterAddress: "192.0.2.1", masterPriority: 110, errors: {} });
  });

  test("two of keepalived and a Ballast lead in the order of their priorities, and back", async () => {
    await threeNodes();
    const c = keepalived("c", 90);
    const b = ballast("b", 100);
    const a = keepalived("a", 110);
    await leads("a");
    await waitFor("b to follow", () => b.status()?.masterAddress === "192.0.2.1");
    // The whole group at once: keepalived's parent alone would let its child say goodbye.
    await kill("a", -a.process.pid);
    await leads("b");
    await c.process.waitForOutput(/Entering BACKUP STATE/);
    b.process.signal("SIGTERM");
    await leads("c");
    const again = ballast("b", 100);
    await leads("b");
    expect(again.status()?.errors).toEqual({});
  });

  test("priorities that a reload changes move the VIP, reloads that change nothing do not", async () => {
    await threeNodes();
    const c = keepalived("c", 90);
    const b = ballast("b", 95);
    const a = ballast("a", 100);
    await leads("a");
    a.reload([config(80)]);
    await leads("b");
    await b.waitForState("master");
    await a.waitForState("backup");
    const before = [a.status()?.transitions, b.status()?.transitions];
    b.reload([config(95)]);
    c.reload(text(90));
    await c.process.waitForOutput(/Reload finished|Reloading/);
    a.reload([config(80)]);
    // Longer than any down timer: what is going to move has moved.
    const sent = b.status()?.advertsSent ?? 0;
    await waitFor("a few adverts", () => (b.status()?.advertsSent ?? 0) > sent + 6);
    expect([a.status()?.transitions, b.status()?.transitions]).toEqual(before);
    expect(await holders()).toBe("b");
    c.reload(text(120));
    await leads("c");
    c.reload(text(70));
    await leads("b");
    expect(b.status()?.errors).toEqual({});
  });
});
