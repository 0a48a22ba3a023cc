/**
 * The VRRP speaker: all instances of this node and what they share: the kernel's picture, sockets, tracks, groups, orders.
 * The role drives it; it knows nothing of channels.
 */
import type { BallastEvent, EventLevel, VrrpStatus } from "../../admin/api.ts";
import type { VrrpConfig } from "../../config/types-vrrp.ts";
import type { RunScript, ScriptResult, VrrpStanding, VrrpWill } from "../../ipc/messages.ts";
import type { NodeChange } from "../../netlink/node-view.ts";
import type { NftPort } from "../../netlink/nft-port.ts";
import type { RoutePort } from "../../netlink/route-port.ts";
import { wallNow } from "../../sys/clock.ts";
import type { Loop, LoopTimer } from "../../sys/loop.ts";
import type { Event } from "../instance.ts";
import { instanceSettings, sameSettings, type Vip } from "../settings.ts";
import { AcceptKeeper } from "./accept-keeper.ts";
import { ArpWatch } from "./arp-watch.ts";
import { Announcer } from "./announcer.ts";
import { GroupSettler } from "./group-settler.ts";
import { sweepStrays } from "./leftovers.ts";
import { LinkFacts } from "./link-facts.ts";
import { Membership } from "./membership.ts";
import { Mover } from "./mover.ts";
import { Readings } from "./readings.ts";
import { Receiver } from "./receiver.ts";
import { Restorer } from "./restorer.ts";
import { Runner, type RunnerPorts } from "./runner.ts";
import { SleepWatch } from "./sleep-watch.ts";
import { Starts } from "./starts.ts";
import { VmacKeeper } from "./vmac-keeper.ts";

/** How often a master asks the link who else has its VIPs: a split brain is told of within two seconds. */
const PROBE_INTERVAL_MS = 1500;

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
  private readonly receiver: Receiver;
  private readonly vmacs: VmacKeeper;
  private readonly memberships: Membership;
  private readonly arp: ArpWatch;
  private readonly probes: LoopTimer;
  private readonly readings: Readings;
  private readonly starts: Starts;
  private readonly groups: GroupSettler;
  private readonly restorer: Restorer;
  private readonly sleeps = new SleepWatch();
  private readonly links: LinkFacts;
  private readonly ports: RunnerPorts;
  private runners: readonly Runner[] = [];
  private refreshIsDue = false;

  /** `openNft`: a socket for nf_tables, or in words why there is none; called when an instance has accept = false. */
  constructor(loop: Loop, route: RoutePort, openNft: () => NftPort | string, reports: SpeakerReports) {
    const report = (level: EventLevel, kind: string, object: string, text: string): void =>
      reports.event({ id: 0, wallMs: wallNow(), level, source: "vrrp", kind, object, text, fields: {} });
    const runners = (): readonly Runner[] => this.runners;
    this.loop = loop;
    this.route = route;
    const mover = new Mover(route);
    this.groups = new GroupSettler(mover, runners);
    this.restorer = new Restorer(loop, route, this.groups, runners);
    this.receiver = new Receiver(loop, route.view);
    this.vmacs = new VmacKeeper(route, (text) => report("warning", "vrrp.vmac", "", text), openNft);
    this.memberships = new Membership(loop, route.view);
    this.arp = new ArpWatch(loop, route.view, (interfaceName, claim) => {
      for (const runner of this.runners) runner.claimed(interfaceName, claim);
    });
    this.probes = loop.every(PROBE_INTERVAL_MS, () => {
      for (const runner of this.runners) this.arp.probe(runner.ledVips);
      const refusal = this.ports.accept.restore();
      if (refusal !== null) this.groups.tell(() => this.runners.forEach((runner) => runner.rulesLost(refusal)));
    });
    this.readings = new Readings(route.view, {
      loop,
      runScript: (order) => reports.runScript(order),
      report: (level, object, text) => report(level, "vrrp.track", object, text),
      changed: () => this.tracksChanged(),
      paused: () => this.tell({ kind: "paused" }),
    });
    this.starts = new Starts(this.readings);
    this.ports = {
      loop,
      route,
      announcer: new Announcer(loop),
      mover,
      accept: new AcceptKeeper(openNft),
      socket: (settings, use) =>
        (use === "heartbeat" ? null : this.vmacs.ensure(settings)) ?? this.receiver.socket(settings, use),
      drain: () => this.drain(),
      report: (event) => reports.event(event),
      changed: () => reports.changed(),
      handled: (runner) => this.groups.settle(runner.settings.group),
    };
    this.links = new LinkFacts(route.view, this.ports.socket);
  }

  /**
   * Runs exactly these instances: new ones start, those that are gone resign, those whose identity (interface, VRID,
   * version, family) is unchanged keep their state and timers. What was ordered of an instance holds for the one that has
   * its name afterwards; `standing`: of those that ran in a process before this one.
   */
  configure(configs: readonly VrrpConfig[], standing: readonly VrrpStanding[] = []): void {
    const wanted = configs.map(instanceSettings);
    const kept = new Map(this.runners.map((runner) => [runner.settings.identity, runner]));
    const isFirst = this.runners.length === 0;
    const stays = (runner: Runner): boolean =>
      wanted.some((settings) => settings.identity === runner.settings.identity);
    const gone = this.runners.filter((runner) => !stays(runner)).map((runner) => runner.standing);
    const orders = new Map([...standing, ...gone].map((each) => [each.instance, each]));
    this.groups.tell(() => {
      for (const runner of this.runners) if (!stays(runner)) runner.handle({ kind: "stop" });
    });
    // The kernel has told of the VIPs that went: they are nobody's leftovers.
    this.route.drain();
    this.readings.configure(wanted);
    const fresh: Runner[] = [];
    const changed: (() => void)[] = [];
    this.runners = wanted.map((settings) => {
      const runner = kept.get(settings.identity);
      if (runner === undefined) {
        const created = new Runner(settings, this.ports, orders.get(settings.params.name));
        fresh.push(created);
        return created;
      }
      if (!sameSettings(runner.settings, settings)) {
        const params = runner.release(settings);
        changed.push(() => runner.reconfigure(params, this.readings.of(settings)));
      }
      return runner;
    });
    this.vmacs.keep(wanted);
    // Refused: each instance that needs it says so when it would begin to wait for its turn.
    this.ports.accept.prepare(wanted.some((settings) => !settings.accept));
    this.route.watchForwarding(wanted.some(({ routes, rules }) => routes.length + rules.length > 0));
    this.receiver.listen(this.runners);
    this.groups.tell(() => {
      // A VIP may have moved from one instance to another: all have let go before any sets what is new.
      for (const apply of changed) apply();
      if (isFirst) sweepStrays(this.route, this.allVips());
      this.links.tell(this.runners);
      for (const runner of fresh) runner.removeLeftovers();
      this.starts.configure(this.runners, fresh);
      this.starts.go();
    });
    this.listen();
  }

  proxyHealth(serves: boolean): void {
    this.readings.proxyHealth(serves);
  }

  scriptResult(result: ScriptResult): void {
    this.readings.scriptResult(result);
  }

  /** `instance` null: all of them; a member of a group stands for all. False when there is no instance of that name. */
  order(order: "failover" | "maint" | "resume", instance: string | null): boolean {
    const named = this.runners.filter((runner) => instance === null || runner.name === instance);
    const groups = new Set(named.flatMap((runner) => runner.settings.group ?? []));
    const { runners } = this;
    const meant = runners.filter((runner) => named.includes(runner) || groups.has(runner.settings.group ?? ""));
    this.groups.tell(() => {
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
    this.groups.tell(() => {
      for (const runner of this.runners) runner.handle({ kind: "stop" });
    });
    this.readings.stop();
    this.probes.cancel();
    this.arp.close();
    this.memberships.close();
    this.receiver.close();
    this.vmacs.keep([]);
    this.ports.accept.close();
    this.runners = [];
    this.ports.announcer.close();
  }

  status(): readonly VrrpStatus[] {
    return this.runners.map((runner) => runner.status());
  }

  /** What was ordered and holds, for the process that comes after this one. */
  standing(): readonly VrrpStanding[] {
    const all = this.runners.map((runner) => runner.standing);
    return all.filter(({ maintenance, yielded }) => maintenance || yielded);
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
        this.groups.tell(() => {
          this.links.tell(this.runners);
          this.refreshTracks();
        });
        this.listen();
        return;
      case "address":
        this.addressChanged(change.linkName);
        return;
      case "address_gone":
        this.addressChanged(change.linkName);
        if (!change.own) this.restorer.address(change);
        return;
      case "forwarding_gone":
        this.restorer.forwarding();
        return;
    }
  }

  private tracksChanged(): void {
    this.groups.tell(() => {
      this.refreshTracks();
      this.starts.go();
    });
  }

  /** Once a turn, however many addresses come and go. */
  private addressChanged(linkName: string): void {
    if (this.refreshIsDue || !this.links.concerns(this.runners, linkName)) return;
    this.refreshIsDue = true;
    this.loop.defer(() => {
      this.refreshIsDue = false;
      this.groups.tell(() => this.links.tell(this.runners));
      this.listen();
    });
  }

  private listen(): void {
    this.receiver.listen(this.runners);
    this.arp.listen(this.allVips());
    this.memberships.keep(this.runners.map((runner) => runner.settings));
  }

  private allVips(): readonly Vip[] {
    return this.runners.flatMap((runner) => runner.settings.vips);
  }

  private refreshTracks(): void {
    for (const runner of this.runners) runner.handle({ kind: "tracks", readings: this.readings.of(runner.settings) });
  }

  private drain(): void {
    this.route.drain();
    this.receiver.drain();
    const forMs = this.sleeps.look();
    if (forMs === 0) return;
    this.tell({ kind: "slept", forMs });
  }

  private tell(event: Event): void {
    this.groups.tell(() => {
      for (const runner of this.runners) runner.handle(event);
    });
  }
}
