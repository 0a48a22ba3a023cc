/**
 * One instance at work: hands events to the machine and does what it wants, in its order. What the kernel answers
 * becomes an event in turn, handled after the effects of the first are done.
 */
import type { BallastEvent, EventLevel, VrrpStatus } from "../../admin/api.ts";
import type { VrrpWill } from "../../ipc/messages.ts";
import { assert, unreachable } from "../../lib/result.ts";
import { type MonoMs, NEVER } from "../../lib/time.ts";
import type { RoutePort } from "../../netlink/route-port.ts";
import { sameAddress } from "../../net/address.ts";
import { monoNow, wallNow } from "../../sys/clock.ts";
import { E } from "../../sys/errno.ts";
import type { Loop, LoopTimer } from "../../sys/loop.ts";
import { type Effect, type Event, type Instance, type InstanceParams, newInstance } from "../instance.ts";
import type { Member } from "../group.ts";
import { type Claim, Disputes, macText } from "../conflict.ts";
import { nextDeadline, step } from "../machine.ts";
import { noteText } from "../note-text.ts";
import type { Received, ReceiveReason } from "../receive.ts";
import { ReasonLog } from "../reason-log.ts";
import type { InstanceSettings, Vip } from "../settings.ts";
import type { TrackReading } from "../track.ts";
import { type InstanceStats, newStats, vrrpStatus, withPeer } from "../status.ts";
import { skewMs } from "../timing.ts";
import { willAddress } from "../will.ts";
import { priority } from "../wire.ts";
import type { AdvertPort } from "./advert-port.ts";
import { AdvertSender } from "./advert-sender.ts";
import type { Announcer, AnnounceResult } from "./announcer.ts";
import { ForwardKeeper } from "./forward-keeper.ts";
import type { Move, Mover } from "./mover.ts";
import { type Prepared, VipKeeper } from "./vip-keeper.ts";

/** An instance settles after a handful of events; more in one go is a loop in the machine. */
const EVENTS_PER_TURN_MAX = 64;

/** For the advert of the new master to arrive, on a busy machine. */
const HEARD_WITHIN_MS = 50;

export interface RunnerPorts {
  readonly loop: Loop;
  readonly route: RoutePort;
  readonly announcer: Announcer;
  readonly mover: Mover;
  /** The advert socket of the instance's interface; the text of the refusal when there is none. */
  socket(settings: InstanceSettings, use: "hears" | "speaks"): AdvertPort | string;
  /** Takes in what has arrived on every socket: done before a timer is looked at. */
  drain(): void;
  report(event: BallastEvent): void;
  /** Something that status shows has changed. */
  changed(): void;
  /** The instance has done with an event: its group may have to follow. */
  handled(runner: Runner): void;
}

export class Runner {
  settings: InstanceSettings;
  private instance: Instance;
  private readonly stats: InstanceStats;
  private readonly ports: RunnerPorts;
  private readonly sender: AdvertSender;
  private readonly vips: VipKeeper;
  private readonly forwarding: ForwardKeeper;
  private readonly reasons = new ReasonLog();
  private readonly queue: Event[] = [];
  /** What is still to be done of the event that is being handled. */
  private effects: readonly Effect[] = [];
  private eventsHandled = 0;
  /** The kernel has been asked for addresses: what comes after waits for its answer. */
  private moving = false;
  private readonly disputes = new Disputes();
  private sinceMono = monoNow();
  private working = false;
  private timer: LoopTimer | null = null;
  private timerAt: MonoMs = NEVER;

  constructor(settings: InstanceSettings, ports: RunnerPorts) {
    this.settings = settings;
    this.ports = ports;
    this.instance = newInstance(settings.params);
    this.stats = newStats(wallNow());
    this.sender = new AdvertSender(settings, ports.socket);
    this.vips = new VipKeeper(settings, ports.route);
    this.forwarding = new ForwardKeeper(ports.route);
  }

  get name(): string {
    return this.settings.params.name;
  }

  get leads(): boolean {
    return this.instance.state.kind === "master";
  }

  /** It waits for the kernel to answer. */
  get isMoving(): boolean {
    return this.moving;
  }

  /** Within this time of a goodbye the worst backup leads, and has been heard. */
  get takeoverMs(): number {
    const { version, advertIntervalMs } = this.settings.params;
    return skewMs(version, 1, advertIntervalMs) + HEARD_WITHIN_MS;
  }

  /** The highest sequence number of an authentication header, heard or sent. */
  get lastSequence(): number {
    return this.sender.lastSequence;
  }

  /** What its group looks at. */
  get member(): Member {
    return { name: this.name, instance: this.instance };
  }

  /** The node's own address on the interface; null while there is none. */
  get ownAddress(): Uint8Array | null {
    const { link } = this.instance.node;
    return link.kind === "up" ? link.address : null;
  }

  status(): VrrpStatus {
    const now = monoNow();
    const claims = this.ledVips.flatMap((vip) => {
      const mac = this.disputes.claimant(vip.address, now);
      return mac === null ? [] : [`the host with MAC ${mac} (${vip.text})`];
    });
    return vrrpStatus(this.settings, this.instance, { ...this.stats, claims }, now);
  }

  /** What is to be done if this process dies now: for each peer a goodbye, and the VIPs away. */
  will(): VrrpWill {
    const source = this.ownAddress;
    if (this.instance.state.kind !== "master" || source === null) return { packets: [], addresses: [] };
    return {
      packets: this.sender.goodbyes(source),
      addresses: this.vips.held().map(willAddress),
    };
  }

  /** Hands the event to the machine and performs the effects, and so on with what comes of them. */
  handle(event: Event): void {
    this.queue.push(event);
    if (this.working) return;
    this.working = true;
    this.eventsHandled = 0;
    this.work();
  }

  private work(): void {
    while (!this.moving) {
      const [effect, ...rest] = this.effects;
      if (effect !== undefined) {
        this.effects = rest;
        this.perform(effect);
        continue;
      }
      const event = this.queue.shift();
      if (event === undefined) break;
      assert(this.eventsHandled++ < EVENTS_PER_TURN_MAX, `vrrp: instance ${this.name} does not settle`);
      const result = step(this.instance, event, this.settings.params, monoNow());
      this.instance = result.instance;
      this.effects = result.effects;
    }
    if (this.moving) return;
    this.working = false;
    this.arm();
    this.ports.handled(this);
  }

  received(received: Received): void {
    const { advert, source } = received;
    if (received.sequence !== null) this.sender.heard(received.sequence);
    this.stats.advertsReceived++;
    if (advert.priority === priority.resign) this.stats.priorityZeroReceived++;
    this.stats.lastAdvertWallMs = wallNow();
    const heard = { address: source.slice(), priority: advert.priority };
    this.stats.lastHeard = heard;
    const more = { intervalMs: advert.intervalMs, heardAt: monoNow() };
    this.stats.peers = withPeer(this.stats.peers, { ...heard, ...more });
    for (const note of received.notes) this.count(note, () => noteText(note, received, this.settings));
    this.handle({ kind: "advert", source, priority: advert.priority, intervalMs: advert.intervalMs });
  }

  /** ARP of another host. */
  claimed(interfaceName: string, claim: Claim): void {
    const isMeant = (vip: Vip): boolean =>
      vip.interfaceName === interfaceName && sameAddress(vip.address, claim.address);
    const vip = this.settings.vips.find(isMeant);
    if (vip === undefined || this.instance.state.kind !== "master") return;
    if (!this.disputes.take(claim, this.sinceMono, monoNow())) return;
    this.handle({ kind: "claimed", address: vip.text, by: macText(claim.mac) });
  }

  /** Its VIPs while it leads, to be asked for: who else has them? */
  get ledVips(): readonly Vip[] {
    return this.instance.state.kind === "master" ? this.settings.vips : [];
  }

  refused(reason: ReceiveReason): void {
    this.count(reason, () => `advert refused: ${reason.replaceAll("_", " ")}`);
  }

  /** Only a counter: other clusters share the segment. */
  countForeign(reason: ReceiveReason): void {
    this.stats.errors[reason] = (this.stats.errors[reason] ?? 0) + 1;
  }

  /** First half of a reload: takes the new settings and lets go of VIPs that are no longer among them. */
  release(settings: InstanceSettings): InstanceParams {
    const before = this.settings.params;
    this.reportRefusals([...this.forwarding.keep(this.settings, settings), ...this.vips.reconfigure(settings)]);
    this.settings = settings;
    this.sender.settings = settings;
    return before;
  }

  /** Second half, after every instance has let go: state and timers stay, new VIPs are set. */
  reconfigure(before: InstanceParams, readings: readonly TrackReading[]): void {
    this.handle({ kind: "reconfigure", before, readings });
  }

  /** Somebody may have removed a virtual route or rule. */
  restoreForwarding(): void {
    if (!this.leads) return;
    const { restored, troubles } = this.forwarding.restore(this.settings);
    if (restored.length > 0) {
      const text = `somebody removed ${restored.join(", ")}; put back`;
      this.report("warning", "vrrp.route", text, {});
    }
    for (const trouble of troubles) this.handle({ kind: "trouble", trouble });
  }

  /** Takes away VIPs that a killed predecessor left on the node. */
  removeLeftovers(): void {
    this.forwarding.removeLeftovers(this.settings);
    const left = this.vips.removeLeftovers().map((vip) => vip.text);
    if (left.length === 0) return;
    this.report("warning", "vrrp.address", `removed ${left.join(", ")}, left behind by a speaker that was killed`, {});
  }

  /** A timer for the machine's next deadline. One that is armed too early is kept: it fires, looks and arms again. */
  private arm(): void {
    const at = nextDeadline(this.instance);
    if (at === NEVER || (this.timer !== null && this.timerAt <= at)) return;
    this.timer?.cancel();
    this.timerAt = at;
    this.timer = this.ports.loop.at(at, () => {
      this.timer = null;
      // An advert that waits in the socket may be the one that keeps this node from taking over.
      this.ports.drain();
      if (this.timer === null) this.handle({ kind: "tick" });
    });
  }

  private perform(effect: Effect): void {
    switch (effect.kind) {
      case "send_advert":
        return this.sendAdvert(effect.priority);
      case "add_addresses":
        return this.addVips();
      case "remove_addresses":
        return this.removeVips();
      case "announce":
        return this.announce(effect.repeat);
      case "transition":
        this.stats.transitions++;
        this.stats.sinceWallMs = wallNow();
        this.sinceMono = monoNow();
        this.report(effect.to === "fault" ? "warning" : "notice", "vrrp.state", effect.text, {
          from: effect.from,
          to: effect.to,
          cause: effect.cause,
          priority: this.status().priority,
        });
        if (effect.to === "backup") {
          this.refuseDeafness();
          this.refuseForeignVips();
        }
        return;
      case "notice":
        return this.report(effect.level, effect.topic, effect.text, {});
      default:
        return unreachable(effect);
    }
  }

  private sendAdvert(advertPriority: number): void {
    const refusal = this.sender.send(advertPriority, this.ownAddress);
    if (refusal === null) {
      this.stats.advertsSent++;
      if (advertPriority === priority.resign) this.stats.priorityZeroSent++;
    }
    // A resignation is the last word: whether it arrived changes nothing here.
    if (advertPriority === priority.resign) return;
    this.queue.push({ kind: "advert_sent", ok: refusal === null, text: refusal ?? "" });
  }

  private addVips(): void {
    this.move("add", this.vips.prepareAdd(), (refused) => {
      // Routes go over the VIPs' networks: addresses first.
      const troubles = [...refused, ...this.forwarding.add(this.settings)];
      for (const trouble of troubles) this.queue.push({ kind: "trouble", trouble });
    });
  }

  private removeVips(): void {
    this.ports.announcer.cancel(this.settings.identity);
    this.reportRefusals(this.forwarding.remove(this.settings));
    this.move("remove", this.vips.prepareRemoval(this.settings.vips), (refusals) => this.reportRefusals(refusals));
  }

  /** Has the kernel asked, now or together with other instances, and goes on when it has answered. */
  private move<Outcome>(operation: Move["operation"], what: Prepared<Outcome>, then: (outcome: Outcome) => void): void {
    this.moving = true;
    let isLater = false;
    this.ports.mover.move({
      operation,
      requests: what.requests,
      done: (results) => {
        this.moving = false;
        then(what.finish(results));
        if (isLater) this.work();
      },
    });
    isLater = true;
  }

  private reportRefusals(refusals: readonly string[]): void {
    for (const text of refusals) this.report("error", "vrrp.address", text, {});
  }

  private announce(repeat: number): void {
    const result = this.ports.announcer.announce(this.settings.identity, this.ports.route.view, {
      vips: this.settings.vips,
      repeat,
      intervalMs: this.settings.params.garp.intervalMs ?? 0,
      sentLater: (later) => this.countAnnounced(later),
    });
    if (this.countAnnounced(result)) this.queue.push({ kind: "announce_failed" });
  }

  /** True when the kernel had no room: the burst is to be repeated. */
  private countAnnounced(result: AnnounceResult): boolean {
    this.stats.garpSent += result.sent;
    return result.refusal === -E.NOBUFS || result.refusal === -E.AGAIN;
  }

  /** A backup that cannot hear the master would take over beside it. */
  private refuseDeafness(): void {
    const socket = this.ports.socket(this.settings, "hears");
    if (typeof socket !== "string") return;
    this.queue.push({ kind: "trouble", trouble: { kind: "send", text: socket } });
  }

  /** A VIP that somebody else set would answer on this node while another leads: say so instead of fighting. */
  private refuseForeignVips(): void {
    const vip = this.vips.foreignVip();
    if (vip === null) return;
    this.queue.push({ kind: "trouble", trouble: { kind: "foreign_address", address: vip.text } });
  }

  private count(reason: string, text: () => string): void {
    this.stats.errors[reason] = (this.stats.errors[reason] ?? 0) + 1;
    const suppressed = this.reasons.admit(reason, monoNow());
    if (suppressed === null) return;
    const more = suppressed > 0 ? ` (${suppressed} more since the last report)` : "";
    this.report("warning", "vrrp.advert", text() + more, { reason });
  }

  private report(
    level: EventLevel,
    kind: string,
    text: string,
    fields: Readonly<Record<string, string | number>>,
  ): void {
    this.ports.report({ id: 0, wallMs: wallNow(), level, source: "vrrp", kind, object: this.name, text, fields });
    this.ports.changed();
  }
}
