/**
 * What concerns this node whatever the protocol's state: start and stop, its link, tracks, orders, refusals of the
 * kernel, a new configuration. First the facts change, then `settle` asks: may this node take part, and does it?
 */
import { later, type MonoMs, NEVER } from "../lib/time.ts";
import { unreachable } from "../lib/result.ts";
import { sameAddress } from "../net/address.ts";
import {
  type Effect,
  type Event,
  type FaultCause,
  type FaultState,
  type Instance,
  type InstanceParams,
  type InstanceState,
  type LinkFact,
  type MasterState,
  type NodeFacts,
  notice,
  ownPriority,
  type Step,
  type TransitionCause,
  type Trouble,
} from "./instance.ts";
import { downMs, skewMs } from "./timing.ts";
import { failedTrack, type TrackReading, trackName } from "./track.ts";
import { enterBackup, enterFault, enterMaster, enterQuiet, faultText, leadOn } from "./transition.ts";
import { priority } from "./wire.ts";

export type NodeEvent =
  | Extract<
      Event,
      { kind: "start" | "stop" | "link" | "tracks" | "order" | "trouble" | "checked" | "reconfigure" | "group_fault" }
    >
  | { readonly kind: "retry" };

/** What the kernel refused is tried again after this: soon enough for an operator who repairs it, no load. */
const TROUBLE_RETRY_MS = 10_000;

export function nodeStep(instance: Instance, event: NodeEvent, params: InstanceParams, now: MonoMs): Step {
  switch (event.kind) {
    case "start":
      return start(instance, params, now);
    case "stop":
      return enterQuiet(instance, "init", "stop", "stopped");
    case "link":
      return linkStep(instance, event.link, params, now);
    case "tracks":
      return withPriorityShift(instance, params, params, event.readings, now);
    case "order":
      return orderStep(instance, event.order, params, now);
    case "trouble":
      return troubleStep(instance, event, params, now);
    case "group_fault":
      return settle(
        { ...instance, node: { ...instance.node, groupFault: event.member } },
        params,
        now,
        "fault-cleared",
        false,
      );
    case "checked":
      return checkedStep(instance, event.trouble, params, now);
    case "retry":
      if (instance.state.kind === "init") return settle(instance, params, now, "start", true);
      return isTrouble(instance.state) ? check(instance, instance.state, now) : endFault(instance, params, now);
    case "reconfigure":
      return reconfigure(instance, event, params, now);
    default:
      return unreachable(event);
  }
}

/** Begins, or waits for the start-up delay first. */
function start(instance: Instance, params: InstanceParams, now: MonoMs): Step {
  if (params.startupDelayMs === 0) return settle(instance, params, now, "start", true);
  const startAt = later(now, params.startupDelayMs);
  return { instance: { ...instance, state: { kind: "init", startAt } }, effects: [] };
}

/** Why this node cannot take part; null: it can. The order is that of the messages people want to see first. */
function faultOf(node: NodeFacts, params: InstanceParams, now: MonoMs): FaultCause | null {
  if (node.link.kind === "missing") return { kind: "interface_missing" };
  if (node.link.kind === "down") return { kind: "interface_down" };
  if (node.link.kind === "no_address") return { kind: "interface_no_address" };
  const track = failedTrack(params.tracks, node.readings);
  if (track !== null) return { kind: "track", name: trackName(track) };
  if (now < node.linkUsableAt) return { kind: "interface_settling" };
  return node.groupFault === null || !params.grouped ? null : { kind: "group", member: node.groupFault };
}

/**
 * Brings the state in line with the facts. `enter`: the instance is to take part if it may (start, resume, retry);
 * otherwise only an instance that takes part or is in fault is looked at.
 */
function settle(instance: Instance, params: InstanceParams, now: MonoMs, cause: TransitionCause, enter: boolean): Step {
  const { state, node } = instance;
  if (node.maintenance) {
    return state.kind === "maint" || (state.kind === "init" && !enter)
      ? { instance, effects: [] }
      : enterQuiet(instance, "maint", "maint-order", "in maintenance by order");
  }
  if (state.kind === "init" && !enter) return { instance, effects: [] };
  const fault = faultOf(node, params, now);
  if (fault !== null) {
    const retryAt = fault.kind === "interface_settling" ? node.linkUsableAt : NEVER;
    // Told once: a fault is reported again only when its cause changes.
    const told =
      state.kind === "fault" && faultText(state.cause, params.interfaceName) === faultText(fault, params.interfaceName);
    return told ? { instance, effects: [] } : enterFault(instance, params, fault, retryAt);
  }
  // Trouble with the kernel does not end because a link or a track changed; its retry does that.
  if (state.kind === "fault" && state.cause.kind === "trouble" && !enter) return { instance, effects: [] };
  if (state.kind === "backup" || state.kind === "master") return { instance, effects: [] };
  return takePart(
    instance,
    params,
    now,
    cause === "start" ? "start" : state.kind === "fault" ? "fault-cleared" : cause,
  );
}

function takePart(instance: Instance, params: InstanceParams, now: MonoMs, cause: TransitionCause): Step {
  const own = ownPriority(instance, params);
  if (own === priority.owner && !params.grouped) return enterMaster(instance, params, now, "owner");
  const hasty = cause === "start" && params.startAsMaster;
  const waitMs =
    own === priority.owner
      ? 0
      : hasty
        ? params.advertIntervalMs + skewMs(params.version, own, params.advertIntervalMs)
        : downMs(params.version, own, params.advertIntervalMs);
  return enterBackup(instance, params, now, cause, {
    masterIntervalMs: params.advertIntervalMs,
    waitMs,
    master: null,
    remove: false,
  });
}

function linkStep(instance: Instance, link: LinkFact, params: InstanceParams, now: MonoMs): Step {
  const before = instance.node.link;
  // The first look at a link that is up already is no event of it.
  const cameUp = link.kind === "up" && before.kind !== "up" && instance.state.kind !== "init";
  const linkUsableAt = cameUp ? later(now, params.linkUpDelayMs) : instance.node.linkUsableAt;
  const known = { ...instance, node: { ...instance.node, link, linkUsableAt } };
  const moved = before.kind === "up" && link.kind === "up" && !sameAddress(before.address, link.address);
  // A new primary address: the next advert goes out from it; nothing else changes (keepalived does the same).
  if (moved) return { instance: known, effects: [] };
  return settle(known, params, now, "fault-cleared", false);
}

/** A change of the effective priority moves a backup's running down time by the change of its skew (keepalived). */
function withPriorityShift(
  instance: Instance,
  before: InstanceParams,
  params: InstanceParams,
  readings: readonly TrackReading[],
  now: MonoMs,
): Step {
  const node = { ...instance.node, readings };
  const { state } = instance;
  const oldPriority = ownPriority(instance, before);
  const newPriority = ownPriority({ ...instance, node }, params);
  const told: readonly Effect[] =
    oldPriority === newPriority || state.kind === "init"
      ? []
      : [notice("info", "vrrp.priority", `priority ${oldPriority} → ${newPriority}`)];
  if (state.kind !== "backup") {
    const settled = settle({ ...instance, node }, params, now, "fault-cleared", false);
    return { instance: settled.instance, effects: [...told, ...settled.effects] };
  }
  const shiftMs =
    skewMs(params.version, newPriority, state.masterIntervalMs) -
    skewMs(params.version, oldPriority, state.masterIntervalMs);
  const shifted = { ...instance, node, state: { ...state, downAt: later(state.downAt, shiftMs) } };
  const settled = settle(shifted, params, now, "fault-cleared", false);
  return { instance: settled.instance, effects: [...told, ...settled.effects] };
}

function orderStep(
  instance: Instance,
  order: "failover" | "maint" | "resume",
  params: InstanceParams,
  now: MonoMs,
): Step {
  switch (order) {
    case "maint": {
      const node = { ...instance.node, maintenance: true };
      return instance.state.kind === "master"
        ? beginHandOver({ ...instance, node }, instance.state, params, now)
        : settle({ ...instance, node }, params, now, "maint-order", false);
    }
    case "resume":
      return resume(instance, params, now);
    case "failover":
      return failover(instance, params, now);
    default:
      return unreachable(order);
  }
}

/**
 * Hands the VIPs to a backup: says goodbye and serves on until another node leads, so that no client waits for the skew
 * time. If nobody takes over, this node goes on leading: an order never kills a service.
 */
function failover(instance: Instance, params: InstanceParams, now: MonoMs): Step {
  const { state } = instance;
  if (state.kind !== "master") {
    const text = `failover ordered, but this node is ${state.kind}: nothing to hand over`;
    return { instance, effects: [notice("notice", "vrrp.order", text)] };
  }
  return beginHandOver({ ...instance, node: { ...instance.node, yielded: true } }, state, params, now);
}

function beginHandOver(instance: Instance, state: MasterState, params: InstanceParams, now: MonoMs): Step {
  if (state.handOverUntil !== null) return { instance, effects: [] };
  // Long enough for a backup that missed the goodbye.
  const handOverUntil = later(now, downMs(params.version, 1, params.advertIntervalMs) + params.advertIntervalMs);
  return {
    instance: { ...instance, state: { ...state, advertAt: handOverUntil, handOverUntil } },
    effects: [
      { kind: "send_advert", priority: priority.resign },
      notice("notice", "vrrp.order", "handing over by order; serving until another node leads"),
    ],
  };
}

/** `resume` in the middle of a hand-over: this node says that it leads after all. */
function resume(instance: Instance, params: InstanceParams, now: MonoMs): Step {
  const known = { ...instance, node: { ...instance.node, maintenance: false, yielded: false } };
  const { state } = instance;
  if (state.kind === "master" && state.handOverUntil !== null) return leadOn(known, state, params, now);
  return settle(known, params, now, "resume-order", state.kind !== "init");
}

/** The kernel may have changed its mind. Who is told of a fault is told of its end when it has ended, not at every try. */
function check(instance: Instance, state: FaultState, now: MonoMs): Step {
  const retryAt = later(now, TROUBLE_RETRY_MS);
  return { instance: { ...instance, state: { ...state, retryAt } }, effects: [{ kind: "check" }] };
}

function checkedStep(instance: Instance, trouble: Trouble | null, params: InstanceParams, now: MonoMs): Step {
  const { state } = instance;
  if (!isTrouble(state)) return { instance, effects: [] };
  if (trouble === null) return endFault(instance, params, now);
  const fault: FaultCause = { kind: "trouble", trouble };
  const told = faultText(state.cause, params.interfaceName) === faultText(fault, params.interfaceName);
  return told ? { instance, effects: [] } : enterFault(instance, params, fault, state.retryAt);
}

function endFault(instance: Instance, params: InstanceParams, now: MonoMs): Step {
  return settle({ ...instance, cause: "fault" }, params, now, "fault-cleared", true);
}

/** In fault because of the kernel. */
function isTrouble(state: InstanceState): state is FaultState {
  return state.kind === "fault" && state.cause.kind === "trouble";
}

function troubleStep(
  instance: Instance,
  event: Extract<Event, { kind: "trouble" }>,
  params: InstanceParams,
  now: MonoMs,
): Step {
  const { state } = instance;
  if (state.kind === "init" || state.kind === "maint") return { instance, effects: [] };
  const fault: FaultCause = { kind: "trouble", trouble: event.trouble };
  const retryAt = later(now, TROUBLE_RETRY_MS);
  if (state.kind === "fault") {
    // Only the same refusal again prolongs the wait; another fault is the better explanation.
    return { instance, effects: [] };
  }
  return enterFault(instance, params, fault, retryAt);
}

/** New parameters under way: state and timers stay, unless a shorter interval wants the next advert sooner. */
function reconfigure(
  instance: Instance,
  event: Extract<Event, { kind: "reconfigure" }>,
  params: InstanceParams,
  now: MonoMs,
): Step {
  const shifted = withPriorityShift(instance, event.before, params, event.readings, now);
  const { state } = shifted.instance;
  if (isTrouble(state)) {
    // The configuration may have been what the kernel did not like.
    const checking = check(shifted.instance, state, now);
    return { instance: checking.instance, effects: [...shifted.effects, ...checking.effects] };
  }
  if (state.kind === "backup" && state.wantsToLead) {
    // Its group may be another one now, or none: it asks again.
    return { instance: { ...shifted.instance, state: { ...state, wantsToLead: false } }, effects: shifted.effects };
  }
  // In a hand-over nothing is set that is about to go: it is when this node leads on after all.
  if (state.kind !== "master" || state.handOverUntil !== null) return shifted;
  const advertAt = Math.min(state.advertAt, later(now, params.advertIntervalMs)) as MonoMs;
  const refreshAt = params.garp.refreshMs > 0 ? later(now, params.garp.refreshMs) : NEVER;
  return {
    instance: { ...shifted.instance, state: { ...state, advertAt, refreshAt } },
    // The list may have grown: setting what is there already costs nothing.
    effects: [...shifted.effects, { kind: "add_addresses" }, { kind: "announce", repeat: params.garp.repeat }],
  };
}
