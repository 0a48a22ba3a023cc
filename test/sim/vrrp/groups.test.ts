/**
 * Seeded simulations of groups: two to four nodes, each with an instance on two networks that fail apart. What must hold:
 * a node leads on both or on none at every moment, and once all is well one node leads both within the bound.
 */
import { expect, test } from "bun:test";
import { groupOrder } from "../../../src/vrrp/group.ts";
import { downMs } from "../../../src/vrrp/timing.ts";
import { seeded, SimulatedNetwork } from "./network.ts";

const only = process.env["BALLAST_SEED"];
const SEEDS = only === undefined ? Number(process.env["BALLAST_SEEDS"] ?? 400) : 1;
const FIRST_SEED = only === undefined ? 1 : Number(only);
const INTERVAL_MS = 500;
const NAMES = ["inner", "outer"];

/** Two networks with the same nodes on both, each node's instances in a group. */
class Pair {
  readonly networks: readonly SimulatedNetwork[];
  private readonly busy = new Set<number>();

  constructor(random: () => number) {
    const count = 2 + Math.floor(random() * 3);
    const priorities = Array.from({ length: count }, () => 1 + Math.floor(random() * 200));
    const params = priorities.map((basePriority) => ({
      version: 3 as const,
      advertIntervalMs: INTERVAL_MS,
      basePriority,
      grouped: true,
      tracks: [{ kind: "proxy" as const, weight: 0 }],
    }));
    this.networks = NAMES.map(() => new SimulatedNetwork(random, params));
    for (const network of this.networks) network.handled = (at) => this.settle(at);
    for (let at = 0; at < count; at++) this.start(at);
  }

  start(at: number): void {
    this.together(at, () => {
      for (const network of this.networks) network.start(at);
    });
  }

  crash(at: number): void {
    for (const network of this.networks) network.crash(at);
  }

  run(durationMs: number, check: () => void): void {
    const end = this.networks[0].now + durationMs;
    for (;;) {
      const next = Math.min(...this.networks.map((network) => network.nextEvent()));
      if (next > end) break;
      for (const network of this.networks) network.advance(next);
      check();
    }
    for (const network of this.networks) network.now = end;
  }

  private settle(at: number): void {
    if (this.busy.has(at)) return;
    this.together(at, () => {});
  }

  /** What several members are told at once, then the group. */
  private together(at: number, tell: () => void): void {
    this.busy.add(at);
    tell();
    for (let count = 0; ; count++) {
      if (count > 100) throw new Error(`the group of node ${at} does not settle`);
      const members = this.networks.map((network, i) => ({
        name: NAMES[i],
        instance: network.routers[at].instance,
      }));
      const order = groupOrder(members);
      if (order === null) break;
      this.networks[NAMES.indexOf(order.name)].hand(at, order.event);
    }
    this.busy.delete(at);
  }
}

function disturb(pair: Pair, random: () => number): void {
  const network = pair.networks[random() < 0.5 ? 0 : 1];
  const at = Math.floor(random() * network.routers.length);
  switch (Math.floor(random() * 6)) {
    case 0:
      return network.partition(network.routers.map(() => Math.floor(random() * 2)));
    case 1:
      network.lossRate = random() * 0.4;
      return;
    case 2:
      return network.routers[at].alive ? pair.crash(at) : pair.start(at);
    case 3:
      return network.hand(at, { kind: "link", link: { kind: "down" } });
    case 4:
      return network.hand(at, { kind: "tracks", readings: [random() < 0.5] });
    default:
      return network.heal();
  }
}

function repair(pair: Pair): void {
  for (const network of pair.networks) {
    network.heal();
    network.lossRate = 0;
    network.routers.forEach((router, at) => {
      if (!router.alive) pair.start(at);
      network.hand(at, { kind: "link", link: { kind: "up", address: Uint8Array.of(10, 0, 0, at + 1) } });
      network.hand(at, { kind: "tracks", readings: [true] });
    });
  }
}

test("the members of every group move together, and one node leads both networks within the bound", () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const random = seeded(seed);
    const pair = new Pair(random);
    const check = (): void => {
      const leaders = pair.networks.map((network) => network.leaders().join());
      if (leaders[0] !== leaders[1])
        throw new Error(`seed ${seed}: ${leaders.join(" but ")} at ${pair.networks[0].now}`);
    };
    for (let round = 0; round < 12; round++) {
      disturb(pair, random);
      pair.run(random() * 4000, check);
    }
    repair(pair);
    pair.run(3 * downMs(3, 1, INTERVAL_MS) + 50, check);
    expect({ seed, leaders: pair.networks[0].leaders().length }).toEqual({ seed, leaders: 1 });
  }
});
