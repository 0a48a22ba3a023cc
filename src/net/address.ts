/**
 * IP addresses as they stand on the wire: 4 or 16 bytes in network order; the length tells the family.
 * `lib/ip.ts` has the form with text; this is for code that compares and copies bytes of packets.
 */
import { formatIp, parseIp } from "../lib/ip.ts";
import { assert } from "../lib/result.ts";

/** The bytes of an address that the configuration or the kernel gave: validated there, a bug if it is not one. */
export function addressBytes(text: string): Uint8Array {
  const address = parseIp(text);
  assert(address !== null, `"${text}" is not an address`);
  return address.bytes;
}

export function addressText(bytes: Uint8Array): string {
  return formatIp({ family: bytes.length === 4 ? 4 : 6, bytes });
}

/** Negative, zero or positive as `a` stands before, at or after `b` in unsigned network order. */
export function compareAddresses(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    if (a[i] !== b[i]) return a[i] - b[i];
  }
  return a.length - b.length;
}

export function sameAddress(a: Uint8Array, b: Uint8Array): boolean {
  return compareAddresses(a, b) === 0;
}
