/**
 * Text patterns as functions over bytes: HAProxy's match methods exact, beg, end, sub, dir, dom, len and reg
 * (configuration.txt, section 7.1.3). Compiled once; a test allocates nothing, except for regular expressions.
 */
import type { Match, Pattern } from "../acl/ast.ts";
import { LOWER } from "../http/ascii.ts";
import { assert, unreachable } from "../lib/result.ts";
import { compileNumber } from "./condition-number.ts";

/** Whether buf[start, end) matches any pattern. */
export type TextTest = (buf: Uint8Array, start: number, end: number) => boolean;

/** What `LOWER` is to a match without regard to case, this is to the others. */
const SAME = Uint8Array.from({ length: 256 }, (_, byte) => byte);

/** A request has at most 16 KiB of head, so a call takes the codes as arguments without trouble. */
export function latin1(buf: Uint8Array, start: number, end: number): string {
  return String.fromCharCode(...buf.subarray(start, end));
}

/** The bytes of a configured text: UTF-8, as the file has it. */
export function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function equalsAt(buf: Uint8Array, at: number, pattern: Uint8Array, fold: Uint8Array): boolean {
  for (let i = 0; i < pattern.length; i++) if (fold[buf[at + i]] !== pattern[i]) return false;
  return true;
}

function delimiters(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of textBytes(characters)) table[byte] = 1;
  return table;
}

const DIR_DELIMITERS = delimiters("/?");
const DOM_DELIMITERS = delimiters("/?.:");

/** pattern.c match_word: the pattern stands between delimiters or ends; its own outer delimiters do not count. */
function wordTest(pattern: Uint8Array, fold: Uint8Array, isDelimiter: Uint8Array): TextTest {
  let from = 0;
  let to = pattern.length;
  while (from < to && isDelimiter[pattern[from]] === 1) from++;
  while (to > from && isDelimiter[pattern[to - 1]] === 1) to--;
  const word = pattern.slice(from, to);
  if (word.length === 0) return () => false;
  return (buf, start, end) => {
    const last = end - word.length;
    for (let at = start; at <= last; at++) {
      if (at > start && isDelimiter[buf[at - 1]] === 0) continue;
      if (at < last && isDelimiter[buf[at + word.length]] === 0) continue;
      if (equalsAt(buf, at, word, fold)) return true;
    }
    return false;
  };
}

function patternTest(match: Match, pattern: Pattern): TextTest {
  assert(pattern.kind === "text", `condition: ${match.fetch} -m ${match.method} takes text patterns`);
  const fold = match.ignoreCase ? LOWER : SAME;
  const bytes = textBytes(pattern.text).map((byte) => fold[byte]);
  const { length } = bytes;
  switch (match.method) {
    case "exact":
      return (buf, start, end) => end - start === length && equalsAt(buf, start, bytes, fold);
    case "beg":
      return (buf, start, end) => end - start >= length && equalsAt(buf, start, bytes, fold);
    case "end":
      return (buf, start, end) => end - start >= length && equalsAt(buf, end - length, bytes, fold);
    case "sub":
      return (buf, start, end) => {
        for (let at = start; at <= end - length; at++) if (equalsAt(buf, at, bytes, fold)) return true;
        return false;
      };
    case "dir":
      return wordTest(bytes, fold, DIR_DELIMITERS);
    case "dom":
      return wordTest(bytes, fold, DOM_DELIMITERS);
    case "reg": {
      const regexp = new RegExp(pattern.text, match.ignoreCase ? "i" : "");
      return (buf, start, end) => regexp.test(latin1(buf, start, end));
    }
    default:
      throw new TypeError(`condition: ${match.fetch} -m ${match.method} is not a text match`);
  }
}

function anyOf(tests: readonly TextTest[]): TextTest {
  if (tests.length === 1) return tests[0];
  return (buf, start, end) => {
    for (const test of tests) if (test(buf, start, end)) return true;
    return false;
  };
}

/** The test of one value of a text sample. The parser has checked that patterns and method belong together. */
export function compileText(match: Match): TextTest {
  switch (match.method) {
    case "found":
      return () => true;
    case "len": {
      const test = compileNumber(match.patterns);
      return (_buf, start, end) => test(end - start);
    }
    case "exact":
    case "beg":
    case "end":
    case "sub":
    case "dir":
    case "dom":
    case "reg":
      return anyOf(match.patterns.map((pattern) => patternTest(match, pattern)));
    case "int":
    case "ip":
    case "bool":
      throw new TypeError(`condition: ${match.fetch} -m ${match.method} is not a text match`);
    default:
      return unreachable(match.method);
  }
}
