/**
 * Several VRRP routers on a simulated network, or on two (a second path): time, loss, delay, duplication, partitions and the drift of each router's
 * clock come from one seed, so that a failing run can be repeated. The routers are the real machine; only effects and adverts are played.
 */
import { later, type MonoMs, NEVER } from "../../../src/lib/time.ts";
import {
  type Effect,
  type Event,
  type Instance,
  type InstanceParams,
  newInstance,
} from "../../../src/vrrp/instance.ts";
import { nextDeadline, step } from "../../../src/vrrp/machine.ts";
import type { PathName } from "../../../src/vrrp/paths.ts";
import { paramsWith } from "../../unit/vrrp/instances.ts";

/** mulberry32: small, seeded, good enough to shuffle events. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

interface Packet {
  readonly at: number;
  readonly path: PathName;
  readonly from: number;
  readonly to: number;
  readonly priority: number;
  readonly intervalMs: number;
}

export interface Router {
  readonly params: InstanceParams;
  instance: Instance;
  /** What the kernel of this node would show. */
  hasVips: boolean;
  /** False: crashed. */
  alive: boolean;
  /** How fast its clock goes: 1 is exact. */
  readonly clockRate: number;
  transitions: number;
}

export class SimulatedNetwork {
  now = 0;
  lossRate = 0;
  duplicationRate = 0;
  /** A packet is under way for at most this long. */
  delayMs = 5;
  readonly routers: Router[];
  private packets: Packet[] = [];
  private readonly random: () => number;
  /** For each path, group[i] is the partition of router i; packets stay within one. */
  private readonly groups: Record<PathName, readonly number[]>;
  /** Routers whose packets are lost on a path while they hear the others' there. */
  readonly muted: Readonly<Record<PathName, Set<number>>> = { main: new Set(), heartbeat: new Set() };
  /** Last byte of each router's address on the second path, in an order of its own; null: there is one path. */
  private readonly secondAddresses: readonly number[] | null;

  /** `driftRate`: a clock is wrong by at most this part, 0.001 for a bad one. `hasSecond`: there is a second path. */
  constructor(random: () => number, params: readonly Partial<InstanceParams>[], driftRate = 0, hasSecond = false) {
    this.random = random;
    this.groups = { main: params.map(() => 0), heartbeat: params.map(() => 0) };
    const order = params.map((_, at) => ({ at: at + 1, key: hasSecond ? random() : 0 }));
    this.secondAddresses = hasSecond ? order.toSorted((a, b) => a.key - b.key).map(({ at }) => at) : null;
    this.routers = params.map((changes) => {
      const whole = paramsWith(hasSecond ? { ...changes, heartbeatInterface: "eth1" } : changes);
      return {
        params: whole,
        instance: newInstance(whole),
        hasVips: false,
        alive: true,
        clockRate: 1 + (random() * 2 - 1) * driftRate,
        transitions: 0,
      };
    });
  }

  start(at: number): void {
    const router = this.routers[at];
    router.instance = newInstance(router.params);
    router.alive = true;
    // A restarted speaker removes what its killed predecessor left.
    router.hasVips = false;
    this.linkUp(at, "heartbeat");
    this.linkUp(at, "main");
    this.hand(at, { kind: "tracks", readings: router.params.tracks.map(() => true) });
    this.hand(at, { kind: "start" });
  }

  /** The process is gone; its VIPs stay on the interface until somebody removes them. */
  crash(at: number): void {
    this.routers[at].alive = false;
  }

  hand(at: number, event: Event): void {
    const router = this.routers[at];
    if (!router.alive) return;
    const result = step(router.instance, event, router.params, (this.now * router.clockRate) as MonoMs);
    router.instance = result.instance;
    for (const effect of result.effects) this.perform(at, effect);
    this.handled(at);
  }

  linkUp(at: number, path: PathName): void {
    const link = { kind: "up", address: this.address(at, path) } as const;
    if (path === "main") return this.hand(at, { kind: "link", link });
    if (this.secondAddresses === null) return;
    this.hand(at, { kind: "heartbeat", path: { interfaceName: "eth1", link, refusal: null } });
  }

  linkDown(at: number, path: PathName): void {
    const link = { kind: "down" } as const;
    if (path === "main") return this.hand(at, { kind: "link", link });
    this.hand(at, { kind: "heartbeat", path: { interfaceName: "eth1", link, refusal: null } });
  }

  /** Whether `to` hears what `from` says on one path at least. */
  hears(to: number, from: number): boolean {
    const paths: readonly PathName[] = this.secondAddresses === null ? ["main"] : ["main", "heartbeat"];
    return paths.some((path) => this.connects(path, from, to));
  }

  private connects(path: PathName, from: number, to: number): boolean {
    const group = this.groups[path];
    return group[from] === group[to] && !this.muted[path].has(from);
  }

  /** Called after each event of a router: where a group looks at its members. */
  handled: (at: number) => void = () => {};

  partition(groups: readonly number[], path: PathName = "main"): void {
    this.groups[path] = [...groups];
  }

  heal(path: PathName = "main"): void {
    this.groups[path] = this.groups[path].map(() => 0);
    this.muted[path].clear();
  }

  /** Runs for `durationMs`; `check` after every event. */
  run(durationMs: number, check: () => void = () => {}): void {
    const end = this.now + durationMs;
    for (let next = this.nextEvent(); next <= end; next = this.nextEvent()) {
      this.advance(next);
      check();
    }
    this.now = end;
  }

  /** When something happens next. */
  nextEvent(): number {
    return Math.min(this.nextTimer(), this.packets[0]?.at ?? NEVER);
  }

  /** Time goes on to this instant, and what is due then happens. */
  advance(to: number): void {
    this.now = Math.max(this.now, to);
    this.deliver();
    this.routers.forEach((router, at) => {
      if (this.deadlineOf(router) <= this.now) this.hand(at, { kind: "tick" });
    });
  }

  /** Indexes of the live routers that lead. */
  leaders(): readonly number[] {
    return this.routers.flatMap((router, at) => (router.alive && router.instance.state.kind === "master" ? [at] : []));
  }

  /** The sum of a trace: two runs of a seed must agree. */
  digest(): string {
    return this.routers.map((router) => `${router.instance.state.kind}/${router.transitions}`).join(" ");
  }

  private address(at: number, path: PathName): Uint8Array {
    return path === "main" ? Uint8Array.of(10, 0, 0, at + 1) : Uint8Array.of(10, 9, 0, this.secondAddresses?.[at] ?? 0);
  }

  private nextTimer(): number {
    return Math.min(...this.routers.map((router) => this.deadlineOf(router)));
  }

  /** In the time of the network. Rounding must not make a deadline stand still just before it is reached. */
  private deadlineOf(router: Router): number {
    return router.alive ? nextDeadline(router.instance) / router.clockRate + 1e-6 : NEVER;
  }

  private deliver(): void {
    while (this.packets.length > 0 && this.packets[0].at <= this.now) {
      const packet = this.packets.shift()!;
      const { path, from, to } = packet;
      if (!this.connects(path, from, to) || !this.isUp(to, path)) continue;
      this.hand(to, {
        kind: "advert",
        path,
        source: this.address(from, path),
        priority: packet.priority,
        intervalMs: packet.intervalMs,
      });
    }
  }

  private perform(at: number, effect: Effect): void {
    const router = this.routers[at];
    switch (effect.kind) {
      case "send_advert":
        this.send(at, "main", effect.priority);
        if (this.secondAddresses !== null) this.send(at, "heartbeat", effect.priority);
        return;
      case "add_addresses":
        router.hasVips = true;
        return;
      case "remove_addresses":
        router.hasVips = false;
        return;
      case "transition":
        router.transitions++;
        return;
      case "announce":
      case "notice":
      case "check":
        return;
    }
  }

  private send(from: number, path: PathName, priority: number): void {
    if (!this.isUp(from, path)) return;
    this.routers.forEach((_, to) => {
      if (to === from || this.random() < this.lossRate) return;
      this.post(path, from, to, priority);
      if (this.random() < this.duplicationRate) this.post(path, from, to, priority);
    });
  }

  private isUp(at: number, path: PathName): boolean {
    const { link, heartbeat } = this.routers[at].instance.node;
    return (path === "main" ? link : heartbeat?.link)?.kind === "up";
  }

  /** Packets overtake each other: every one has its own delay. */
  private post(path: PathName, from: number, to: number, priority: number): void {
    const at = later(this.now as MonoMs, 0.1 + this.random() * this.delayMs);
    const packet = { at, path, from, to, priority, intervalMs: this.routers[from].params.advertIntervalMs };
    const place = this.packets.findIndex((other) => other.at > at);
    if (place < 0) this.packets.push(packet);
    else this.packets.splice(place, 0, packet);
  }
}
