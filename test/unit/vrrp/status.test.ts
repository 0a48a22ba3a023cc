import { expect, test } from "bun:test";
import { later, type MonoMs } from "../../../src/lib/time.ts";
import type { TrackConfig, VrrpConfig } from "../../../src/config/types-vrrp.ts";
import { addressBytes } from "../../../src/net/address.ts";
import type { Event } from "../../../src/vrrp/instance.ts";
import { instanceSettings } from "../../../src/vrrp/settings.ts";
import { newStats, vrrpStatus } from "../../../src/vrrp/status.ts";
import { configWith } from "./configs.ts";
import { advert, drive, running } from "./instances.ts";

const NOW = 1_000_000 as MonoMs;
const PEER = "10.0.0.2";

/** The status after the events, a second after the instance was in its state. */
function statusAfter(
  state: "backup" | "master",
  changes: Partial<VrrpConfig>,
  ...events: readonly Event[]
): ReturnType<typeof vrrpStatus> {
  const settings = instanceSettings(configWith(changes));
  const at = later(NOW, 1000);
  const { instance } = drive(running(settings.params, state, "10.0.0.1", NOW), settings.params, at, ...events);
  return vrrpStatus(settings, instance, newStats(1_700_000_000_000), at);
}

test("vrrpStatus shows a backup the master that it hears and how the priorities stand", () => {
  const status = statusAfter("backup", { priority: 100 }, advert(PEER, 101));
  expect(status).toMatchObject({ state: "backup", masterAddress: PEER, masterPriority: 101, priority: 100 });
  expect(status.why).toBe("priority 100 against 101 of 10.0.0.2");
});

test("vrrpStatus explains why a lower master is followed", () => {
  expect(statusAfter("backup", { preempt: false }, advert(PEER, 50)).why).toBe(
    "priority 100 against 50 of 10.0.0.2: preemption is off",
  );
  expect(statusAfter("backup", { preemptDelayMs: 5000 }, advert(PEER, 50)).why).toBe(
    "priority 100 against 50 of 10.0.0.2: preempts after a delay of 5.0 s",
  );
  expect(statusAfter("backup", {}, advert(PEER, 50)).why).toBe(
    "priority 100 against 50 of 10.0.0.2: taking over in 2.6 s",
  );
  const handedOver: Event = { kind: "order", order: "failover" };
  expect(statusAfter("master", {}, handedOver, advert(PEER, 50)).why).toContain("handed over by order");
});

test("vrrpStatus says when a silent backup will lead", () => {
  expect(statusAfter("backup", {}).why).toBe("no master heard yet; leads with priority 100 in 2.6 s unless one speaks");
  expect(statusAfter("backup", {}, advert(PEER, 101), advert(PEER, 0)).why).toBe(
    "the master resigned; taking over with priority 100 in 0.6 s",
  );
});

test("vrrpStatus gives the sum that a priority is made of", () => {
  const tracks = [
    { kind: "proxy", weight: 2 },
    { kind: "interface", name: "eth1", weight: -20 },
  ] as const;
  const status = statusAfter(
    "backup",
    { priority: 101, tracks },
    { kind: "tracks", readings: [true, false] },
    advert(PEER, 200),
  );
  expect(status.priority).toBe(83);
  expect(status.basePriority).toBe(101);
  expect(status.why).toBe("priority 83 (101 + 2 for proxy − 20 for interface eth1) against 200 of 10.0.0.2");
  expect(status.tracks).toEqual([
    { name: "proxy", ok: true, weight: 2 },
    { name: "interface eth1", ok: false, weight: -20 },
  ]);
});

test("vrrpStatus names the cause of a fault and the way out of maintenance", () => {
  const tracks = [{ kind: "proxy", weight: 0 }] as const;
  expect(statusAfter("master", { tracks }, { kind: "tracks", readings: [false] })).toMatchObject({
    state: "fault",
    masterAddress: null,
    why: "the proxy of this node does not serve",
  });
  expect(statusAfter("backup", {}, { kind: "order", order: "maint" }).why).toContain("ballast vrrp resume");
});

test("vrrpStatus of a master names the rival that does not give way", () => {
  const settings = instanceSettings(configWith());
  const first = drive(running(settings.params, "master", "10.0.0.1", NOW), settings.params, NOW, advert(PEER, 50));
  const second = drive(first.instance, settings.params, later(NOW, 1000), advert(PEER, 50));
  const status = vrrpStatus(settings, second.instance, newStats(0), later(NOW, 1000));
  expect(status).toMatchObject({ state: "master", masterAddress: null });
  expect(status.why).toBe("priority 100 against 50 of 10.0.0.2, which acts as master too");
});

test("vrrpStatus details add up the priority, name who was heard and when, the timers and who would be next", () => {
  const tracks: readonly TrackConfig[] = [
    { kind: "proxy", weight: 2 },
    { kind: "interface", name: "eth1", weight: 0 },
    { kind: "file", path: "/run/prio", weight: 3 },
  ];
  const settings = instanceSettings(configWith({ version: 3, priority: 101, tracks }));
  const readings = [true, true, -4];
  const master = drive(running(settings.params, "master", "10.0.0.1", NOW), settings.params, NOW, {
    kind: "tracks",
    readings,
  }).instance;
  const peer = {
    path: "main" as const,
    address: addressBytes("10.0.0.2"),
    priority: 100,
    intervalMs: 1000,
    heardAt: later(NOW, -60_000),
  };
  const status = vrrpStatus(settings, master, { ...newStats(0), peers: [peer] }, NOW);
  expect(status.details).toEqual([
    "priority 91: base 101, +2 proxy (well), ±0 interface eth1 (well), −12 file /run/prio (says -4)",
    "heard 10.0.0.2: priority 100 every 1.0 s, last 60.0 s ago",
    "next advert in 0.00 s, one every 1.0 s",
    "if this node stops, 10.0.0.2 (priority 100 when it was last heard) leads after 0.61 s; if it is cut off, after 3.6 s",
  ]);
  const heard = drive(running(settings.params, "backup", "10.0.0.1", NOW), settings.params, NOW, {
    kind: "advert",
    path: "main",
    source: peer.address,
    priority: 200,
    intervalMs: 500,
  }).instance;
  expect(vrrpStatus(settings, heard, newStats(0), NOW).details?.slice(1)).toEqual([
    "no advert of another node was ever heard",
    "down timer ends in 1.8 s (3 × 0.50 s + skew 0.29 s)",
    "if 10.0.0.2 falls silent, this node leads after 1.8 s, unless a better one is there",
  ]);
});

test("vrrpStatus details of a master tell who would be next after a goodbye, a preemption and beside a rival", () => {
  const settings = instanceSettings(configWith({ version: 3 }));
  const master = running(settings.params, "master", "10.0.0.1", NOW);
  const peer = {
    path: "main" as const,
    address: addressBytes("10.0.0.2"),
    intervalMs: 1000,
    heardAt: later(NOW, -500),
  };
  const next = (instance: typeof master, priorities: readonly number[]): string | undefined =>
    vrrpStatus(
      settings,
      instance,
      { ...newStats(0), peers: priorities.map((priority) => ({ ...peer, priority })) },
      NOW,
    ).details?.at(-1);
  expect(next(master, [])).toBe("if this node fails, a backup that it has never heard leads, or nobody");
  expect(next(master, [0])).toBe(
    "if this node fails, a backup leads, or nobody: goodbyes were heard of 10.0.0.2 (0.50 s ago)",
  );
  expect(next(master, [90])).toContain("10.0.0.2 (priority 90 when it was last heard) leads after");
  const rivalled = drive(master, settings.params, NOW, advert(PEER, 50)).instance;
  expect(next(rivalled, [50])).toBe("if this node fails, 10.0.0.2 leads at once: it acts as master too");
});
