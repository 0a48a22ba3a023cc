/**
 * The IP authentication header (RFC 2402 §2) with HMAC-MD5-96 (RFC 2403), as VRRP version 2 uses it (RFC 2338 §5.3.6,
 * withdrawn) and keepalived speaks it: transport mode, the payload in clear.
 *
 *    0 next header   1 length in words − 2   2 reserved (0)
 *    4 SPI           8 sequence number      12 code (12 bytes)
 *
 * The code covers the whole packet with itself as zeros. RFC 2402 §3.3.3.1.1 also takes TOS, flags and offset, TTL and
 * header checksum as zeros; keepalived leaves the TTL in, and only who does the same is understood by it.
 */
import { hmacMd5 } from "../lib/md5.ts";
import { err, ok, type Result } from "../lib/result.ts";
import { IPV4_HEADER_BYTES } from "./ipv4.ts";

export const AH_PROTOCOL = 51;
export const AH_BYTES = 24;
const CODE_AT = 12;
const CODE_BYTES = 12;
const LENGTH_WORDS = AH_BYTES / 4 - 2;

export interface AhHeader {
  readonly nextHeader: number;
  /** Four bytes; keepalived's is the sender's address. A view into the buffer. */
  readonly spi: Uint8Array;
  readonly sequence: number;
}

export type AhReason = "ah_short" | "ah_length";

/** Reads the header at bytes[start, end); the code is looked at by `ahCodeMatches`. */
export function decodeAh(bytes: Uint8Array, start: number, end: number): Result<AhHeader, AhReason> {
  if (end - start < AH_BYTES) return err("ah_short");
  if (bytes[start + 1] !== LENGTH_WORDS) return err("ah_length");
  return ok({
    nextHeader: bytes[start],
    spi: bytes.subarray(start + 4, start + 8),
    sequence: new DataView(bytes.buffer, bytes.byteOffset).getUint32(start + 8),
  });
}

/**
 * Writes the header behind the IPv4 header without options at bytes[0], with the code over bytes[0, length): everything
 * else must be there, the identification other than zero (the kernel fills a zero in, and the code would be wrong).
 */
export function sealAh(bytes: Uint8Array, length: number, header: AhHeader, key: Uint8Array): void {
  const at = IPV4_HEADER_BYTES;
  bytes.fill(0, at, at + AH_BYTES);
  bytes[at] = header.nextHeader;
  bytes[at + 1] = LENGTH_WORDS;
  bytes.set(header.spi, at + 4);
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(at + 8, header.sequence);
  bytes.set(codeOf(bytes, at, length, key), at + CODE_AT);
}

/** Whether who made the packet at bytes[0, end), with its header at bytes[start], knows the key. In constant time. */
export function ahCodeMatches(bytes: Uint8Array, start: number, end: number, key: Uint8Array): boolean {
  const code = codeOf(bytes, start, end, key);
  let difference = 0;
  for (let i = 0; i < CODE_BYTES; i++) difference |= code[i] ^ bytes[start + CODE_AT + i];
  return difference === 0;
}

function codeOf(bytes: Uint8Array, start: number, end: number, key: Uint8Array): Uint8Array {
  const covered = bytes.slice(0, end);
  covered[1] = 0;
  covered.fill(0, 6, 8);
  covered.fill(0, 10, 12);
  covered.fill(0, start + CODE_AT, start + CODE_AT + CODE_BYTES);
  return hmacMd5(key, covered).subarray(0, CODE_BYTES);
}
