/**
 * ICMP echo (RFC 792) and ICMPv6 echo (RFC 4443, section 4).
 *
 *   0 type u8   1 code u8   2 checksum be16   4 identifier be16   6 sequence be16   8 data …
 *
 * A raw IPv4 socket hands packets over with their IP header, an IPv6 one without; the kernel makes ICMPv6's checksum.
 */
import { foldChecksum, sumWords } from "./checksum.ts";

export const ICMP_PROTOCOL = { 4: 1, 6: 58 } as const;
const ECHO_BYTES = 16;
const echoType = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const;
const IPV4_HEADER_BYTES_MIN = 20;

/** An echo request; its data repeats identifier and sequence. */
export function encodeEcho(family: 4 | 6, identifier: number, sequence: number): Uint8Array {
  const bytes = new Uint8Array(ECHO_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, echoType[family].request);
  for (const at of [4, 8]) {
    view.setUint16(at, identifier);
    view.setUint16(at + 2, sequence);
  }
  if (family === 4) view.setUint16(2, foldChecksum(sumWords(bytes, 0, bytes.length, 0)));
  return bytes;
}

/** Whether bytes[0, length) is the reply to this very request. */
export function isEchoReply(
  family: 4 | 6,
  bytes: Uint8Array,
  length: number,
  identifier: number,
  sequence: number,
): boolean {
  if (family === 4 && length < IPV4_HEADER_BYTES_MIN) return false;
  const start = family === 4 ? (bytes[0] & 0xf) * 4 : 0;
  if (length < start + 8) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint8(start) !== echoType[family].reply || view.getUint8(start + 1) !== 0) return false;
  return view.getUint16(start + 4) === identifier && view.getUint16(start + 6) === sequence;
}
