/** The master's side of the protocol: it advertises, keeps its VIPs announced, and yields to a better one. */
import { later, type MonoMs, NEVER } from "../lib/time.ts";
import { unreachable } from "../lib/result.ts";
import { addressText } from "../net/address.ts";
import {
  type AdvertEvent,
  type Effect,
  type Event,
  type Instance,
  type InstanceParams,
  type MasterState,
  notice,
  ownPriority,
  type Peer,
  type ProtocolEvent,
  type Step,
} from "./instance.ts";
import { nodeStep } from "./node.ts";
import { hear } from "./paths.ts";
import { countRival, decideTie, RIVAL_ALARM_COUNT } from "./rival.ts";
import { adoptedDownMs, downMs } from "./timing.ts";
import { enterBackup, enterQuiet, leadOn, resignation } from "./transition.ts";
import { priority } from "./wire.ts";

/** Adverts that the kernel refused in a row before the node gives up, so that two masters do not persist. */
const SEND_FAILURES_MAX = 3;
/** Beats without an advert of the rival after which it has given way. */
const RIVAL_GONE_BEATS = 3;
/** A refused announcement is sent again after this. */
const ANNOUNCE_RETRY_MS = 200;

export function masterStep(
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
    case "slept":
      return awake(instance, state, event.forMs, params, now);
    case "claimed":
      return {
        instance: { ...instance, state: { ...state, burstSentAt: now } },
        effects: [
          { kind: "announce", repeat: 1 },
          notice("warning", "vrrp.split_brain", `${event.address} is also claimed by the host with MAC ${event.by}`),
        ],
      };
    case "paused":
    case "checked":
    case "group_lead":
      return { instance, effects: [] };
    case "group_yield":
      return yieldWithGroup(instance, event.member, params, now);
    default:
      return unreachable(event);
  }
}

/**
 * A backup led meanwhile, as a rule, and has given way again or will on our advert; neighbours send to it until they are
 * told. What it said during the sleep was handed in before: nobody better is there.
 */
function awake(instance: Instance, state: MasterState, forMs: number, params: InstanceParams, now: MonoMs): Step {
  const own = ownPriority(instance, params);
  return {
    instance: { ...instance, state: { ...sent(state, params, now), burstSentAt: now } },
    effects: [
      { kind: "send_advert", priority: own },
      { kind: "add_addresses" },
      { kind: "announce", repeat: params.garp.repeat },
      notice("warning", "vrrp.late", `the machine slept for ${Math.round(forMs / 1000)} s; VIPs announced again`),
    ],
  };
}

/** Another member of the group follows again: this one goes with it, and says goodbye so that the other node is quick. */
function yieldWithGroup(instance: Instance, member: string, params: InstanceParams, now: MonoMs): Step {
  const entered = enterBackup(instance, params, now, "group", {
    masterIntervalMs: params.advertIntervalMs,
    waitMs: downMs(params.version, ownPriority(instance, params), params.advertIntervalMs),
    master: null,
    remove: false,
    text: `${member} of its group follows another node`,
  });
  return { instance: entered.instance, effects: [...resignation(instance), ...entered.effects] };
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
  before: MasterState,
  advert: AdvertEvent,
  params: InstanceParams,
  now: MonoMs,
): Step {
  const own = ownPriority(instance, params);
  const intervalMs = Math.max(params.advertIntervalMs, advert.intervalMs);
  const alone = hear(before.alone, advert.path, downMs(params.version, own, intervalMs), now);
  const state = { ...before, alone };
  if (state.handOverUntil !== null) return handedOver(instance, advert, params, now);
  if (advert.priority === priority.resign) {
    // Another master resigned: tell whoever listened to it that there is still one.
    return {
      instance: { ...instance, state: sent({ ...state, rival: null }, params, now) },
      effects: [{ kind: "send_advert", priority: own }],
    };
  }
  const tie = advert.priority === own ? decideTie(instance, state, advert, params, now) : null;
  if (tie === "elsewhere") return { instance: { ...instance, state }, effects: [] };
  if (advert.priority > own || tie === "yield") {
    const cause = advert.priority > own ? "higher-priority" : "higher-address";
    const intervalMs = params.version === 3 ? advert.intervalMs : params.advertIntervalMs;
    const entered = enterBackup(instance, params, now, cause, {
      masterIntervalMs: intervalMs,
      waitMs: adoptedDownMs(params.version, own, intervalMs, params.advertIntervalMs),
      master: heardFrom(advert),
      remove: true,
    });
    // The winner may not know that anybody else led (a partition that ended): our advert makes it announce the VIPs
    // again, or neighbours would send to us until their caches forget (keepalived higher_prio_send_advert).
    return { instance: entered.instance, effects: [{ kind: "send_advert", priority: own }, ...entered.effects] };
  }
  return answerLower(instance, state, advert, params, now, own);
}

/** The node that takes over speaks: now the VIPs leave. No answer, which would take them back. */
function handedOver(instance: Instance, advert: AdvertEvent, params: InstanceParams, now: MonoMs): Step {
  if (advert.priority === priority.resign) return { instance, effects: [] };
  const text = `handed over to ${addressText(advert.source)} by order`;
  if (instance.node.maintenance) return enterQuiet(instance, "maint", "maint-order", text);
  const intervalMs = params.version === 3 ? advert.intervalMs : params.advertIntervalMs;
  return enterBackup(instance, params, now, "failover-order", {
    masterIntervalMs: intervalMs,
    waitMs: adoptedDownMs(params.version, ownPriority(instance, params), intervalMs, params.advertIntervalMs),
    master: heardFrom(advert),
    remove: true,
    text,
  });
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
  const rival = countRival(state.rival, advert, params, now);
  const effects: Effect[] = [];
  let next: MasterState = { ...state, rival };
  // Bounds for a flood: a forger could otherwise make us send as fast as it does.
  if (now - state.advertSentAt >= params.advertIntervalMs / 10) {
    effects.push({ kind: "send_advert", priority: own });
    next = sent(next, params, now);
  }
  if (params.garp.lowerPriorityRepeat > 0 && now - state.burstSentAt >= params.advertIntervalMs) {
    effects.push({ kind: "announce", repeat: params.garp.lowerPriorityRepeat });
    const delayMs = params.garp.lowerPriorityDelayMs ?? params.garp.delayMs;
    const burstAt = delayMs > 0 ? (Math.min(next.burstAt, later(now, delayMs)) as MonoMs) : next.burstAt;
    next = { ...next, burstSentAt: now, burstAt };
  }
  if (rival.heard === RIVAL_ALARM_COUNT && rival !== state.rival) {
    effects.push(
      notice(
        "warning",
        "vrrp.split_brain",
        `${addressText(advert.source)} acts as master too (priority ${advert.priority}, ours ${own}) and does not give way: it does not hear us`,
      ),
    );
  }
  return { instance: { ...instance, state: next }, effects };
}

function masterTick(instance: Instance, state: MasterState, params: InstanceParams, now: MonoMs): Step {
  const own = ownPriority(instance, params);
  if (state.handOverUntil !== null) return handOverTick(instance, state, params, now);
  const effects: Effect[] = [];
  let next = state;
  if (state.rival !== null && now - state.rival.countedAt > RIVAL_GONE_BEATS * params.advertIntervalMs) {
    if (state.rival.heard >= RIVAL_ALARM_COUNT) {
      // Neighbours may still have its MAC address for our VIPs.
      effects.push(
        { kind: "announce", repeat: params.garp.repeat },
        notice("notice", "vrrp.split_brain", `${addressText(state.rival.address)} no longer acts as master`),
      );
    }
    next = { ...next, rival: null };
  }
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
    effects.push({ kind: "announce", repeat: params.garp.refreshRepeat ?? 1 });
    next = { ...next, refreshAt: later(now, params.garp.refreshMs) };
  }
  return { instance: { ...instance, state: next }, effects };
}

/** Nobody took over: this node says that it still leads, and stays. */
function handOverTick(instance: Instance, state: MasterState, params: InstanceParams, now: MonoMs): Step {
  if (state.handOverUntil === null || now < state.handOverUntil) return { instance, effects: [] };
  if (instance.node.maintenance) {
    return enterQuiet(instance, "maint", "maint-order", "in maintenance by order; no other node took over");
  }
  const led = leadOn(instance, state, params, now);
  const told = notice("warning", "vrrp.order", "no other node took over; this one goes on leading");
  return { instance: led.instance, effects: [...led.effects, told] };
}

/** The advert timer after an advert that was due, or sent, at `at`: adding to the due time keeps the beat free of drift. */
function sent(state: MasterState, params: InstanceParams, at: MonoMs): MasterState {
  return { ...state, advertAt: later(at, params.advertIntervalMs), advertSentAt: at };
}

/** The master that this node gives way to. */
function heardFrom({ source, priority: level, path }: AdvertEvent): Peer {
  const peer = { address: source.slice(), priority: level };
  return path === "main" ? peer : { ...peer, over: path };
}
