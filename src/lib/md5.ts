/**
 * MD5 (RFC 1321) and HMAC-MD5 (RFC 2104): what VRRP's authentication header is made with. Not for anything that is to
 * stay secret today.
 */

export const MD5_BYTES = 16;
const BLOCK_BYTES = 64;
const LENGTH_BYTES = 8;

/** RFC 1321 §3.4: T[i] is the integer part of 2³² × |sin i|, i in radians from 1. */
const SINES = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32) | 0);
/** Rotations of the four rounds, each of four steps in turn. */
const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21] as const;

/** The 16 bytes of the digest. */
export function md5(message: Uint8Array): Uint8Array {
  const blocks = Math.ceil((message.length + 1 + LENGTH_BYTES) / BLOCK_BYTES);
  const padded = new Uint8Array(blocks * BLOCK_BYTES);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, message.length << 3, true);
  view.setUint32(padded.length - 4, Math.floor(message.length / 2 ** 29), true);
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  for (let at = 0; at < padded.length; at += BLOCK_BYTES) mix(state, view, at);
  const digest = new Uint8Array(MD5_BYTES);
  const out = new DataView(digest.buffer);
  state.forEach((word, i) => out.setInt32(i * 4, word, true));
  return digest;
}

/** The 16 bytes of the code; VRRP sends the first twelve (RFC 2403). */
export function hmacMd5(key: Uint8Array, message: Uint8Array): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  block.set(key.length > BLOCK_BYTES ? md5(key) : key);
  const inner = new Uint8Array(BLOCK_BYTES + message.length);
  const outer = new Uint8Array(BLOCK_BYTES + MD5_BYTES);
  for (let i = 0; i < BLOCK_BYTES; i++) {
    inner[i] = block[i] ^ 0x36;
    outer[i] = block[i] ^ 0x5c;
  }
  inner.set(message, BLOCK_BYTES);
  outer.set(md5(inner), BLOCK_BYTES);
  return md5(outer);
}

/** One block of 64 bytes at `at`. */
function mix(state: Int32Array, view: DataView, at: number): void {
  let [a, b, c, d] = state;
  for (let step = 0; step < 64; step++) {
    const round = step >> 4;
    const word = view.getInt32(at + wordOf(round, step) * 4, true);
    const sum = (a + mixed(round, b, c, d) + word + SINES[step]) | 0;
    const shift = SHIFTS[round * 4 + (step & 3)];
    a = d;
    d = c;
    c = b;
    b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
}

/** The functions F, G, H and I of RFC 1321 §3.4. */
function mixed(round: number, b: number, c: number, d: number): number {
  if (round === 0) return (b & c) | (~b & d);
  if (round === 1) return (b & d) | (c & ~d);
  return round === 2 ? b ^ c ^ d : c ^ (b | ~d);
}

/** Which of the block's sixteen words a step takes. */
function wordOf(round: number, step: number): number {
  if (round === 0) return step;
  return (round === 1 ? 5 * step + 1 : round === 2 ? 3 * step + 5 : 7 * step) & 15;
}
