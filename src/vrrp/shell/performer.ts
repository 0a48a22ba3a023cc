/** Does what the machine of one instance wants done; what comes of it is pushed back as events. */
import { unreachable } from "../../lib/result.ts";
import { E } from "../../sys/errno.ts";
import { heartbeatAddress } from "../heartbeat.ts";
import { type Effect, type Event, type Instance, ownPriority, type Trouble } from "../instance.ts";
import type { PathName } from "../paths.ts";
import type { InstanceSettings } from "../settings.ts";
import { priority } from "../wire.ts";
import type { AdvertSender } from "./advert-sender.ts";
import type { AnnounceResult } from "./announcer.ts";
import type { Holdings } from "./holdings.ts";
import type { InstanceLog } from "./instance-log.ts";
import type { RunnerPorts } from "./runner.ts";

export interface PerformerParts {
  readonly ports: RunnerPorts;
  readonly log: InstanceLog;
  readonly sender: AdvertSender;
  readonly holdings: Holdings;
  /** Handled after the effects that are still to be done. */
  push(event: Event): void;
  /** The kernel has answered, later than in the call that asked: the work goes on. */
  resume(): void;
}

export class Performer {
  settings: InstanceSettings;
  private readonly parts: PerformerParts;
  /** The kernel has been asked for addresses: what comes after waits for its answer. */
  private moving = false;

  constructor(settings: InstanceSettings, parts: PerformerParts) {
    this.settings = settings;
    this.parts = parts;
  }

  get isMoving(): boolean {
    return this.moving;
  }

  /** `instance` is as the step left it that wants the effect. */
  perform(effect: Effect, instance: Instance): void {
    const { ports, log, holdings, push } = this.parts;
    switch (effect.kind) {
      case "send_advert":
        return this.sendAdvert(effect.priority, instance);
      case "add_addresses":
        return this.move((done) => {
          holdings.add((troubles) => {
            for (const trouble of troubles) push({ kind: "trouble", trouble });
            done();
          });
        });
      case "remove_addresses":
        ports.announcer.cancel(this.settings.identity);
        return this.move((done) => {
          holdings.remove((refusals) => {
            for (const text of refusals) log.report(this.settings, "error", "vrrp.address", text);
            done();
          });
        });
      case "announce":
        return this.announce(effect.repeat);
      case "check":
        return push({ kind: "checked", trouble: this.obstacle() ?? this.missingInterface() });
      case "transition": {
        log.transition(effect, ownPriority(instance, this.settings.params), this.settings);
        const obstacle = effect.to === "backup" ? this.obstacle() : null;
        if (obstacle !== null) push({ kind: "trouble", trouble: obstacle });
        return;
      }
      case "notice":
        return log.report(this.settings, effect.level, effect.topic, effect.text);
      default:
        return unreachable(effect);
    }
  }

  private sendAdvert(advertPriority: number, instance: Instance): void {
    const { link } = instance.node;
    const main = this.sendOver("main", advertPriority, link.kind === "up" ? link.address : null);
    const address = heartbeatAddress(instance);
    const second = address === null ? null : this.sendOver("heartbeat", advertPriority, address);
    // A resignation is the last word: whether it arrived changes nothing here.
    if (advertPriority === priority.resign) return;
    this.parts.push({ kind: "advert_sent", ...main });
    if (second !== null) this.parts.push({ kind: "heartbeat_sent", ...second });
  }

  private sendOver(
    path: PathName,
    advertPriority: number,
    source: Uint8Array | null,
  ): { readonly ok: boolean; readonly text: string } {
    const refusal = this.parts.sender.send(path, advertPriority, source);
    if (refusal === null) this.parts.log.sent(path, advertPriority);
    return { ok: refusal === null, text: refusal ?? "" };
  }

  /** The kernel is asked, now or together with other instances. */
  private move(ask: (done: () => void) => void): void {
    this.moving = true;
    let isLater = false;
    ask(() => {
      this.moving = false;
      if (isLater) this.parts.resume();
    });
    isLater = true;
  }

  private announce(repeat: number): void {
    const { announcer, route } = this.parts.ports;
    const { log } = this.parts;
    const result = announcer.announce(this.settings.identity, route.view, {
      vips: this.settings.vips,
      repeat,
      intervalMs: this.settings.params.garp.intervalMs ?? 0,
      sentLater: (later) => log.announced(later),
    });
    log.announced(result);
    if (isFull(result)) this.parts.push({ kind: "announce_failed" });
  }

  /** Why this node must not even listen; null: nothing is known. */
  private obstacle(): Trouble | null {
    const { ports, holdings } = this.parts;
    // A backup that cannot hear the master would take over beside it.
    const socket = ports.socket(this.settings, "hears");
    if (typeof socket === "string") return { kind: "send", text: socket };
    // A VIP that somebody else set would answer on this node while another leads: say so instead of fighting.
    const vip = holdings.foreignVip();
    if (vip !== null) return { kind: "foreign_address", address: vip.text };
    // A backup that cannot drop what it is to drop would lead with open VIPs.
    return holdings.openness();
  }

  /** Where no VIP can be set. A backup is not kept out by that before it has tried once, and not let in again after. */
  private missingInterface(): Trouble | null {
    const { view } = this.parts.ports.route;
    const vip = this.settings.vips.find(({ interfaceName }) => view.link(interfaceName) === null);
    if (vip === undefined) return null;
    return { kind: "address", address: vip.text, text: `interface ${vip.interfaceName} does not exist` };
  }
}

/** The kernel had no room: the burst is to be repeated. */
function isFull(result: AnnounceResult): boolean {
  return result.refusal === -E.NOBUFS || result.refusal === -E.AGAIN;
}
