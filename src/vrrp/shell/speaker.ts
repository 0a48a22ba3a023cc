/**
 * The VRRP speaker: all instances of this node and what they share: the kernel's picture, sockets, tracks, groups, orders.
 * The role drives it; it knows nothing of channels.
 */
import type { BallastEvent, VrrpStatus } from "../../admin/api.ts";
import type { TrackConfig, VrrpConfig } from "../../config/types-vrrp.ts";
import type { RunScript, ScriptResult, VrrpWill } from "../../ipc/messages.ts";
import { assert } from "../../lib/result.ts";
import { ADDRESS_OWNER } from "../../netlink/codec-route.ts";
import type { NodeChange } from "../../netlink/node-view.ts";
import type { RoutePort } from "../../netlink/route-port.ts";
import { sameAddress } from "../../net/address.ts";
import { sleepClockMs, wallNow } from "../../sys/clock.ts";
import type { Loop, LoopTimer } from "../../sys/loop.ts";
import { type GroupOrder, groupOrder } from "../group.ts";
import { linkFact } from "../node-facts.ts";
import { type InstanceSettings, instanceSettings, sameSettings } from "../settings.ts";
import type { TrackReading } from "../track.ts";
import { ArpWatch } from "./arp-watch.ts";
import { Announcer } from "./announcer.ts";
import { Mover } from "./mover.ts";
import { Receiver } from "./receiver.ts";
import { Runner, type RunnerPorts } from "./runner.ts";
import { TrackWatch } from "./track-watch.ts";
import { VmacKeeper } from "./vmac-keeper.ts";

/** Orders to a group until it is at one with itself: two for each member settle the worst case; more is a bug. */
const GROUP_ORDERS_MAX = 1024;

/** How often a master asks the link who else has its VIPs: a split brain is told of within two seconds. */
const PROBE_INTERVAL_MS = 1500;

/** A routing daemon that removes ours removes more in the same breath; it is also how often we contend with it. */
const RESTORE_AFTER_MS = 100;

/** Shorter is the resolution of two clocks read one after the other, and no neighbour has forgotten anything. */
const SLEEP_MS_MIN = 500;

export interface SpeakerReports {
  event(event: BallastEvent): void;
  /** The status of an instance changed. */
  changed(): void;
  /** A check script is due; its result goes to `scriptResult`. */
  runScript(order: RunScript): void;
}

export class Speaker {
  private readonly loop: Loop;
  private readonly route: RoutePort;
  private readonly announcer: Announcer;
  private readonly mover: Mover;
  private readonly receiver: Receiver;
  private readonly vmacs: VmacKeeper;
  private readonly arp: ArpWatch;
  private readonly probes: LoopTimer;
  private readonly tracks: TrackWatch;
  private readonly ports: RunnerPorts;
  private runners: Runner[] = [];
  /** Null until the supervisor has said so once: instances that track the proxy wait for that. */
  private proxyServes: boolean | null = null;
  private waiting: Runner[] = [];
  private refreshIsDue = false;
  private restoreIsDue = false;
  /** How long the machine had slept since it was booted, when we looked last. */
  private sleptBeforeMs = sleepClockMs();
  /** Several instances are being told something: their groups are looked at when all have heard it. */
  private telling = false;

  constructor(loop: Loop, route: RoutePort, reports: SpeakerReports) {
    this.loop = loop;
    this.route = route;
    this.announcer = new Announcer(loop);
    this.mover = new Mover(route);
    this.receiver = new Receiver(loop, route.view);
    this.vmacs = new VmacKeeper(route, (text) =>
      reports.event({ ...newEvent(), level: "warning", kind: "vrrp.vmac", object: "", text }),
    );
    this.arp = new ArpWatch(loop, route.view, (interfaceName, claim) => {
      for (const runner of this.runners) runner.claimed(interfaceName, claim);
    });
    this.probes = loop.every(PROBE_INTERVAL_MS, () => {
      for (const runner of this.runners) this.arp.probe(runner.ledVips);
    });
    this.tracks = new TrackWatch({
      loop,
      runScript: (order) => reports.runScript(order),
      report: (level, object, text) => reports.event({ ...newEvent(), level, kind: "vrrp.track", object, text }),
      changed: () => this.tracksChanged(),
    });
    this.ports = {
      loop,
      route,
      announcer: this.announcer,
      mover: this.mover,
      socket: (settings, use) => this.vmacs.ensure(settings) ?? this.receiver.socket(settings, use),
      drain: () => this.drain(),
      report: (event) => reports.event(event),
      changed: () => reports.changed(),
      handled: (runner) => this.settleGroup(runner.settings.group),
    };
  }

  /**
   * Runs exactly these instances: new ones start, those that are gone resign, those whose identity (interface, VRID,
   * version, family) is unchanged keep their state and timers.
   */
  configure(configs: readonly VrrpConfig[]): void {
    const wanted = configs.map(instanceSettings);
    const kept = new Map(this.runners.map((runner) => [runner.settings.identity, runner]));
    const isFirst = this.runners.length === 0;
    const stays = (runner: Runner): boolean =>
      wanted.some((settings) => settings.identity === runner.settings.identity);
    this.tell(() => {
      for (const runner of this.runners) if (!stays(runner)) runner.handle({ kind: "stop" });
    });
    this.tracks.configure(wanted.flatMap((settings) => settings.params.tracks));
    const fresh: Runner[] = [];
    const changed: (() => void)[] = [];
    this.runners = wanted.map((settings) => {
      const runner = kept.get(settings.identity);
      if (runner === undefined) {
        const created = new Runner(settings, this.ports);
        fresh.push(created);
        return created;
      }
      if (!sameSettings(runner.settings, settings)) {
        const params = runner.release(settings);
        changed.push(() => runner.reconfigure(params, this.readings(settings)));
      }
      return runner;
    });
    this.vmacs.keep(wanted);
    this.route.watchForwarding(wanted.some(({ routes, rules }) => routes.length + rules.length > 0));
    this.receiver.listen(this.runners);
    this.tell(() => {
      // A VIP may have moved from one instance to another: all have let go before any sets what is new.
      for (const apply of changed) apply();
      if (isFirst) this.sweep();
      for (const runner of this.runners) this.refreshLink(runner);
      for (const runner of fresh) runner.removeLeftovers();
      this.waiting = this.waiting.filter((runner) => this.runners.includes(runner));
      this.waiting.push(...fresh);
      this.startWaiting();
    });
    this.listen();
  }

  proxyHealth(serves: boolean): void {
    if (serves === this.proxyServes) return;
    this.proxyServes = serves;
    this.tracksChanged();
  }

  scriptResult(result: ScriptResult): void {
    this.tracks.scriptResult(result);
  }

  /** `instance` null: all of them; a member of a group stands for all. False when there is no instance of that name. */
  order(order: "failover" | "maint" | "resume", instance: string | null): boolean {
    const named = this.runners.filter((runner) => instance === null || runner.name === instance);
    const groups = new Set(named.flatMap((runner) => runner.settings.group ?? []));
    const { runners } = this;
    const meant = runners.filter((runner) => named.includes(runner) || groups.has(runner.settings.group ?? ""));
    this.tell(() => {
      for (const runner of meant) runner.handle({ kind: "order", order });
    });
    return named.length > 0;
  }

  /**
   * Begins to hand every VIP over and answers how long a backup needs for that at most, in milliseconds; 0: this node leads
   * nothing. `leads` tells when it is done.
   */
  handOver(): number {
    const masters = this.runners.filter((runner) => runner.leads);
    this.order("failover", null);
    return Math.max(0, ...masters.map((runner) => runner.takeoverMs));
  }

  get leads(): boolean {
    return this.runners.some((runner) => runner.leads);
  }

  /** Priority 0 from every master, VIPs away. Nothing is sent after it. */
  stop(): void {
    this.tell(() => {
      for (const runner of this.runners) runner.handle({ kind: "stop" });
    });
    this.tracks.stop();
    this.probes.cancel();
    this.arp.close();
    this.receiver.close();
    this.vmacs.keep([]);
    this.runners = [];
    this.announcer.close();
  }

  status(): readonly VrrpStatus[] {
    return this.runners.map((runner) => runner.status());
  }

  /** What is to be done if this process dies now. */
  will(): VrrpWill {
    const wills = this.runners.map((runner) => runner.will());
    return {
      packets: wills.flatMap((will) => will.packets),
      addresses: wills.flatMap((will) => will.addresses),
    };
  }

  /** Something changed in the kernel's picture of the node. */
  nodeChanged(change: NodeChange): void {
    switch (change.kind) {
      case "link":
      case "link_gone":
        this.receiver.dropStale(change.kind === "link" ? change.link.name : change.name);
        this.tell(() => {
          for (const runner of this.runners) this.refreshLink(runner);
          this.refreshTracks();
        });
        this.listen();
        return;
      case "address":
        this.addressChanged(change.linkName);
        return;
      case "address_gone":
        this.addressChanged(change.linkName);
        if (!change.own) this.restore(change);
        return;
      case "forwarding_gone":
        this.restoreForwarding();
        return;
    }
  }

  /** Hands something to several instances, then looks at their groups: what all are told is no reason to fall out. */
  private tell(handOut: () => void): void {
    const outermost = !this.telling;
    this.telling = true;
    this.mover.gather(handOut);
    if (!outermost) return;
    this.telling = false;
    for (const group of new Set(this.runners.map((runner) => runner.settings.group))) this.settleGroup(group);
  }

  private settleGroup(group: string | null): void {
    if (group === null || this.telling) return;
    const members = this.runners.filter((runner) => runner.settings.group === group);
    this.telling = true;
    let count = 0;
    const nextOrder = (): GroupOrder | null => {
      assert(count++ < GROUP_ORDERS_MAX, `vrrp: group ${group} does not settle`);
      return groupOrder(members.map((runner) => runner.member));
    };
    // The kernel's answers may make another order necessary.
    for (let first = nextOrder(); first !== null; first = nextOrder()) {
      this.mover.gather(() => {
        for (let order: GroupOrder | null = first; order !== null; order = nextOrder()) {
          const { name, event } = order;
          const runner = members.find((member) => member.name === name);
          // It could not do anything with a second order before the kernel has answered the first.
          if (runner?.isMoving === true) return;
          runner?.handle(event);
        }
      });
    }
    this.telling = false;
  }

  private tracksChanged(): void {
    this.tell(() => {
      this.refreshTracks();
      this.startWaiting();
    });
  }

  /** Starts what may start: a fault that ends a moment later would only alarm people. */
  private startWaiting(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const runner of waiting) {
      if (!runner.settings.params.tracks.every((track) => this.isKnown(track))) {
        this.waiting.push(runner);
        continue;
      }
      runner.handle({ kind: "tracks", readings: this.readings(runner.settings) });
      runner.handle({ kind: "start" });
    }
  }

  private isKnown(track: TrackConfig): boolean {
    return track.kind === "proxy" ? this.proxyServes !== null : this.tracks.isKnown(track);
  }

  private restore(change: Extract<NodeChange, { kind: "address_gone" }>): void {
    for (const runner of this.runners) {
      const vip = runner.settings.vips.find(
        (candidate) =>
          candidate.interfaceName === change.linkName &&
          candidate.prefixLength === change.address.prefixLength &&
          sameAddress(candidate.address, change.address.address),
      );
      if (vip !== undefined) runner.handle({ kind: "address_lost", address: vip.text });
    }
  }

  private restoreForwarding(): void {
    if (this.restoreIsDue) return;
    this.restoreIsDue = true;
    this.loop.after(RESTORE_AFTER_MS, () => {
      this.restoreIsDue = false;
      // Whoever lost an address or the link lost routes with it, and is told of that first.
      this.route.drain();
      this.tell(() => {
        for (const runner of this.runners) runner.restoreForwarding();
      });
    });
  }

  /** Once a turn, however many addresses come and go. */
  private addressChanged(linkName: string): void {
    if (this.refreshIsDue || !this.runners.some((runner) => runner.settings.interfaceName === linkName)) return;
    this.refreshIsDue = true;
    this.loop.defer(() => {
      this.refreshIsDue = false;
      this.tell(() => {
        for (const runner of this.runners) this.refreshLink(runner);
      });
      this.listen();
    });
  }

  private listen(): void {
    this.receiver.listen(this.runners);
    this.arp.listen(this.runners.flatMap((runner) => runner.settings.vips));
  }

  private refreshLink(runner: Runner): void {
    const allVips = this.runners.flatMap((other) => other.settings.vips);
    const link = linkFact(this.route.view, runner.settings, allVips);
    // Open before the first advert: a backup has to hear before it speaks.
    if (link.kind === "up") this.ports.socket(runner.settings, "hears");
    runner.handle({ kind: "link", link });
  }

  private refreshTracks(): void {
    for (const runner of this.runners) runner.handle({ kind: "tracks", readings: this.readings(runner.settings) });
  }

  private readings(settings: InstanceSettings): readonly TrackReading[] {
    return settings.params.tracks.map((track) => {
      if (track.kind === "proxy") return this.proxyServes === true;
      if (track.kind === "interface") return this.route.view.link(track.name)?.running === true;
      return this.tracks.reading(track);
    });
  }

  /**
   * At the start no address with our tag can be in use: what stands on the interfaces that we serve is left from a
   * speaker that was killed, also when the configuration has changed since.
   */
  private sweep(): void {
    const { view } = this.route;
    const names = new Set(this.runners.flatMap((runner) => runner.settings.vips.map((vip) => vip.interfaceName)));
    const known = this.runners.flatMap((runner) => runner.settings.vips);
    for (const name of names) {
      const link = view.link(name);
      if (link === null) continue;
      const strays = view
        .addressesOf(link.index)
        .filter((fact) => fact.owner === ADDRESS_OWNER && !known.some((vip) => sameAddress(vip.address, fact.address)));
      this.route.change(
        "remove",
        strays.map((fact) => ({ ...fact, broadcast: null })),
      );
    }
  }

  private drain(): void {
    this.route.drain();
    this.receiver.drain();
    const sleptMs = sleepClockMs() - this.sleptBeforeMs;
    if (sleptMs < SLEEP_MS_MIN) return;
    this.sleptBeforeMs += sleptMs;
    this.tell(() => {
      for (const runner of this.runners) runner.handle({ kind: "slept", forMs: sleptMs });
    });
  }
}

function newEvent(): Pick<BallastEvent, "id" | "wallMs" | "source" | "fields"> {
  return { id: 0, wallMs: wallNow(), source: "vrrp", fields: {} };
}
