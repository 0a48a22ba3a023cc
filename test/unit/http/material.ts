/** What the tests of this folder share: bytes from text, chance from a seed, regions of one buffer. */
import { defaultHeadLimits, MessageHead } from "../../../src/http/head.ts";
import { parseRequestHead } from "../../../src/http/request-parser.ts";
import { parseResponseHead } from "../../../src/http/response-parser.ts";

/** Regions of the arena, far enough apart for every message of these tests. */
export const IN = 1000;
export const OUT = 300_000;
export const OUT_END = OUT + 32_768;
export const TEXT = 400_000;

export function newArena(): Uint8Array {
  return new Uint8Array(new ArrayBuffer(500_000)).fill(0xaa);
}

/** One byte per character. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function textOf(buf: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at++) text += String.fromCharCode(buf[at]);
  return text;
}

/** Parses a whole request at IN; answers the code and its head. */
export function requestOf(buf: Uint8Array, text: string): { code: number; head: MessageHead } {
  buf.set(latin1(text), IN);
  const head = new MessageHead();
  return { code: parseRequestHead(buf, IN, IN + text.length, head, defaultHeadLimits), head };
}

export function responseOf(buf: Uint8Array, text: string, methodId = 1): { code: number; head: MessageHead } {
  buf.set(latin1(text), IN);
  const head = new MessageHead();
  return { code: parseResponseHead(buf, IN, IN + text.length, head, methodId, defaultHeadLimits), head };
}

/** Numbers in [0, limit) that are the same for the same seed (mulberry32). */
export function seeded(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit);
  };
}

/** Ends of the pieces in which `length` bytes arrive. */
export function randomCuts(length: number, random: (limit: number) => number): number[] {
  const cuts = new Set<number>([length]);
  const count = length === 0 ? 0 : 1 + random(12);
  for (let i = 0; i < count; i++) cuts.add(1 + random(length));
  return [...cuts].sort((a, b) => a - b);
}
