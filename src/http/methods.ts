/** Request methods as small integers (RFC 9110 9.3, RFC 5789). Methods are case-sensitive: `get` is another token. */
import { asciiBytes } from "./ascii.ts";

export const methodIds = {
  other: 0,
  get: 1,
  head: 2,
  post: 3,
  put: 4,
  delete: 5,
  options: 6,
  patch: 7,
  connect: 8,
  trace: 9,
} as const;

/** Indexed by id; "" stands for any other token. */
export const methodNames = [
  "",
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "OPTIONS",
  "PATCH",
  "CONNECT",
  "TRACE",
] as const;

/**
 * CONNECT makes an open tunnel of us and TRACE reflects credentials to a script (XST): both are answered with 405.
 */
export const refusedMethods = [methodIds.connect, methodIds.trace] as const;

/** The longest registered method has 17 bytes (UPDATEREDIRECTREF); far longer ones are noise. */
export const METHOD_BYTES_MAX = 32;

const names = methodNames.map((name) => asciiBytes(name));

/** The id of the token in [start, end). */
export function methodIdOf(buf: Uint8Array, start: number, end: number): number {
  const length = end - start;
  for (let id = 1; id < names.length; id++) {
    const name = names[id];
    if (name.length !== length || name[0] !== buf[start]) continue;
    let i = 1;
    while (i < length && buf[start + i] === name[i]) i++;
    if (i === length) return id;
  }
  return methodIds.other;
}
