/** Numbers, addresses and names as bytes of a log line. Each function answers the offset behind what it wrote. */

const ZERO = 0x30;
const COLON = 0x3a;

/** Decimal, with a sign when negative; a fraction is cut off. */
export function putInteger(target: Uint8Array, at: number, value: number): number {
  let rest = Math.trunc(value);
  let start = at;
  if (rest < 0) {
    target[start++] = 0x2d;
    rest = -rest;
  }
  let end = start;
  do {
    const next = Math.floor(rest / 10);
    target[end++] = ZERO + (rest - next * 10);
    rest = next;
  } while (rest > 0);
  for (let i = start, j = end - 1; i < j; i++, j--) {
    const digit = target[i];
    target[i] = target[j];
    target[j] = digit;
  }
  return end;
}

export function putBytes(target: Uint8Array, at: number, bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) target[at + i] = bytes[i];
  return at + bytes.length;
}

export function putByte(target: Uint8Array, at: number, byte: number): number {
  target[at] = byte;
  return at + 1;
}

/** address: 16 bytes, the last four of them for family 4. IPv6 as inet_ntop writes it (RFC 5952). */
export function putAddress(target: Uint8Array, at: number, address: Uint8Array, family: 4 | 6): number {
  if (family === 6) return putIpv6(target, at, address);
  let offset = putInteger(target, at, address[12]);
  for (let i = 13; i < 16; i++) {
    target[offset++] = 0x2e;
    offset = putInteger(target, offset, address[i]);
  }
  return offset;
}

function groupAt(address: Uint8Array, group: number): number {
  return (address[2 * group] << 8) | address[2 * group + 1];
}

function putIpv6(target: Uint8Array, at: number, address: Uint8Array): number {
  let runStart = -1;
  let runLength = 1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groupAt(address, i + length) === 0) length++;
    if (length > runLength) {
      runStart = i;
      runLength = length;
    }
  }
  let offset = at;
  for (let i = 0; i < 8; i++) {
    if (i === runStart) {
      target[offset++] = COLON;
      i += runLength - 1;
      if (i === 7) target[offset++] = COLON;
      continue;
    }
    if (i > 0) target[offset++] = COLON;
    offset = putHex(target, offset, groupAt(address, i));
  }
  return offset;
}

const HEX_DIGITS = new TextEncoder().encode("0123456789abcdef");

function putHex(target: Uint8Array, at: number, group: number): number {
  let offset = at;
  for (let shift = 12; shift >= 0; shift -= 4) {
    if (shift > 0 && group >> shift === 0) continue;
    target[offset++] = HEX_DIGITS[(group >> shift) & 15];
  }
  return offset;
}
