/**
 * Seeded simulations of routers with a second path: both paths are cut, muted one way and lossy apart from each other.
 * What must hold once the network stands still, however it is cut by then: no two masters hear each other on any path,
 * everybody leads or hears a master, and nobody changes state any more. BALLAST_SEED and BALLAST_SEEDS as in `election`.
 */
import { expect, test } from "bun:test";
import type { InstanceParams } from "../../../src/vrrp/instance.ts";
import type { PathName } from "../../../src/vrrp/paths.ts";
import { downMs } from "../../../src/vrrp/timing.ts";
import { seeded, SimulatedNetwork } from "./network.ts";

const only = process.env["BALLAST_SEED"];
const SEEDS = only === undefined ? Number(process.env["BALLAST_SEEDS"] ?? 400) : 1;
const FIRST_SEED = only === undefined ? 1 : Number(only);
const DRIFT_RATE = 0.001;
const PATHS: readonly PathName[] = ["main", "heartbeat"];

/** Two to four routers; few priorities, so that ties are frequent. */
function randomNetwork(random: () => number): SimulatedNetwork {
  const count = 2 + Math.floor(random() * 3);
  const version = random() < 0.5 ? 2 : 3;
  const advertIntervalMs = version === 2 ? 1000 : 100 * (1 + Math.floor(random() * 10));
  const preempt = random() < 0.8;
  const params = Array.from({ length: count }, (): Partial<InstanceParams> => {
    const basePriority = random() < 0.6 ? 100 : 50 + Math.floor(random() * 3) * 50;
    return { version, advertIntervalMs, preempt, basePriority };
  });
  return new SimulatedNetwork(random, params, DRIFT_RATE, true);
}

function cut(network: SimulatedNetwork, random: () => number, path: PathName): void {
  network.partition(
    network.routers.map(() => Math.floor(random() * 2)),
    path,
  );
}

function disturb(network: SimulatedNetwork, random: () => number): void {
  const at = Math.floor(random() * network.routers.length);
  const path = PATHS[random() < 0.5 ? 0 : 1];
  switch (Math.floor(random() * 8)) {
    case 0:
    case 1:
      return cut(network, random, path);
    case 2:
      return network.heal(path);
    case 3:
      network.muted[path].add(at);
      return;
    case 4:
      network.lossRate = random() * 0.4;
      return;
    case 5:
      return network.routers[at].alive ? network.crash(at) : network.start(at);
    case 6:
      return network.linkDown(at, path);
    default:
      return network.linkUp(at, path);
  }
}

/** All alive and no packet lost; the paths stay cut at random, unless `heals`. */
function settle(network: SimulatedNetwork, random: () => number, heals: boolean): void {
  network.lossRate = 0;
  for (const path of PATHS) {
    network.heal(path);
    if (!heals && random() < 0.6) cut(network, random, path);
  }
  network.routers.forEach((router, at) => {
    if (!router.alive) network.start(at);
    for (const path of PATHS) network.linkUp(at, path);
  });
}

/** A down time for whoever waits, one for a tie on the second path, and one more for each that gives way after another. */
function boundMs(network: SimulatedNetwork): number {
  const { version, advertIntervalMs } = network.routers[0].params;
  return (3 + network.routers.length) * downMs(version, 1, advertIntervalMs) * (1 + 2 * DRIFT_RATE) + 50;
}

function checkVips(network: SimulatedNetwork, seed: number): void {
  for (const { alive, hasVips, instance } of network.routers) {
    if (alive && hasVips !== (instance.state.kind === "master")) {
      throw new Error(`seed ${seed} at ${network.now} ms: VIPs ${hasVips} in ${instance.state.kind}`);
    }
  }
}

/** Who breaks the rule, in words; empty: nobody. */
function offenders(network: SimulatedNetwork): readonly string[] {
  const leaders = network.leaders();
  const pairs = leaders.flatMap((a) => leaders.filter((b) => a < b && network.hears(a, b)).map((b) => `${a} and ${b}`));
  const lost = network.routers.flatMap((_, at) =>
    leaders.includes(at) || leaders.some((leader) => network.hears(at, leader)) ? [] : [`${at} hears no master`],
  );
  return [...pairs.map((pair) => `${pair} both lead`), ...lost];
}

function runSeed(seed: number, heals: boolean): SimulatedNetwork {
  const random = seeded(seed);
  const network = randomNetwork(random);
  network.routers.forEach((_, at) => network.start(at));
  for (let round = 0; round < 12; round++) {
    disturb(network, random);
    network.run(random() * 6000, () => checkVips(network, seed));
  }
  settle(network, random, heals);
  network.run(boundMs(network), () => checkVips(network, seed));
  return network;
}

test("no two masters hear each other on either path, however both are cut, and nobody flaps", () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const network = runSeed(seed, false);
    expect({ seed, offenders: offenders(network) }).toEqual({ seed, offenders: [] });
    const before = network.digest();
    network.run(20_000, () => checkVips(network, seed));
    expect({ seed, digest: network.digest() }).toEqual({ seed, digest: before });
  }
});

test("one master is left when both paths are whole again", () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    expect({ seed, leaders: runSeed(seed, true).leaders().length }).toEqual({ seed, leaders: 1 });
  }
});

test("while one path is whole there is one master, whatever happens to the other", () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const random = seeded(seed);
    const network = randomNetwork(random);
    const whole = PATHS[seed % 2];
    const other = PATHS[1 - (seed % 2)];
    network.routers.forEach((_, at) => network.start(at));
    network.run(boundMs(network));
    for (let round = 0; round < 8; round++) {
      cut(network, random, other);
      // One way only, too: who is not heard on the main path still hears the others there.
      if (random() < 0.5) network.muted[other].add(Math.floor(random() * network.routers.length));
      network.run(boundMs(network), () => checkVips(network, seed));
      expect({ seed, round, whole, leaders: network.leaders().length }).toEqual({ seed, round, whole, leaders: 1 });
      if (random() < 0.5) network.heal(other);
    }
  }
});

test("equal masters that hear each other one way only on the main path settle it on the second", () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const network = new SimulatedNetwork(seeded(seed), [{}, {}], DRIFT_RATE, true);
    const all = [0, 1];
    for (const path of PATHS) network.partition(all, path);
    for (const at of all) network.start(at);
    network.run(8000 + (seed % 100) * 10);
    expect(network.leaders()).toEqual(all);
    network.muted.main.add(seed % 2);
    for (const path of PATHS) network.partition([0, 0], path);
    network.run(boundMs(network), () => checkVips(network, seed));
    expect({ seed, leaders: network.leaders().length }).toEqual({ seed, leaders: 1 });
  }
});

test("a master whose main link goes is followed after the skew time, told over the second path", () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const network = new SimulatedNetwork(seeded(seed), [{ basePriority: 200 }, {}], 0, true);
    for (const at of [0, 1]) network.start(at);
    network.run(8000);
    expect(network.leaders()).toEqual([0]);
    network.linkDown(0, "main");
    network.run(620);
    expect({ seed, leaders: network.leaders() }).toEqual({ seed, leaders: [1] });
  }
});
