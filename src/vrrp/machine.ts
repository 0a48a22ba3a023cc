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
 * `node.ts`, whatever the state, its second path in `heartbeat.ts`; what the protocol says is in `backup.ts` and
 * `master.ts`, by event.
 */
import { type MonoMs, NEVER } from "../lib/time.ts";
import { unreachable } from "../lib/result.ts";
import { backupStep } from "./backup.ts";
import type { Event, FaultState, Instance, InstanceParams, ProtocolEvent, Step } from "./instance.ts";
import { heartbeatStep } from "./heartbeat.ts";
import { masterStep } from "./master.ts";
import { nodeStep } from "./node.ts";

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
    case "group_fault":
      return nodeStep(instance, event, params, now);
    case "heartbeat":
    case "heartbeat_sent":
      return heartbeatStep(instance, event, params);
    case "advert":
    case "tick":
    case "address_lost":
    case "advert_sent":
    case "checked":
    case "announce_failed":
    case "claimed":
    case "slept":
    case "paused":
    case "group_lead":
    case "group_yield":
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
      return state.wantsToLead ? NEVER : state.downAt;
    case "master":
      return state.handOverUntil ?? (Math.min(state.advertAt, state.burstAt, state.refreshAt) as MonoMs);
    case "fault":
      return state.retryAt;
    case "init":
      return state.startAt;
    case "maint":
      return NEVER;
    default:
      return unreachable(state);
  }
}

function protocolStep(instance: Instance, event: ProtocolEvent, params: InstanceParams, now: MonoMs): Step {
  const { state } = instance;
  switch (state.kind) {
    case "init":
      return event.kind === "tick" && now >= state.startAt
        ? nodeStep(instance, { kind: "retry" }, params, now)
        : { instance, effects: [] };
    case "maint":
      // Not taking part: what the others say, and late answers of the kernel, change nothing.
      return { instance, effects: [] };
    case "fault":
      // Only a retry and what comes of it count; adverts are for those who can take over.
      if (event.kind === "checked") return nodeStep(instance, event, params, now);
      return retryIsDue(state, event, now)
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

/** The time has come, or the foreign VIP that this node stumbled over has been removed. */
function retryIsDue(state: FaultState, event: ProtocolEvent, now: MonoMs): boolean {
  if (event.kind === "tick") return now >= state.retryAt;
  const { cause } = state;
  return event.kind === "address_lost" && cause.kind === "trouble" && cause.trouble.kind === "foreign_address";
}
