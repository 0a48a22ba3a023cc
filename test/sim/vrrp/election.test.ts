/**
 * Seeded simulations of two to five routers: loss, delay, duplicates, partitions, crashes, clocks that drift, tracks and
 * orders at random, then quiet. What
 * must hold: VIPs follow the state at every moment, and once the network is well there is one master, the right one,
 * within the protocol's bound. A failing seed is in the message; set BALLAST_SEED to run it alone, BALLAST_SEEDS for more.
 */
import { expect, test } from "bun:test";
import type { InstanceParams } from "../../../src/vrrp/instance.ts";
import { downMs } from "../../../src/vrrp/timing.ts";
import { effectivePriority } from "../../../src/vrrp/track.ts";
import { seeded, SimulatedNetwork } from "./network.ts";

const only = process.env["BALLAST_SEED"];
const SEEDS = only === undefined ? Number(process.env["BALLAST_SEEDS"] ?? 400) : 1;
const FIRST_SEED = only === undefined ? 1 : Number(only);

/** Clocks of real machines are ten times better. */
const DRIFT_RATE = 0.001;

/** A network of two to five routers with random priorities, intervals of 100–1000 ms and the given settings. */
function randomNetwork(random: () => number, changes: Partial<InstanceParams>): SimulatedNetwork {
  const count = 2 + Math.floor(random() * 4);
  const version = random() < 0.5 ? 2 : 3;
  const advertIntervalMs = version === 2 ? 1000 : 100 * (1 + Math.floor(random() * 10));
  const params = Array.from({ length: count }, () => ({
    version,
    advertIntervalMs,
    basePriority: 1 + Math.floor(random() * 4) * 60,
    ...changes,
  })) as Partial<InstanceParams>[];
  return new SimulatedNetwork(random, params, DRIFT_RATE);
}

function checkVips(network: SimulatedNetwork, seed: number): void {
  for (const [at, router] of network.routers.entries()) {
    if (!router.alive) continue;
    if (router.hasVips !== (router.instance.state.kind === "master")) {
      throw new Error(
        `seed ${seed} at ${network.now} ms: router ${at} is ${router.instance.state.kind}, VIPs ${router.hasVips}`,
      );
    }
  }
}

/** One random misfortune. */
function disturb(network: SimulatedNetwork, random: () => number): void {
  const at = Math.floor(random() * network.routers.length);
  const router = network.routers[at];
  switch (Math.floor(random() * 10)) {
    case 0:
      network.partition(network.routers.map(() => Math.floor(random() * 3)));
      return;
    case 1:
      network.heal();
      return;
    case 2:
      network.lossRate = random() * 0.5;
      return;
    case 8:
      network.duplicationRate = random();
      return;
    case 9:
      network.delayMs = 1 + random() * 0.4 * router.params.advertIntervalMs;
      return;
    case 3:
      if (router.alive) network.crash(at);
      else network.start(at);
      return;
    case 4:
      network.hand(at, { kind: "link", link: { kind: "down" } });
      return;
    case 5:
      network.hand(at, { kind: "link", link: { kind: "up", address: Uint8Array.of(10, 0, 0, at + 1) } });
      return;
    case 6:
      network.hand(at, { kind: "order", order: random() < 0.5 ? "failover" : "maint" });
      return;
    default:
      network.hand(at, { kind: "tracks", readings: router.params.tracks.map(() => random() < 0.5) });
  }
}

/** Everything well again: no loss, no partition, all alive, links up, tracks well, no order in force. */
function repair(network: SimulatedNetwork): void {
  network.heal();
  network.lossRate = 0;
  network.duplicationRate = 0;
  network.delayMs = 5;
  for (const [at, router] of network.routers.entries()) {
    if (!router.alive) network.start(at);
    network.hand(at, { kind: "link", link: { kind: "up", address: Uint8Array.of(10, 0, 0, at + 1) } });
    network.hand(at, { kind: "tracks", readings: router.params.tracks.map(() => true) });
    network.hand(at, { kind: "order", order: "resume" });
  }
}

/** Who must lead when all hear each other: the highest priority, among equals whoever leads already or the higher address. */
function bestPriority(network: SimulatedNetwork): number {
  return Math.max(...network.routers.map((router) => priorityOf(network, network.routers.indexOf(router))));
}

function priorityOf(network: SimulatedNetwork, at: number): number {
  const { params, instance } = network.routers[at];
  return effectivePriority(params.basePriority, params.tracks, instance.node.readings);
}

/** The longest that an election may take: a lower master's full term, the retry of a fault, and a round trip. */
function boundMs(network: SimulatedNetwork): number {
  const { version, advertIntervalMs, preemptDelayMs } = network.routers[0].params;
  return (2 * downMs(version, 1, advertIntervalMs) + preemptDelayMs) * (1 + 2 * DRIFT_RATE) + 50;
}

function runSeed(seed: number, changes: Partial<InstanceParams>): SimulatedNetwork {
  const random = seeded(seed);
  const network = randomNetwork(random, changes);
  network.routers.forEach((_, at) => network.start(at));
  for (let round = 0; round < 12; round++) {
    disturb(network, random);
    network.run(random() * 6000, () => checkVips(network, seed));
  }
  repair(network);
  network.run(boundMs(network), () => checkVips(network, seed));
  return network;
}

function forSeeds(changes: Partial<InstanceParams>, check: (network: SimulatedNetwork, seed: number) => void): void {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) check(runSeed(seed, changes), seed);
}

test("routers agree on the best one within the bound after random trouble", () => {
  forSeeds({ tracks: [{ kind: "proxy", weight: -30 }] }, (network, seed) => {
    const leaders = network.leaders();
    expect({ seed, leaders: leaders.length }).toEqual({ seed, leaders: 1 });
    expect({ seed, priority: priorityOf(network, leaders[0]) }).toEqual({ seed, priority: bestPriority(network) });
  });
});

test("routers agree within the bound when the proxy track of weight 0 takes nodes out and back", () => {
  forSeeds({ tracks: [{ kind: "proxy", weight: 0 }], preemptDelayMs: 1500 }, (network, seed) => {
    expect({ seed, leaders: network.leaders().length }).toEqual({ seed, leaders: 1 });
  });
});

test("routers do not flap once they agree", () => {
  forSeeds({ preempt: false }, (network, seed) => {
    const before = network.digest();
    network.run(60_000, () => checkVips(network, seed));
    expect({ seed, digest: network.digest() }).toEqual({ seed, digest: before });
  });
});

test("equal routers that start together settle within two transitions each", () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const network = new SimulatedNetwork(seeded(seed), [{}, {}]);
    network.start(0);
    network.start(1);
    network.run(10_000, () => checkVips(network, seed));
    expect(network.leaders()).toEqual([1]);
    // init → backup, backup → master and, for the loser, → backup.
    for (const router of network.routers) expect(router.transitions).toBeLessThanOrEqual(3);
  }
});

test("a healed partition has one master within one advert interval", () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const network = new SimulatedNetwork(seeded(seed), [{ basePriority: 100 }, { basePriority: 50 }]);
    network.start(0);
    network.start(1);
    network.run(8000);
    network.partition([0, 1]);
    network.run(8000 + (seed % 100) * 10);
    expect(network.leaders()).toEqual([0, 1]);
    network.heal();
    network.run(1000 + 10, () => checkVips(network, seed));
    expect(network.leaders()).toEqual([0]);
  }
});

test("a run is repeated exactly by its seed", () => {
  expect(runSeed(7, {}).digest()).toBe(runSeed(7, {}).digest());
});
