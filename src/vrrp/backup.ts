/** The backup's side of the protocol: it listens, and takes over when the master is silent, resigns or ranks lower. */
import { later, type MonoMs } from "../lib/time.ts";
import { unreachable } from "../lib/result.ts";
import { addressText } from "../net/address.ts";
import {
  type AdvertEvent,
  type BackupState,
  type Effect,
  type Instance,
  ownPriority,
  type InstanceParams,
  notice,
  type ProtocolEvent,
  type Step,
} from "./instance.ts";
import { heardMaster, listen } from "./silence.ts";
import { adoptedDownMs, skewMs } from "./timing.ts";
import { isVeto } from "./track.ts";
import { enterMaster } from "./transition.ts";
import { priority } from "./wire.ts";

export function backupStep(
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
      // The group says when: all members want to, or none leads.
      if (params.grouped) return { instance: { ...instance, state: { ...state, wantsToLead: true } }, effects: [] };
      return lead(instance, state, params, now);
    case "group_lead":
      return lead(instance, state, params, now);
    case "group_yield":
      return { instance, effects: [] };
    case "address_lost":
      // A backup has no VIPs: this is the echo of an older removal.
      return { instance, effects: [] };
    case "advert_sent":
    case "announce_failed":
    case "claimed":
    case "checked":
      // The result of something sent, heard or asked in another state.
      return { instance, effects: [] };
    case "slept":
    case "paused":
      return listenAnew(instance, state, params, now);
    default:
      return unreachable(event);
  }
}

/**
 * After a pause of ours a master's silence is what we make of it, and a witness that could tell us that we are the one
 * who is cut off was not asked. It gets the time for its three questions; without such a witness nothing is repaired.
 */
function listenAnew(instance: Instance, state: BackupState, params: InstanceParams, now: MonoMs): Step {
  // Who heard a goodbye was not cut off.
  if (state.resigned || !params.tracks.some(isVeto)) return { instance, effects: [] };
  const own = ownPriority(instance, params);
  const waitMs = adoptedDownMs(params.version, own, state.masterIntervalMs, params.advertIntervalMs);
  const downAt = Math.max(state.downAt, later(now, waitMs)) as MonoMs;
  return { instance: { ...instance, state: { ...state, downAt } }, effects: [] };
}

function lead(instance: Instance, state: BackupState, params: InstanceParams, now: MonoMs): Step {
  return enterMaster(instance, params, now, state.resigned ? "priority-zero" : "master-down-timer");
}

/** RFC 9568 §6.4.2 (400–470); preempt_delay as keepalived's vrrp_state_backup. */
function backupAdvert(
  instance: Instance,
  state: BackupState,
  advert: AdvertEvent,
  params: InstanceParams,
  now: MonoMs,
): Step {
  const own = ownPriority(instance, params);
  const change = (changes: Partial<BackupState>, effects: readonly Effect[] = []): Step => ({
    instance: { ...instance, state: { ...state, ...changes } },
    effects,
  });
  if (advert.priority === priority.resign) {
    // The master says goodbye: only the skew separates us from the other backups. A longer wait is never made of it.
    const downAt = Math.min(state.downAt, later(now, skewMs(params.version, own, state.masterIntervalMs))) as MonoMs;
    return change({ downAt, resigned: true, master: null, preemptAt: null });
  }
  const master = heardMaster(instance, state, advert, params, now);
  const heard = listen(instance, state, advert, params, now);
  const lower = advert.priority < own;
  const preempts = params.preempt && !instance.node.yielded;
  const delayRuns = params.preemptDelayMs > 0 && (state.preemptAt === null || now < state.preemptAt);
  if (lower && preempts && !delayRuns) {
    // Discarded: the down timer goes on and ends that master's term.
    return change({ ...heard.changes, master: { ...master, outranked: true } }, heard.effects);
  }
  const intervalMs = params.version === 3 ? advert.intervalMs : params.advertIntervalMs;
  const downAt = later(now, adoptedDownMs(params.version, own, intervalMs, params.advertIntervalMs));
  const startsDelay = lower && preempts && state.preemptAt === null;
  const preemptAt = !lower ? null : startsDelay ? later(now, params.preemptDelayMs) : state.preemptAt;
  return change(
    { ...heard.changes, downAt, resigned: false, master, masterIntervalMs: intervalMs, preemptAt, wantsToLead: false },
    startsDelay
      ? [
          ...heard.effects,
          notice(
            "info",
            "vrrp.preempt",
            `${addressText(advert.source)} leads with priority ${advert.priority}, ours is ${own}; preempting after ${params.preemptDelayMs} ms`,
          ),
        ]
      : heard.effects,
  );
}
