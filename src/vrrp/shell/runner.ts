/**
 * One instance at work: hands events to the machine and does what it wants, in its order. What the kernel answers
 * becomes an event in turn, handled after the effects of the first are done.
 */
import type { BallastEvent, VrrpStatus } from "../../admin/api.ts";
import type { VrrpStanding, VrrpWill } from "../../ipc/messages.ts";
import { assert } from "../../lib/result.ts";
import type { RoutePort } from "../../netlink/route-port.ts";
import { sameAddress } from "../../net/address.ts";
import { monoNow } from "../../sys/clock.ts";
import type { Loop } from "../../sys/loop.ts";
import {
  type Effect,
  type Event,
  type Instance,
  type InstanceParams,
  newInstance,
  type Standing,
} from "../instance.ts";
import type { Member } from "../group.ts";
import { type Claim, Disputes, macText } from "../conflict.ts";
import { heartbeatAddress } from "../heartbeat.ts";
import { nextDeadline, step } from "../machine.ts";
import type { PathName } from "../paths.ts";
import type { Received, ReceiveReason } from "../receive.ts";
import type { InstanceSettings, Vip } from "../settings.ts";
import type { TrackReading } from "../track.ts";
import { vrrpStatus } from "../status.ts";
import { skewMs } from "../timing.ts";
import { willAddress } from "../will.ts";
import type { AcceptKeeper } from "./accept-keeper.ts";
import type { AdvertPort } from "./advert-port.ts";
import { AdvertSender } from "./advert-sender.ts";
import type { Announcer } from "./announcer.ts";
import { Deadline } from "./deadline.ts";
import { Holdings, openTrouble } from "./holdings.ts";
import { InstanceLog } from "./instance-log.ts";
import type { Mover } from "./mover.ts";
import { Performer } from "./performer.ts";
import type { SocketUse } from "./receiver.ts";

/** An instance settles after a handful of events; more in one go is a loop in the machine. */
const EVENTS_PER_TURN_MAX = 64;

/** For the advert of the new master to arrive, on a busy machine. */
const HEARD_WITHIN_MS = 50;

export interface RunnerPorts {
  readonly loop: Loop;
  readonly route: RoutePort;
  readonly announcer: Announcer;
  readonly mover: Mover;
  readonly accept: AcceptKeeper;
  /** The advert socket of one of the instance's interfaces; the text of the refusal when there is none. */
  socket(settings: InstanceSettings, use: SocketUse): AdvertPort | string;
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
  private readonly ports: RunnerPorts;
  private readonly log: InstanceLog;
  private readonly sender: AdvertSender;
  private readonly holdings: Holdings;
  private readonly performer: Performer;
  private readonly deadline: Deadline;
  private readonly queue: Event[] = [];
  /** What is still to be done of the event that is being handled. */
  private effects: readonly Effect[] = [];
  private eventsHandled = 0;
  private readonly disputes = new Disputes();
  private sinceMono = monoNow();
  private working = false;

  /** `standing`: what was ordered of an instance of this name before; absent: nothing. */
  constructor(settings: InstanceSettings, ports: RunnerPorts, standing?: Standing) {
    this.settings = settings;
    this.ports = ports;
    this.instance = newInstance(settings.params, standing);
    this.log = new InstanceLog(ports);
    this.sender = new AdvertSender(settings, ports.socket);
    this.holdings = new Holdings(settings, ports.route, ports.mover, ports.accept);
    this.performer = new Performer(settings, {
      ports,
      log: this.log,
      sender: this.sender,
      holdings: this.holdings,
      push: (event) => this.queue.push(event),
      resume: () => this.work(),
    });
    this.deadline = new Deadline(ports.loop, () => {
      // An advert that waits in the socket may be the one that keeps this node from taking over.
      this.ports.drain();
      if (!this.deadline.isArmed) this.handle({ kind: "tick" });
    });
  }

  get name(): string {
    return this.settings.params.name;
  }

  get leads(): boolean {
    return this.instance.state.kind === "master";
  }

  /** What holds until `ballast vrrp resume`. */
  get standing(): VrrpStanding {
    const { maintenance, yielded } = this.instance.node;
    return { instance: this.name, maintenance, yielded };
  }

  /** It waits for the kernel to answer. */
  get isMoving(): boolean {
    return this.performer.isMoving;
  }

  /** Within this time of a goodbye the worst backup leads, and has been heard. */
  get takeoverMs(): number {
    const { version, advertIntervalMs } = this.settings.params;
    return skewMs(version, 1, advertIntervalMs) + HEARD_WITHIN_MS;
  }

  /** The highest sequence number of an authentication header that was there before. */
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

  /** The same on the second path. */
  get heartbeatAddress(): Uint8Array | null {
    return heartbeatAddress(this.instance);
  }

  /** Its VIPs while it leads, to be asked for: who else has them? */
  get ledVips(): readonly Vip[] {
    return this.leads ? this.settings.vips : [];
  }

  status(): VrrpStatus {
    const now = monoNow();
    const claims = this.ledVips.flatMap((vip) => {
      const mac = this.disputes.claimant(vip.address, now);
      return mac === null ? [] : [`the host with MAC ${mac} (${vip.text})`];
    });
    return vrrpStatus(this.settings, this.instance, { ...this.log.stats, claims }, now);
  }

  /** What is to be done if this process dies now: for each peer a goodbye, and the VIPs away. */
  will(): VrrpWill {
    if (!this.leads) return { packets: [], addresses: [] };
    return {
      packets: [
        ...this.sender.goodbyes("main", this.ownAddress),
        ...this.sender.goodbyes("heartbeat", this.heartbeatAddress),
      ],
      addresses: this.holdings.held().map(willAddress),
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
    while (!this.isMoving) {
      const [effect, ...rest] = this.effects;
      if (effect !== undefined) {
        this.effects = rest;
        if (effect.kind === "transition") this.sinceMono = monoNow();
        this.performer.perform(effect, this.instance);
        continue;
      }
      const event = this.queue.shift();
      if (event === undefined) break;
      assert(this.eventsHandled++ < EVENTS_PER_TURN_MAX, `vrrp: instance ${this.name} does not settle`);
      const result = step(this.instance, event, this.settings.params, monoNow());
      this.instance = result.instance;
      this.effects = result.effects;
    }
    if (this.isMoving) return;
    this.working = false;
    this.deadline.arm(nextDeadline(this.instance));
    this.ports.handled(this);
  }

  received(received: Received, path: PathName): void {
    const { advert, source } = received;
    if (received.sequence !== null) this.sender.heard(received.sequence);
    this.log.received(received, path, this.settings);
    this.handle({ kind: "advert", path, source, priority: advert.priority, intervalMs: advert.intervalMs });
  }

  refused(reason: ReceiveReason, path: PathName, source: Uint8Array | null): void {
    this.log.refused(reason, path, source, this.settings);
  }

  countForeign(reason: ReceiveReason, path: PathName): void {
    this.log.countForeign(reason, path);
  }

  /** Packets that the kernel had no room for, on a socket that several instances share; one of them tells. */
  lost(count: number, path: PathName, tells: boolean): void {
    this.log.lost(count, path, tells, this.settings);
  }

  /** ARP of another host. */
  claimed(interfaceName: string, claim: Claim): void {
    const isMeant = (vip: Vip): boolean =>
      vip.interfaceName === interfaceName && sameAddress(vip.address, claim.address);
    const vip = this.ledVips.find(isMeant);
    if (vip === undefined || !this.disputes.take(claim, this.sinceMono, monoNow())) return;
    this.handle({ kind: "claimed", address: vip.text, by: macText(claim.mac) });
  }

  /** First half of a reload: takes the new settings and lets go of VIPs that are no longer among them. */
  release(settings: InstanceSettings): InstanceParams {
    const before = this.settings.params;
    this.reportRefusals(this.holdings.release(settings));
    this.settings = settings;
    this.sender.settings = settings;
    this.performer.settings = settings;
    return before;
  }

  /** Second half, after every instance has let go: state and timers stay, new VIPs are set. */
  reconfigure(before: InstanceParams, readings: readonly TrackReading[]): void {
    this.handle({ kind: "reconfigure", before, readings });
  }

  /** Somebody may have removed a virtual route or rule. */
  restoreForwarding(): void {
    if (!this.leads) return;
    const { restored, troubles } = this.holdings.restoreForwarding();
    if (restored.length > 0) {
      const text = `somebody removed ${restored.join(", ")}; put back`;
      this.log.report(this.settings, "warning", "vrrp.route", text);
    }
    for (const trouble of troubles) this.handle({ kind: "trouble", trouble });
  }

  /** The rules of accept = false are gone and cannot be put back. */
  rulesLost(refusal: string): void {
    const { accept, vips } = this.settings;
    if (this.leads && !accept) this.handle({ kind: "trouble", trouble: openTrouble(vips, refusal) });
  }

  /** Takes away VIPs that a killed predecessor left on the node. */
  removeLeftovers(): void {
    const left = this.holdings.removeLeftovers().map((vip) => vip.text);
    if (left.length === 0) return;
    const text = `removed ${left.join(", ")}, left behind by a speaker that was killed`;
    this.log.report(this.settings, "warning", "vrrp.address", text);
  }

  private reportRefusals(refusals: readonly string[]): void {
    for (const text of refusals) this.log.report(this.settings, "error", "vrrp.address", text);
  }
}
