/**
 * The VRRP state machine (RFC 3768 §6.4, RFC 9568 §6.4) with keepalived's additions: fault, tracks, preempt_delay.
 *
 *                      start (owner)
 *        +------+ ----------------------------------> +--------+
 *        | init |        start        +--------+      | master |
 *        +------+ ------------------> | backup | ---> +--------+
 *           ^                         +--------+ <---     |      higher advert, failover order
 *           | stop (from anywhere)      |   ^             |
 *           |                   fault,  v   | cleared,    | fault, maint
 *           |                   maint +----------------+  |
 *           +------------------------ | fault | maint  | <+
 *                                     +----------------+
 *
 * `step` is the only way to a new state. What concerns the node (link, tracks, orders, trouble) is handled in
 * `node.ts`, whatever the state; what the protocol says is here, by state and then by event.
 */
import { later, type MonoMs, NEVER } from "../lib/time.ts";
import { assert, unreachable } from "../lib/result.ts";
import { addressText, compareAddresses, sameAddress } from "../net/address.ts";
import type { BackupState, Effect, Event, Instance, InstanceParams, MasterState, Rival, Step } from "./instance.ts";
import { nodeStep } from "./node.ts";
import { adoptedDownMs, downMs, skewMs } from "./timing.ts";
import { effectivePriority } from "./track.ts";
import { enterBackup, enterMaster } from "./transition.ts";
import { priority } from "./wire.ts";

type AdvertEvent = Extract<Event, { kind: "advert" }>;

/** Adverts of a rival after which both nodes are taken to lead at once (split brain) and the operator is told. */
const RIVAL_ALARM_COUNT = 3;
/** Adverts that the kernel refused in a row before the node gives up, so that two masters do not persist. */
const SEND_FAILURES_MAX = 3;
/** A refused announcement is sent again after this. */
const ANNOUNCE_RETRY_MS = 200;

/** What `event` makes of the instance at `now`. Same input, same output: the simulation depends on it. */
export function step(instance: Instance, event: Event, params: InstanceParams, now: MonoMs): Step {
  switch (event.kind) {
    case "start":
    case "stop":
    case "link":
    case "tracks":
    case "order":
    case "trouble":
    case "reconfigure":
      return nodeStep(instance, event, params, now);
    case "advert":
    case "tick":
    case "address_lost":
    case "advert_sent":
    case "announce_failed":
      return protocolStep(instance, event, params, now);
    default:
      return unreachable(event);
  }
}

/** When the instance wants its next `tick`. */
export function nextDeadline(instance: Instance): MonoMs {
  const { state } = instance;
  switch (state.kind) {
    case "backup":
      return state.downAt;
    case "master":
      return Math.min(state.advertAt, state.burstAt, state.refreshAt) as MonoMs;
    case "fault":
      return state.retryAt;
    case "init":
    case "maint":
      return NEVER;
    default:
      return unreachable(state);
  }
}

type ProtocolEvent = Extract<Event, { kind: "advert" | "tick" | "address_lost" | "advert_sent" | "announce_failed" }>;

function protocolStep(instance: Instance, event: ProtocolEvent, params: InstanceParams, now: MonoMs): Step {
  const { state } = instance;
  switch (state.kind) {
    case "init":
    case "maint":
      // Not taking part: what the others say, and late answers of the kernel, change nothing.
      return { instance, effects: [] };
    case "fault":
      // Only the retry counts; adverts are for those who can take over.
      return event.kind === "tick" && now >= state.retryAt
        ? nodeStep(instance, { kind: "retry" }, params, now)
        : { instance, effects: [] };
    case "backup":
      return backupStep(instance, state, event, params, now);
    case "master":
      return masterStep(instance, state, event, params, now);
    default:
      return unreachable(state);
  }
}

function backupStep(
  instance: Instance,
  state: BackupState,
  event: ProtocolEvent,
  params: InstanceParams,
  now: MonoMs,
): Step {
  switch (event.kind) {
    case "advert":
      return backupAdvert(instance, state, event, params, now);
    case "tick":
      if (now < state.downAt) return { instance, effects: [] };
      return enterMaster(instance, params, now, state.resigned ? "priority-zero" : "master-down-timer");
    case "address_lost":
      // A backup has no VIPs: this is the echo of an older removal.
      return { instance, effects: [] };
    case "advert_sent":
    case "announce_failed":
      // The result of something sent while still master.
      return { instance, effects: [] };
    default:
      return unreachable(event);
  }
}

/** RFC 9568 §6.4.2 (400–470); preempt_delay as keepalived's vrrp_state_backup. */
function backupAdvert(
  instance: Instance,
  state: BackupState,
  advert: AdvertEvent,
  params: InstanceParams,
  now: MonoMs,
): Step {
  const own = effectivePriority(params.basePriority, params.tracks, instance.node.tracksWell);
  const master = { address: advert.source.slice(), priority: advert.priority };
  const change = (changes: Partial<BackupState>, effects: readonly Effect[] = []): Step => ({
    instance: { ...instance, state: { ...state, ...changes } },
    effects,
  });
  if (advert.priority === priority.resign) {
    // The master says goodbye: only the skew separates us from the other backups. A longer wait is never made of it.
    const downAt = Math.min(state.downAt, later(now, skewMs(params.version, own, state.masterIntervalMs))) as MonoMs;
    return change({ downAt, resigned: true, master: null, preemptAt: null });
  }
  const lower = advert.priority < own;
  const preempts = params.preempt && !instance.node.yielded;
  const delayRuns = params.preemptDelayMs > 0 && (state.preemptAt === null || now < state.preemptAt);
  if (lower && preempts && !delayRuns) {
    // Discarded: the down timer goes on and ends that master's term.
    return change({ master });
  }
  const intervalMs = params.version === 3 ? advert.intervalMs : params.advertIntervalMs;
  const downAt = later(now, adoptedDownMs(params.version, own, intervalMs, params.advertIntervalMs));
  const startsDelay = lower && preempts && state.preemptAt === null;
  const preemptAt = !lower ? null : startsDelay ? later(now, params.preemptDelayMs) : state.preemptAt;
  return change(
    { downAt, resigned: false, master, masterIntervalMs: intervalMs, preemptAt },
    startsDelay
      ? [
          notice(
            "info",
            "vrrp.preempt",
            `${addressText(advert.source)} leads with priority ${advert.priority}, ours is ${own}; preempting after ${params.preemptDelayMs} ms`,
          ),
        ]
      : [],
  );
}

function masterStep(
  instance: Instance,
  state: MasterState,
  event: ProtocolEvent,
  params: InstanceParams,
  now: MonoMs,
): Step {
  switch (event.kind) {
    case "advert":
      return masterAdvert(instance, state, event, params, now);
    case "tick":
      return masterTick(instance, state, params, now);
    case "address_lost":
      return {
        instance,
        effects: [
          { kind: "add_addresses" },
          { kind: "announce", repeat: 1 },
          notice("warning", "vrrp.address", `somebody removed ${event.address}; it has been put back`),
        ],
      };
    case "advert_sent":
      return advertSent(instance, state, event, params, now);
    case "announce_failed": {
      const burstAt = Math.min(state.burstAt, later(now, ANNOUNCE_RETRY_MS)) as MonoMs;
      return { instance: { ...instance, state: { ...state, burstAt } }, effects: [] };
    }
    default:
      return unreachable(event);
  }
}

function advertSent(
  instance: Instance,
  state: MasterState,
  event: Extract<Event, { kind: "advert_sent" }>,
  params: InstanceParams,
  now: MonoMs,
): Step {
  if (event.ok) {
    if (state.sendFailures === 0) return { instance, effects: [] };
    return { instance: { ...instance, state: { ...state, sendFailures: 0 } }, effects: [] };
  }
  const sendFailures = state.sendFailures + 1;
  if (sendFailures >= SEND_FAILURES_MAX) {
    return nodeStep(instance, { kind: "trouble", trouble: { kind: "send", text: event.text } }, params, now);
  }
  return {
    instance: { ...instance, state: { ...state, sendFailures } },
    effects: sendFailures === 1 ? [notice("warning", "vrrp.send", `advert not sent: ${event.text}`)] : [],
  };
}

/** RFC 9568 §6.4.3 (700–790). */
function masterAdvert(
  instance: Instance,
  state: MasterState,
  advert: AdvertEvent,
  params: InstanceParams,
  now: MonoMs,
): Step {
  const own = effectivePriority(params.basePriority, params.tracks, instance.node.tracksWell);
  if (advert.priority === priority.resign) {
    // Another master resigned: tell whoever listened to it that there is still one.
    return {
      instance: { ...instance, state: sent({ ...state, rival: null }, params, now) },
      effects: [{ kind: "send_advert", priority: own }],
    };
  }
  if (advert.priority > own || (advert.priority === own && senderIsHigher(instance, advert))) {
    const cause = advert.priority > own ? "higher-priority" : "higher-address";
    const intervalMs = params.version === 3 ? advert.intervalMs : params.advertIntervalMs;
    return enterBackup(instance, params, now, cause, {
      masterIntervalMs: intervalMs,
      waitMs: adoptedDownMs(params.version, own, intervalMs, params.advertIntervalMs),
      master: { address: advert.source.slice(), priority: advert.priority },
      remove: true,
    });
  }
  return answerLower(instance, state, advert, params, now, own);
}

/** A lower master shall give way: an advert at once, and gratuitous ARP for the hosts that it misled. */
function answerLower(
  instance: Instance,
  state: MasterState,
  advert: AdvertEvent,
  params: InstanceParams,
  now: MonoMs,
  own: number,
): Step {
  const rival = countRival(state.rival, advert);
  const effects: Effect[] = [];
  let next: MasterState = { ...state, rival };
  // Bounds for a flood: a forger could otherwise make us send as fast as it does.
  if (now - state.advertSentAt >= params.advertIntervalMs / 10) {
    effects.push({ kind: "send_advert", priority: own });
    next = sent(next, params, now);
  }
  if (params.garp.lowerPriorityRepeat > 0 && now - state.burstSentAt >= params.advertIntervalMs) {
    effects.push({ kind: "announce", repeat: params.garp.lowerPriorityRepeat });
    next = { ...next, burstSentAt: now };
  }
  if (rival.heard === RIVAL_ALARM_COUNT) {
    effects.push(
      notice(
        "warning",
        "vrrp.split",
        `${addressText(advert.source)} acts as master too (priority ${advert.priority}, ours ${own}) and does not give way: it does not hear us`,
      ),
    );
  }
  return { instance: { ...instance, state: next }, effects };
}

function countRival(rival: Rival | null, advert: AdvertEvent): Rival {
  const heard = rival !== null && sameAddress(rival.address, advert.source) ? rival.heard + 1 : 1;
  return { address: advert.source.slice(), priority: advert.priority, heard };
}

function masterTick(instance: Instance, state: MasterState, params: InstanceParams, now: MonoMs): Step {
  const own = effectivePriority(params.basePriority, params.tracks, instance.node.tracksWell);
  const effects: Effect[] = [];
  let next = state;
  if (now >= state.advertAt) {
    effects.push({ kind: "send_advert", priority: own });
    const lateMs = now - state.advertAt;
    next = sent(next, params, lateMs < params.advertIntervalMs ? state.advertAt : now);
    next = { ...next, advertSentAt: now };
    if (lateMs > downMs(params.version, own, params.advertIntervalMs)) {
      // Stopped or suspended for so long that a backup led meanwhile. It may have gone again without our hearing it:
      // the VIPs may be anywhere in the neighbours' caches.
      effects.push(
        { kind: "add_addresses" },
        { kind: "announce", repeat: params.garp.repeat },
        notice("warning", "vrrp.late", `the speaker stood still for ${Math.round(lateMs)} ms; VIPs announced again`),
      );
      next = { ...next, burstSentAt: now };
    }
  }
  if (now >= state.burstAt) {
    effects.push({ kind: "announce", repeat: params.garp.repeat });
    next = { ...next, burstAt: NEVER, burstSentAt: now };
  }
  if (now >= state.refreshAt) {
    effects.push({ kind: "announce", repeat: 1 });
    next = { ...next, refreshAt: later(now, params.garp.refreshMs) };
  }
  return { instance: { ...instance, state: next }, effects };
}

/** The advert timer after an advert that was due, or sent, at `at`: adding to the due time keeps the beat free of drift. */
function sent(state: MasterState, params: InstanceParams, at: MonoMs): MasterState {
  return { ...state, advertAt: later(at, params.advertIntervalMs), advertSentAt: at };
}

/** Equal priorities: the higher sender address leads (RFC 9568 §6.4.3, unsigned network order). */
function senderIsHigher(instance: Instance, advert: AdvertEvent): boolean {
  const { link } = instance.node;
  assert(link.kind === "up", "a master has an address");
  return compareAddresses(advert.source, link.address) > 0;
}

function notice(
  level: "info" | "notice" | "warning",
  topic: Extract<Effect, { kind: "notice" }>["topic"],
  text: string,
): Effect {
  return { kind: "notice", level, topic, text };
}
