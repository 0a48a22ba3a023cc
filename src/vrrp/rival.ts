/** Another node that acts as master while this one does: which of two equals gives way, and for how long it goes on. */
import type { MonoMs } from "../lib/time.ts";
import { assert } from "../lib/result.ts";
import { compareAddresses, sameAddress } from "../net/address.ts";
import { heartbeatAddress } from "./heartbeat.ts";
import type { AdvertEvent, Instance, InstanceParams, MasterState, Rival } from "./instance.ts";
import { isSilent } from "./paths.ts";
import { downMs } from "./timing.ts";

/** Adverts of a rival after which both nodes are taken to lead at once (split brain) and the operator is told. */
export const RIVAL_ALARM_COUNT = 3;

/** Adverts that had queued up while this node stood still arrive at once: they count as one. */
export function countRival(rival: Rival | null, advert: AdvertEvent, params: InstanceParams, now: MonoMs): Rival {
  const { path, priority } = advert;
  // Its adverts on the main path are counted already.
  if (path === "heartbeat" && rival?.path === "main") return rival;
  const known = rival?.path === path && sameAddress(rival.address, advert.source) ? rival : null;
  if (known !== null && now - known.countedAt < params.advertIntervalMs / 2) return known;
  const heard = (known?.heard ?? 0) + 1;
  return { path, address: advert.source.slice(), priority, heard, countedAt: now };
}

/**
 * Equal priorities: the higher sender address leads (RFC 9568 §6.4.3, unsigned network order). On the second path only
 * when the main one is silent, or does not decide: its loser has gone on for some beats, so it does not hear us there.
 */
export function decideTie(
  instance: Instance,
  state: MasterState,
  advert: AdvertEvent,
  params: InstanceParams,
  now: MonoMs,
): "yield" | "stand" | "elsewhere" {
  if (advert.path === "main") {
    const { link } = instance.node;
    assert(link.kind === "up", "a master has an address");
    return compareAddresses(advert.source, link.address) > 0 ? "yield" : "stand";
  }
  const { rival, alone } = state;
  const intervalMs = Math.max(params.advertIntervalMs, advert.intervalMs);
  const mainIsSilent = isSilent(alone, "main", downMs(params.version, advert.priority, intervalMs), now);
  const equalIsDeaf = rival?.path === "main" && rival.priority === advert.priority && rival.heard >= RIVAL_ALARM_COUNT;
  const own = heartbeatAddress(instance);
  if (own === null || (!mainIsSilent && !equalIsDeaf)) return "elsewhere";
  return compareAddresses(advert.source, own) > 0 ? "yield" : "stand";
}
