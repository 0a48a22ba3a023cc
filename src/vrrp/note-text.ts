/** What is remarked about an advert that was accepted all the same, in words. */
import { unreachable } from "../lib/result.ts";
import { addressText } from "../net/address.ts";
import type { Received, ReceiveNote } from "./receive.ts";
import type { InstanceSettings } from "./settings.ts";

/** Addresses of a list that are shown. */
const SHOWN_MAX = 3;

export function noteText(note: ReceiveNote, received: Received, settings: InstanceSettings): string {
  const who = addressText(received.source);
  switch (note) {
    case "checksum_rfc9568":
      return `${who} sends the message-only checksum of RFC 9568; keepalived would refuse it`;
    case "interval_differs":
      return `${who} advertises every ${received.advert.intervalMs} ms, this node every ${settings.params.advertIntervalMs} ms`;
    case "address_list_differs":
      return `${who} advertises other addresses than this node: ${listText(received)}`;
    case "address_list_foreign":
      return `VRID ${settings.virtualRouterId} is also used by ${who} for other addresses: ${listText(received)}; choose another virtual_router_id`;
    default:
      return unreachable(note);
  }
}

/** The first few addresses of the advert. */
function listText(received: Received): string {
  const { addresses, addressBytes } = received.advert;
  const shown: string[] = [];
  for (let at = 0; at < addresses.length && shown.length < SHOWN_MAX; at += addressBytes) {
    shown.push(addressText(addresses.subarray(at, at + addressBytes)));
  }
  const more = addresses.length / addressBytes - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}
