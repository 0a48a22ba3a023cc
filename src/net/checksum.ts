/**
 * The Internet checksum (RFC 1071): the ones' complement of the ones' complement sum of 16-bit big-endian words.
 * Sums are plain numbers, folded only at the end: 64 KiB of words stay far below 2^53.
 */

/** Adds the words of bytes[start, end) to `sum`; an odd last byte counts as the high half of a word. */
export function sumWords(bytes: Uint8Array, start: number, end: number, sum: number): number {
  let total = sum;
  let at = start;
  for (; at + 1 < end; at += 2) total += bytes[at] * 256 + bytes[at + 1];
  if (at < end) total += bytes[at] * 256;
  return total;
}

/** The 16-bit checksum of an unfolded sum. Over data that includes a right checksum field the answer is 0. */
export function foldChecksum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return 0xffff - folded;
}

/**
 * The unfolded sum of the pseudo-header before a transport message: for IPv4 source, destination, zero, protocol and
 * length (RFC 793 §3.1); for IPv6 source, destination, 32-bit length, zeros and next header (RFC 8200 §8.1).
 * Both reduce to the same words, so one function serves both families.
 */
export function sumPseudoHeader(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  lengthBytes: number,
): number {
  const addresses = sumWords(destination, 0, destination.length, sumWords(source, 0, source.length, 0));
  return addresses + protocol + lengthBytes;
}
