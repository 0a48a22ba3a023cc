/**
 * The IPv6 header (RFC 8200 §3), as far as Ballast writes and reads it itself.
 *
 *    0 version 6 | traffic class | flow label (4 bytes)
 *    4 payload length (bytes)   6 next header   7 hop limit
 *    8 source                  24 destination
 */

export const IPV6_HEADER_BYTES = 40;
export const ETHERTYPE_IPV6 = 0x86dd;

export interface Ipv6Header {
  readonly nextHeader: number;
  readonly hopLimit: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly payloadBytes: number;
}

/** Writes a header at bytes[start]; answers its length. */
export function encodeIpv6(bytes: Uint8Array, start: number, header: Ipv6Header): number {
  bytes.fill(0, start, start + IPV6_HEADER_BYTES);
  bytes[start] = 0x60;
  bytes[start + 4] = header.payloadBytes >> 8;
  bytes[start + 5] = header.payloadBytes & 255;
  bytes[start + 6] = header.nextHeader;
  bytes[start + 7] = header.hopLimit;
  bytes.set(header.source, start + 8);
  bytes.set(header.destination, start + 24);
  return IPV6_HEADER_BYTES;
}

export interface Ipv6Packet {
  readonly nextHeader: number;
  readonly hopLimit: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly payloadStart: number;
  readonly payloadEnd: number;
}

/** Reads the header of the packet at bytes[0, length); null when it is not a whole IPv6 packet. The addresses are views. */
export function decodeIpv6(bytes: Uint8Array, length: number): Ipv6Packet | null {
  if (length < IPV6_HEADER_BYTES || bytes[0] >> 4 !== 6) return null;
  const payloadEnd = IPV6_HEADER_BYTES + bytes[4] * 256 + bytes[5];
  if (payloadEnd > length) return null;
  return {
    nextHeader: bytes[6],
    hopLimit: bytes[7],
    source: bytes.subarray(8, 24),
    destination: bytes.subarray(24, 40),
    payloadStart: IPV6_HEADER_BYTES,
    payloadEnd,
  };
}

/** fe80::/10 (RFC 4291 §2.5.6). */
export function isLinkLocal(address: Uint8Array): boolean {
  return address.length === 16 && address[0] === 0xfe && (address[1] & 0xc0) === 0x80;
}

/** The group that whoever has the address listens to for questions about it (RFC 4291 §2.7.1). */
export function solicitedNode(address: Uint8Array): Uint8Array {
  return Uint8Array.of(0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ...address.subarray(13));
}
