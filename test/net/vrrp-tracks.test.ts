/** What moves a VIP beside the protocol: scripts, processes, files and groups, on real nodes. Skipped without root. */
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TrackConfig, VrrpConfig, VrrpScriptConfig } from "../../src/config/types-vrrp.ts";
import { canMakeNamespaces, makeNetwork, type Network } from "../support/netns.ts";
import {
  type BallastNode,
  holdsVip,
  instanceConfig,
  startBallast,
  stopSpeakers,
  temporaryFolder,
} from "../support/vrrp-peer.ts";
import { waitFor } from "../support/wait.ts";

const TEST_MS = 30_000;
const INTERVAL_MS = 100;

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

async function pair(changes: Partial<VrrpConfig>): Promise<readonly [BallastNode, BallastNode]> {
  network = await makeNetwork("bvtrk", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
  const a = start("a", changes);
  const b = start("b");
  await a.waitForState("master");
  await waitFor("b to hear a", () => b.status()?.masterAddress === "192.0.2.1");
  return [a, b];
}

function script(command: string, changes: Partial<VrrpScriptConfig> = {}): VrrpScriptConfig {
  const times = { intervalMs: 100, timeoutMs: 300, rise: 2, fall: 2 };
  return { name: "chk", command: ["/bin/sh", "-c", command], ...times, user: null, initFail: false, ...changes };
}

const onlyHolder = (name: "a" | "b"): Promise<unknown> =>
  waitFor(`${name} alone to hold the VIP`, async () => {
    const held = [(await holdsVip(node("a"))) && "a", (await holdsVip(node("b"))) && "b"].filter(Boolean);
    return held.join() === name;
  });

describe.skipIf(!canMakeNamespaces)("tracks", () => {
  test(
    "a script of weight 0 that fails gives the VIP away, and its recovery brings it back",
    async () => {
      const flag = join(temporaryFolder(), "broken");
      const [a] = await pair({ tracks: [{ kind: "script", script: script(`test ! -e ${flag}`), weight: 0 }] });
      writeFileSync(flag, "");
      await a.waitForState("fault");
      await onlyHolder("b");
      expect(a.status()?.why).toBe("tracked script chk is not well");
      expect(a.events()).toContain("script chk failed: exit code 1");
      rmSync(flag);
      await a.waitForState("master");
      await onlyHolder("a");
    },
    TEST_MS,
  );

  test(
    "a script that hangs is killed with its children and counts as failed (track-script-hang)",
    async () => {
      const folder = temporaryFolder();
      const flag = join(folder, "hang");
      const pids = join(folder, "pids");
      const command = `if test -e ${flag}; then sleep 600 & echo $! >> ${pids}; wait; fi`;
      const [a] = await pair({ tracks: [{ kind: "script", script: script(command, { fall: 1 }), weight: -50 }] });
      writeFileSync(flag, "");
      await onlyHolder("b");
      expect(a.status()).toMatchObject({ priority: 51, state: "backup" });
      expect(a.events().join("\n")).toContain("still ran after 300ms and was killed");
      rmSync(flag);
      await onlyHolder("a");
      const children = readFileSync(pids, "utf8").trim().split("\n");
      expect(children.length).toBeGreaterThan(0);
      await waitFor("the children to be gone", () => children.every((pid) => !existsSync(`/proc/${pid}`)));
    },
    TEST_MS,
  );

  test(
    "a reload with other values for a failed script brings no VIP before a run says that it is well",
    async () => {
      const flag = join(temporaryFolder(), "repaired");
      network = await makeNetwork("bvtrk", { a: "192.0.2.1/24" });
      const a = start("a", { tracks: [{ kind: "script", script: script("exit 1"), weight: 0 }] });
      await a.waitForState("fault");
      const told = a.status()!.transitions;
      const patient = script(`until test -e ${flag}; do sleep 0.05; done`, { timeoutMs: 25_000, intervalMs: 200 });
      const tracks: readonly TrackConfig[] = [{ kind: "script", script: patient, weight: 0 }];
      a.reload([instanceConfig({ advertIntervalMs: INTERVAL_MS, priority: 110, tracks })]);
      await waitFor("the new priority", () => a.status()?.priority === 110);
      expect(a.status()).toMatchObject({ state: "fault", transitions: told });
      writeFileSync(flag, "");
      await a.waitForState("master");
    },
    TEST_MS,
  );

  test(
    "a number in a file moves the priority, and fault at −254 or less",
    async () => {
      const path = join(temporaryFolder(), "prio");
      const [a] = await pair({ tracks: [{ kind: "file", path, weight: 1 }] });
      writeFileSync(path, "-40\n");
      await onlyHolder("b");
      expect(a.status()?.why).toContain(`priority 61 (101 − 40 for file ${path}) against 100`);
      writeFileSync(path, "-254\n");
      await a.waitForState("fault");
      writeFileSync(path, "20\n");
      await onlyHolder("a");
      expect(a.status()?.priority).toBe(121);
    },
    TEST_MS,
  );

  test(
    "a process that ends and one that starts are noticed",
    async () => {
      const name = `bvt${process.pid}`.slice(0, 15);
      const folder = temporaryFolder();
      writeFileSync(join(folder, name), readFileSync("/bin/sleep"), { mode: 0o755 });
      network = await makeNetwork("bvtrk", { a: "192.0.2.1/24" });
      const tracked = node("a").start([join(folder, name), "60"]);
      const a = start("a", { tracks: [{ kind: "process", name, quorum: 1, weight: 0 }] });
      await a.waitForState("master");
      await tracked.stop("SIGKILL");
      await a.waitForState("fault");
      expect(a.status()?.why).toBe(`tracked process ${name} is not well`);
      node("a").start([join(folder, name), "60"]);
      await a.waitForState("master");
    },
    TEST_MS,
  );

  test(
    "the members of a group move together when one of them cannot serve, by order, and back",
    async () => {
      const path = join(temporaryFolder(), "fail");
      const two = (first: number, tracks: readonly TrackConfig[]): readonly VrrpConfig[] => {
        const group = { name: "G", tracks: [] };
        const inner = instanceConfig({ advertIntervalMs: INTERVAL_MS, priority: first, group, tracks });
        const [vip] = inner.addresses;
        return [
          inner,
          { ...inner, name: "VI_2", virtualRouterId: 52, tracks: [], addresses: [{ ...vip, address: "192.0.2.11" }] },
        ];
      };
      network = await makeNetwork("bvtrk", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
      const a = startBallast(node("a"), two(101, [{ kind: "file", path, weight: 0 }]));
      const b = startBallast(node("b"), two(100, []));
      const states = (): string =>
        [a, b]
          .map((each) =>
            each
              .statuses()
              .map((row) => row.state)
              .join(" "),
          )
          .join(" / ");
      await waitFor("a to lead both", () => states() === "master master / backup backup");
      writeFileSync(path, "1");
      await waitFor("b to lead both", () => states() === "fault fault / master master");
      expect(a.statuses()[1].why).toBe("VI_1 of its group is in fault");
      writeFileSync(path, "0");
      await waitFor("a to lead both again", () => states() === "master master / backup backup");
      a.process.signal("SIGUSR1");
      await waitFor("b to lead by order", () => states() === "backup backup / master master");
      expect(a.events().some((text) => text.includes("nothing to hand over"))).toBe(false);
    },
    TEST_MS,
  );
});
