/** What is counted and told of one instance: statistics, refused adverts, remarks, events. */
import type { BallastEvent, EventLevel } from "../../admin/api.ts";
import { monoNow, wallNow } from "../../sys/clock.ts";
import type { Effect } from "../instance.ts";
import { noteText } from "../note-text.ts";
import { addressText } from "../../net/address.ts";
import type { PathName } from "../paths.ts";
import { ReasonLog } from "../reason-log.ts";
import type { Received, ReceiveReason } from "../receive.ts";
import { OTHER_CLUSTER, reasonText, withoutRefusal, withRefusal } from "../refusal.ts";
import type { InstanceSettings } from "../settings.ts";
import { type InstanceStats, newStats, withPeer } from "../status.ts";
import { priority } from "../wire.ts";
import type { AnnounceResult } from "./announcer.ts";

export interface LogPorts {
  report(event: BallastEvent): void;
  /** Something that status shows has changed. */
  changed(): void;
}

export class InstanceLog {
  readonly stats: InstanceStats = newStats(wallNow());
  private readonly ports: LogPorts;
  private readonly reasons = new ReasonLog();

  constructor(ports: LogPorts) {
    this.ports = ports;
  }

  /** An advert that passed the receive checks. */
  received(received: Received, path: PathName, settings: InstanceSettings): void {
    const { advert, source } = received;
    const { stats } = this;
    const heard = { address: source.slice(), priority: advert.priority };
    const more = { path, intervalMs: advert.intervalMs, heardAt: monoNow() };
    stats.peers = withPeer(stats.peers, { ...heard, ...more });
    stats.refusals = received.notes.includes(OTHER_CLUSTER)
      ? withRefusal(stats.refusals, { address: source.slice(), reason: OTHER_CLUSTER, heardAt: monoNow() })
      : withoutRefusal(stats.refusals, source);
    stats.lastAdvertWallMs = wallNow();
    if (path === "heartbeat") stats.heartbeatReceived++;
    else {
      stats.advertsReceived++;
      if (advert.priority === priority.resign) stats.priorityZeroReceived++;
    }
    const over = path === "heartbeat" ? ` over ${settings.heartbeat?.interfaceName}` : "";
    for (const note of received.notes) {
      this.count(settings, reasonOn(path, note), () => noteText(note, received, settings) + over);
    }
  }

  refused(reason: ReceiveReason, path: PathName, source: Uint8Array | null, settings: InstanceSettings): void {
    const { stats } = this;
    if (source !== null) {
      stats.refusals = withRefusal(stats.refusals, { address: source.slice(), reason, heardAt: monoNow() });
    }
    const who = source === null ? "" : ` of ${addressText(source)}`;
    const over = path === "heartbeat" ? ` over ${settings.heartbeat?.interfaceName}` : "";
    this.count(settings, reasonOn(path, reason), () => `advert${who} refused${over}: ${reasonText(reason)}`);
  }

  /** Only a counter: other clusters share the segment. */
  countForeign(reason: ReceiveReason, path: PathName): void {
    const name = reasonOn(path, reason);
    this.stats.errors[name] = (this.stats.errors[name] ?? 0) + 1;
  }

  /** Counts packets that the kernel dropped before they were read; says so if `tells`. */
  lost(count: number, path: PathName, tells: boolean, settings: InstanceSettings): void {
    const reason = reasonOn(path, "receive_queue_overflow");
    const { errors } = this.stats;
    errors[reason] = (errors[reason] ?? 0) + count;
    if (!tells || this.reasons.admit(reason, monoNow()) === null) return;
    const name = path === "main" ? settings.hears : settings.heartbeat?.interfaceName;
    const text = `${errors[reason]} VRRP packets on ${name} were lost so far: they came faster than they were read`;
    this.report(settings, "warning", "vrrp.advert", text, { reason });
  }

  sent(path: PathName, advertPriority: number): void {
    if (path === "heartbeat") this.stats.heartbeatSent++;
    else {
      this.stats.advertsSent++;
      if (advertPriority === priority.resign) this.stats.priorityZeroSent++;
    }
  }

  announced(result: AnnounceResult): void {
    this.stats.garpSent += result.sent;
  }

  transition(
    effect: Extract<Effect, { kind: "transition" }>,
    effectivePriority: number,
    settings: InstanceSettings,
  ): void {
    this.stats.transitions++;
    this.stats.sinceWallMs = wallNow();
    const { from, to, cause } = effect;
    const fields = { from, to, cause, priority: effectivePriority };
    this.report(settings, to === "fault" ? "warning" : "notice", "vrrp.state", effect.text, fields);
  }

  report(
    settings: InstanceSettings,
    level: EventLevel,
    kind: string,
    text: string,
    fields: Readonly<Record<string, string | number>> = {},
  ): void {
    const object = settings.params.name;
    this.ports.report({ id: 0, wallMs: wallNow(), level, source: "vrrp", kind, object, text, fields });
    this.ports.changed();
  }

  private count(settings: InstanceSettings, reason: string, text: () => string): void {
    this.stats.errors[reason] = (this.stats.errors[reason] ?? 0) + 1;
    const suppressed = this.reasons.admit(reason, monoNow());
    if (suppressed === null) return;
    const more = suppressed > 0 ? ` (${suppressed} more since the last report)` : "";
    this.report(settings, "warning", "vrrp.advert", text() + more, { reason });
  }
}

/** The second path has counters of its own. */
function reasonOn(path: PathName, reason: string): string {
  return path === "main" ? reason : `${path}_${reason}`;
}
