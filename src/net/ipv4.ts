/**
 * The IPv4 header (RFC 791 §3.1) as raw sockets hand it over and take it.
 *
 *    0 version 4 | IHL      1 TOS            2 total length (bytes)
 *    4 identification                        6 flags | fragment offset
 *    8 TTL                  9 protocol      10 header checksum
 *   12 source              16 destination   20 options up to IHL × 4
 */
import { err, ok, type Result } from "../lib/result.ts";

export const IPV4_HEADER_BYTES = 20;

export interface Ipv4Packet {
  readonly ttl: number;
  readonly protocol: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** Where the payload stands in the buffer: after the options, before any Ethernet padding. */
  readonly payloadStart: number;
  readonly payloadEnd: number;
}

export type Ipv4Reason = "ip_short" | "ip_version" | "ip_header_length" | "ip_total_length" | "ip_fragment";

/** Reads the header of the packet at bytes[0, length). The addresses are views: valid until the buffer is reused. */
export function decodeIpv4(bytes: Uint8Array, length: number): Result<Ipv4Packet, Ipv4Reason> {
  if (length < IPV4_HEADER_BYTES) return err("ip_short");
  if (bytes[0] >> 4 !== 4) return err("ip_version");
  const headerBytes = (bytes[0] & 15) * 4;
  if (headerBytes < IPV4_HEADER_BYTES || headerBytes > length) return err("ip_header_length");
  const totalBytes = bytes[2] * 256 + bytes[3];
  if (totalBytes < headerBytes || totalBytes > length) return err("ip_total_length");
  // A raw socket gets whole datagrams only; a fragment here means that somebody bypassed reassembly.
  if ((bytes[6] & 0x3f) !== 0 || bytes[7] !== 0) return err("ip_fragment");
  return ok({
    ttl: bytes[8],
    protocol: bytes[9],
    source: bytes.subarray(12, 16),
    destination: bytes.subarray(16, 20),
    payloadStart: headerBytes,
    payloadEnd: totalBytes,
  });
}

export interface Ipv4Header {
  readonly tos: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly payloadBytes: number;
}

/**
 * Writes a header without options at bytes[0]; answers its length. Identification and checksum stay zero: with
 * IP_HDRINCL the kernel fills both in (raw(7)).
 */
export function encodeIpv4(bytes: Uint8Array, header: Ipv4Header): number {
  const totalBytes = IPV4_HEADER_BYTES + header.payloadBytes;
  bytes.fill(0, 0, IPV4_HEADER_BYTES);
  bytes[0] = 0x45;
  bytes[1] = header.tos;
  bytes[2] = totalBytes >> 8;
  bytes[3] = totalBytes & 255;
  bytes[8] = header.ttl;
  bytes[9] = header.protocol;
  bytes.set(header.source, 12);
  bytes.set(header.destination, 16);
  return IPV4_HEADER_BYTES;
}
