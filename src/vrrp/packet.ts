/** A whole advert over IPv4, as a raw socket with IP_HDRINCL takes it: IP header, authentication header if any, advert. */
import { AH_BYTES, AH_PROTOCOL, sealAh } from "../net/ah.ts";
import { encodeIpv4, IPV4_HEADER_BYTES } from "../net/ipv4.ts";
import { type Advert, ADVERT_BYTES_MAX, encodeAdvert, type Ends, VRRP_PROTOCOL } from "./wire.ts";

/** RFC 9568 §5.1.1.3, §5.1.2.3. */
export const ADVERT_TTL = 255;
/** The precedence "internetwork control" that routers give to such traffic. */
export const ADVERT_TOS = 0xc0;
export const PACKET_BYTES_MAX = IPV4_HEADER_BYTES + AH_BYTES + ADVERT_BYTES_MAX;

/** What the authentication header of one packet is made with. */
export interface Seal {
  readonly key: Uint8Array;
  /** Above that of every packet before, whoever of the virtual router sent it. */
  readonly sequence: number;
}

/** Writes the packet at bytes[0] and answers its length. */
export function encodePacket(bytes: Uint8Array, advert: Advert, ends: Ends, seal: Seal | null): number {
  const headBytes = IPV4_HEADER_BYTES + (seal === null ? 0 : AH_BYTES);
  const advertBytes = encodeAdvert(bytes.subarray(headBytes), advert, ends);
  const length = headBytes + advertBytes;
  encodeIpv4(bytes, {
    tos: ADVERT_TOS,
    ttl: ADVERT_TTL,
    protocol: seal === null ? VRRP_PROTOCOL : AH_PROTOCOL,
    ...ends,
    payloadBytes: length - IPV4_HEADER_BYTES,
  });
  if (seal === null) return length;
  bytes[4] = identification(seal.sequence) >> 8;
  bytes[5] = identification(seal.sequence) & 255;
  // The SPI as keepalived chooses it, and demands it.
  sealAh(bytes, length, { nextHeader: VRRP_PROTOCOL, spi: ends.source, sequence: seal.sequence }, seal.key);
  return length;
}

/** Never zero: the kernel would write its own over it, behind the code. */
function identification(sequence: number): number {
  return (sequence % 0xffff) + 1;
}
