/**
 * The IPv6 header (RFC 8200 §3), as far as Ballast writes it itself.
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

/** fe80::/10 (RFC 4291 §2.5.6). */
export function isLinkLocal(address: Uint8Array): boolean {
  return address.length === 16 && address[0] === 0xfe && (address[1] & 0xc0) === 0x80;
}
