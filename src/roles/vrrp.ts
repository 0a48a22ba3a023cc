/**
 * The vrrp role: adverts, state machines, VIPs and gratuitous ARP of this node, apart from everything that could delay
 * them. It takes orders from the supervisor and tells it what happens. When the supervisor is gone it resigns, takes its
 * VIPs away and ends: a VIP never stays behind on a node that nobody manages.
 */
import type { VrrpStatus } from "../admin/api.ts";
import type { VrrpConfig } from "../config/types-vrrp.ts";
import type { Assignment, ScriptResult, VrrpStanding } from "../ipc/messages.ts";
import type { Channel } from "../ipc/shell/channel.ts";
import { openNft } from "../netlink/shell/nft-socket.ts";
import { RouteSocket } from "../netlink/shell/route-socket.ts";
import { monoNow, wallNow } from "../sys/clock.ts";
import { SysError } from "../sys/errno.ts";
import type { Loop, LoopTimer } from "../sys/loop.ts";
import { lockMemory } from "../sys/process.ts";
import { newInstance } from "../vrrp/instance.ts";
import { instanceSettings } from "../vrrp/settings.ts";
import { Speaker } from "../vrrp/shell/speaker.ts";
import { newStats, vrrpStatus } from "../vrrp/status.ts";
import { enterFault } from "../vrrp/transition.ts";
import { NEVER } from "../lib/time.ts";

/** Status is sent on every change, and this often for its counters. */
const STATUS_INTERVAL_MS = 1000;
/** Without netlink or raw sockets nothing works; rights or modules may come later. */
const OPEN_RETRY_MS = 10_000;

/** Sets the role up on its loop; it runs with `loop.run()` and stops the loop when it has ended. */
export function runVrrpRole(channel: Channel, loop: Loop): void {
  const role = new VrrpRole(channel, loop);
  // A page fault in the middle of an advert would be the delay that this role exists to avoid. Refused: it runs anyway.
  lockMemory();
  channel.on("vrrp_standing", (standing) => role.takeOver(standing));
  channel.on("start", (assignment) => role.start(assignment));
  channel.on("prepare", (assignment) => role.prepare(assignment));
  channel.on("commit", ({ generation }) => role.commit(generation));
  channel.on("abort", ({ generation }) => role.abort(generation));
  channel.on("proxy_health", ({ serving }) => role.proxyHealth(serving));
  channel.on("script_result", (result) => role.scriptResult(result));
  channel.on("vrrp_order", ({ order, instance }) => role.order(order, instance));
  channel.on("stop", ({ mode, withinMs }) => role.stop(mode === "now" ? 0 : withinMs));
  channel.onClose(() => role.end());
}

class VrrpRole {
  private readonly channel: Channel;
  private readonly loop: Loop;
  private configs: readonly VrrpConfig[] = [];
  private prepared: Assignment | null = null;
  private route: RouteSocket | null = null;
  private speaker: Speaker | null = null;
  private serving: boolean | null = null;
  /** Why there is no speaker; null when there is one. */
  private refusal: string | null = null;
  private statusIsDue = false;
  /** It hands over and ends; this is the latest moment. */
  private leaving: LoopTimer | null = null;
  /** The will that the supervisor has, as text. */
  private willText = "";
  /** What was ordered of the instances of a process before this one, until they run again. */
  private inherited: readonly VrrpStanding[] = [];
  /** The standing orders that the supervisor has, as text. */
  private standingText = "";

  constructor(channel: Channel, loop: Loop) {
    this.channel = channel;
    this.loop = loop;
  }

  /** Before the start, so that no instance leads for a moment that was ordered not to. */
  takeOver(standing: readonly VrrpStanding[]): void {
    this.inherited = standing;
  }

  start(assignment: Assignment): void {
    this.configs = assignment.config.vrrp;
    this.open();
    this.loop.every(STATUS_INTERVAL_MS, () => this.sendStatus());
    this.channel.send("ready", { pid: process.pid });
    this.sendStatus();
  }

  /** Nothing can fail later: an interface that is missing is a fault of its instance, not of the configuration. */
  prepare(assignment: Assignment): void {
    this.prepared = assignment;
    this.channel.send("prepared", { generation: assignment.generation });
  }

  commit(generation: number): void {
    if (this.prepared?.generation !== generation) return;
    this.configs = this.prepared.config.vrrp;
    this.prepared = null;
    this.speaker?.configure(this.configs);
    this.sendStatus();
  }

  abort(generation: number): void {
    if (this.prepared?.generation === generation) this.prepared = null;
  }

  proxyHealth(serving: boolean): void {
    this.serving = serving;
    this.speaker?.proxyHealth(serving);
  }

  scriptResult(result: ScriptResult): void {
    this.speaker?.scriptResult(result);
  }

  order(order: "failover" | "maint" | "resume", instance: string | null): void {
    this.speaker?.order(order, instance);
    this.statusChanged();
  }

  /** Serves on until a backup leads, for as long as one needs and `withinMs` at most; then it is gone in any case. */
  stop(withinMs: number): void {
    if (this.leaving !== null) this.leaving.cancel();
    const waitMs = Math.min(withinMs, withinMs === 0 ? 0 : (this.speaker?.handOver() ?? 0));
    if (waitMs === 0) return this.leave();
    this.leaving = this.loop.after(waitMs, () => this.leave());
  }

  private leave(): void {
    this.leaving?.cancel();
    this.leaving = null;
    this.speaker?.stop();
    this.speaker = null;
    this.sendWill();
    this.channel.send("drained", {});
    this.endWhenSent();
  }

  end(): void {
    this.speaker?.stop();
    this.speaker = null;
    this.route?.close();
    this.route = null;
    this.loop.stop();
  }

  private endWhenSent(): void {
    if (this.channel.drained) this.end();
    else this.loop.after(1, () => this.endWhenSent());
  }

  /** Opens netlink and the speaker; tries again later when the kernel refuses, and says why once. */
  private open(): void {
    try {
      this.route ??= new RouteSocket(this.loop, (change) => this.speaker?.nodeChanged(change));
      const speaker = new Speaker(this.loop, this.route, openNft, {
        event: (event) => this.channel.send("event", event),
        changed: () => this.statusChanged(),
        runScript: (order) => this.channel.send("run_script", order),
      });
      this.refusal = null;
      this.speaker = speaker;
      if (this.serving !== null) speaker.proxyHealth(this.serving);
      speaker.configure(this.configs, this.inherited);
      this.inherited = [];
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      if (this.refusal !== error.message) this.reportRefusal(error.message);
      this.refusal = error.message;
      this.loop.after(OPEN_RETRY_MS, () => this.open());
    }
  }

  private reportRefusal(text: string): void {
    this.channel.send("event", {
      id: 0,
      wallMs: wallNow(),
      level: "error",
      source: "vrrp",
      kind: "vrrp.start",
      object: "",
      text: `VRRP cannot run: ${text}; it needs CAP_NET_ADMIN and CAP_NET_RAW`,
      fields: {},
    });
  }

  /** On every change, before anything else is said: the supervisor acts on it when this process is no more. */
  private sendWill(): void {
    const will = this.speaker?.will() ?? { packets: [], addresses: [] };
    const text = JSON.stringify(will);
    if (text === this.willText) return;
    this.willText = text;
    this.channel.send("vrrp_will", will);
  }

  /** One message for everything that changes in this turn. */
  private statusChanged(): void {
    if (this.statusIsDue) return;
    this.statusIsDue = true;
    this.loop.defer(() => {
      if (this.statusIsDue) this.sendStatus();
      if (this.leaving !== null && this.speaker?.leads !== true) this.leave();
    });
  }

  /** On every change. What this process does when it is told to end is nobody's order. */
  private sendStanding(): void {
    if (this.speaker === null || this.leaving !== null) return;
    const standing = this.speaker.standing();
    const text = JSON.stringify(standing);
    if (text === this.standingText) return;
    this.standingText = text;
    this.channel.send("vrrp_standing", standing);
  }

  private sendStatus(): void {
    this.statusIsDue = false;
    this.sendWill();
    this.sendStanding();
    this.channel.send("vrrp_status", this.speaker?.status() ?? refusedStatus(this.configs, this.refusal ?? "ended"));
  }
}

/** What status shows while the kernel does not let the speaker run. */
function refusedStatus(configs: readonly VrrpConfig[], text: string): readonly VrrpStatus[] {
  return configs.map((config) => {
    const settings = instanceSettings(config);
    const trouble = { kind: "send", text } as const;
    const { instance } = enterFault(newInstance(settings.params), settings.params, { kind: "trouble", trouble }, NEVER);
    return vrrpStatus(settings, instance, newStats(wallNow()), monoNow());
  });
}
