/**
 * What is to be done for a speaker that dies without a word (SIGKILL, a crash): the goodbye that it could not send, and
 * the VIPs that it could not take away. Prepared while it leads, carried out by the supervisor: another node then takes
 * over after its skew time instead of the whole down time, and no VIP answers here meanwhile.
 */
import type { VrrpWill } from "../ipc/messages.ts";
import { addressText } from "../net/address.ts";
import { IPV4_HEADER_BYTES, encodeIpv4 } from "../net/ipv4.ts";
import type { InstanceSettings, Vip } from "./settings.ts";
import { type Advert, ADVERT_BYTES_MAX, encodeAdvert, VRRP_PROTOCOL } from "./wire.ts";

/** RFC 9568 §5.1.1.3, and the precedence "internetwork control". */
const TTL = 255;
const TOS = 0xc0;

export type WillPacket = VrrpWill["packets"][number];

/** The packet of an advert, as the supervisor's raw socket takes it: over IPv4 with its header. */
export function willPacket(
  settings: InstanceSettings,
  advert: Advert,
  source: Uint8Array,
  destination: Uint8Array,
): WillPacket {
  const bytes = new Uint8Array(IPV4_HEADER_BYTES + ADVERT_BYTES_MAX);
  const start = settings.family === 4 ? IPV4_HEADER_BYTES : 0;
  const ends = { source, destination };
  const payloadBytes = encodeAdvert(bytes.subarray(start), advert, ends);
  if (start > 0) encodeIpv4(bytes, { tos: TOS, ttl: TTL, protocol: VRRP_PROTOCOL, ...ends, payloadBytes });
  return {
    family: settings.family,
    interface: settings.speaks,
    source: addressText(source),
    destination: addressText(destination),
    base64: bytes.subarray(0, start + payloadBytes).toBase64(),
  };
}

export function willAddress(vip: Vip): VrrpWill["addresses"][number] {
  return { interface: vip.interfaceName, address: addressText(vip.address), prefixLength: vip.prefixLength };
}
