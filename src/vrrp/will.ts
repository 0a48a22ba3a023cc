/**
 * What is to be done for a speaker that dies without a word (SIGKILL, a crash): the goodbye that it could not send, and
 * the VIPs that it could not take away. Prepared while it leads, carried out by the supervisor: another node then takes
 * over after its skew time instead of the whole down time, and no VIP answers here meanwhile.
 */
import type { VrrpWill } from "../ipc/messages.ts";
import { addressText } from "../net/address.ts";
import { encodePacket, PACKET_BYTES_MAX, type Seal } from "./packet.ts";
import type { Vip } from "./settings.ts";
import { type Advert, encodeAdvert, type Ends } from "./wire.ts";

export type WillPacket = VrrpWill["packets"][number];

/** The packet of an advert, as the supervisor's raw socket takes it: over IPv4 with its header. */
export function willPacket(
  family: 4 | 6,
  interfaceName: string,
  advert: Advert,
  ends: Ends,
  seal: Seal | null,
): WillPacket {
  const bytes = new Uint8Array(PACKET_BYTES_MAX);
  const length = family === 4 ? encodePacket(bytes, advert, ends, seal) : encodeAdvert(bytes, advert, ends);
  return {
    family,
    interface: interfaceName,
    source: addressText(ends.source),
    destination: addressText(ends.destination),
    base64: bytes.subarray(0, length).toBase64(),
  };
}

export function willAddress(vip: Vip): VrrpWill["addresses"][number] {
  return { interface: vip.interfaceName, address: addressText(vip.address), prefixLength: vip.prefixLength };
}
