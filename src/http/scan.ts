/**
 * Whether a head that was incomplete is worth another full parse. A peer that sends a byte a second must not make
 * us read its head again for each: only the new bytes are looked at here.
 */
import { CR, LF } from "./ascii.ts";

/**
 * @param seen offset up to which an earlier call has looked.
 * @returns true when [seen, end) ends the head, ends its first line (so a bad one is answered at once), or holds
 *   carriage return and line feed apart, which the parser refuses.
 */
export function mayBeDecided(buf: Uint8Array, start: number, seen: number, end: number): boolean {
  for (let at = seen; at < end; at++) {
    if (buf[at] !== LF) {
      if (at > start && buf[at - 1] === CR) return true;
      continue;
    }
    if (at === start || buf[at - 1] !== CR) return true;
    // CR LF CR LF; at least one byte stands before an empty line that ends a head
    if (at - start >= 3 && buf[at - 2] === LF) return true;
    if (isFirstLineEnd(buf, start, at)) return true;
  }
  return false;
}

/** Whether `lineFeed` is the first one after the empty lines that may precede a request. */
function isFirstLineEnd(buf: Uint8Array, start: number, lineFeed: number): boolean {
  let at = start;
  while (at + 1 < lineFeed && buf[at] === CR && buf[at + 1] === LF) at += 2;
  while (at < lineFeed && buf[at] !== LF) at++;
  return at === lineFeed;
}
