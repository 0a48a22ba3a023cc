/**
 * ICMP echo (RFC 792) and ICMPv6 echo (RFC 4443, section 4).
 *
 *   0 type u8   1 code u8   2 checksum be16   4 identifier be16   6 sequence be16   8 data …
 *
 * A raw IPv4 socket hands packets over with their IP header, an IPv6 one without; the kernel makes ICMPv6's checksum.
 */
import { err, ok, type Result } from "../lib/result.ts";
import { foldChecksum, sumWords } from "./checksum.ts";
import { decodeIpv4, type Ipv4Reason } from "./ipv4.ts";

export const ICMP_PROTOCOL = { 4: 1, 6: 58 } as const;
const HEADER_BYTES = 8;
const ECHO_BYTES = 16;
const echoType = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const;
const IPV4_HEADER_BYTES_MIN = 20;

/** An echo request; its data repeats identifier and sequence. */
export function encodeEcho(family: 4 | 6, identifier: number, sequence: number): Uint8Array {
  const data = new Uint8Array(ECHO_BYTES - HEADER_BYTES);
  new DataView(data.buffer).setUint16(0, identifier);
  new DataView(data.buffer).setUint16(2, sequence);
  return encodeEchoRequest(family, identifier, sequence, data);
}

/** An echo request; `data` comes back in the reply. */
export function encodeEchoRequest(family: 4 | 6, identifier: number, sequence: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, echoType[family].request);
  view.setUint16(4, identifier);
  view.setUint16(6, sequence);
  bytes.set(data, HEADER_BYTES);
  if (family === 4) view.setUint16(2, foldChecksum(sumWords(bytes, 0, bytes.length, 0)));
  return bytes;
}

export interface EchoReply {
  readonly identifier: number;
  readonly sequence: number;
  /** A view: valid until the buffer is reused. */
  readonly data: Uint8Array;
}

export type EchoReason = Ipv4Reason | "echo_short" | "echo_type" | "echo_checksum";

/** The echo reply in what a raw socket handed over, bytes[0, length). The kernel has checked ICMPv6's checksum. */
export function decodeEchoReply(family: 4 | 6, bytes: Uint8Array, length: number): Result<EchoReply, EchoReason> {
  let start = 0;
  let end = length;
  if (family === 4) {
    const packet = decodeIpv4(bytes, length);
    if (!packet.ok) return packet;
    start = packet.value.payloadStart;
    end = packet.value.payloadEnd;
  }
  if (end - start < HEADER_BYTES) return err("echo_short");
  if (bytes[start] !== echoType[family].reply || bytes[start + 1] !== 0) return err("echo_type");
  if (family === 4 && foldChecksum(sumWords(bytes, start, end, 0)) !== 0) return err("echo_checksum");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return ok({
    identifier: view.getUint16(start + 4),
    sequence: view.getUint16(start + 6),
    data: bytes.subarray(start + HEADER_BYTES, end),
  });
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
