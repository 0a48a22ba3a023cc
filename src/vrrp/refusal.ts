/**
 * Adverts that are refused, as the operator is told of them: two nodes that do not take each other's both lead. And those
 * of another cluster with the same VRID, which are not: only one of the two clusters leads.
 */
import type { MonoMs } from "../lib/time.ts";
import { addressText, sameAddress } from "../net/address.ts";
import type { ReceiveNote, ReceiveReason } from "./receive.ts";

export const OTHER_CLUSTER = "address_list_foreign" satisfies ReceiveNote;

export interface Refusal {
  readonly address: Uint8Array;
  readonly reason: ReceiveReason | typeof OTHER_CLUSTER;
  readonly heardAt: MonoMs;
}

/** Other routers of the same virtual router; more are forged. */
const REFUSALS_MAX = 4;
/** What is not repeated for this long is over, unless it comes at intervals that nobody uses. */
const RECENT_MS = 30_000;

/** Of these one's own packets come back, or they are nobody's in particular. */
const ordinary: readonly Refusal["reason"][] = ["own_address", "vrid", "protocol"];

/** The list with this one at its head. */
export function withRefusal(refusals: readonly Refusal[], refusal: Refusal): readonly Refusal[] {
  if (ordinary.includes(refusal.reason)) return refusals;
  const others = refusals.filter(({ address }) => !sameAddress(address, refusal.address));
  return [refusal, ...others].slice(0, REFUSALS_MAX);
}

/** The list without this sender, who has been accepted. */
export function withoutRefusal(refusals: readonly Refusal[], address: Uint8Array): readonly Refusal[] {
  return refusals.length === 0 ? refusals : refusals.filter((refusal) => !sameAddress(refusal.address, address));
}

export function recentRefusals(refusals: readonly Refusal[], now: MonoMs): readonly Refusal[] {
  return refusals.filter(({ heardAt }) => now - heardAt < RECENT_MS);
}

/** `adverts of 192.0.2.2 are refused: its password is another one`. */
export function refusalText({ address, reason }: Refusal): string {
  if (reason === OTHER_CLUSTER) {
    return `${addressText(address)} has this virtual_router_id too, for other addresses: choose another one`;
  }
  return `adverts of ${addressText(address)} are refused: ${reasonText(reason)}`;
}

/** What the two configurations differ in, for the reasons that come from configurations; else the check's name. */
export function reasonText(reason: ReceiveReason): string {
  switch (reason) {
    case "auth_data":
      return "its password is another one";
    case "auth_type":
      return "its kind of authentication is another one";
    case "interval_mismatch":
      return "its advert_interval is another one";
    case "version":
      return "its VRRP version is another one";
    case "destination":
      return "it sends to multicast where this node wants unicast, to another group, or the other way round";
    case "not_a_peer":
      return "it is not among unicast.peers";
    case "ttl":
      return "it is not on this link (TTL below 255)";
    default:
      return reason.replaceAll("_", " ");
  }
}
