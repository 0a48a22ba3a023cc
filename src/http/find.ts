/** Finding fields of a parsed head by name, for rules, logs and persistence. */
import { LOWER, asciiBytes } from "./ascii.ts";
import type { MessageHead } from "./head.ts";
import { headerIdOf } from "./header-names.ts";

/** A field name made ready once, when the configuration is read. */
export interface HeaderName {
  /** Lower case. */
  readonly bytes: Uint8Array;
  /** headerIds; 0 for a name that has none. */
  readonly id: number;
}

/** @param name a token, in any letter case. */
export function headerName(name: string): HeaderName {
  const bytes = asciiBytes(name.toLowerCase());
  return { bytes, id: headerIdOf(bytes, 0, bytes.length) };
}

/**
 * The next column at or after `from` whose field has this name; -1 when there is none. Dropped fields are found
 * too: rules see what was received.
 */
export function nextHeader(buf: Uint8Array, head: MessageHead, name: HeaderName, from: number): number {
  for (let i = from; i < head.headerCount; i++) {
    if (head.headerId[i] !== name.id) continue;
    if (name.id !== 0 || hasName(buf, head, i, name.bytes)) return i;
  }
  return -1;
}

function hasName(buf: Uint8Array, head: MessageHead, index: number, name: Uint8Array): boolean {
  const start = head.nameStart[index];
  if (head.nameEnd[index] - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) {
    if (LOWER[buf[start + i]] !== name[i]) return false;
  }
  return true;
}
