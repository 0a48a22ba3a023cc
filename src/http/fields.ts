/**
 * Field lines (RFC 9112 5), shared by requests and responses: one pass that validates every byte and fills the
 * columns of the head. Strictly left to right, so that the same bytes give the same verdict however they arrive.
 */
import { COLON, CR, FIELD_VALUE, LF, SP, TAB, TOKEN } from "./ascii.ts";
import { noteField } from "./framing.ts";
import { HEADER_COUNT_MAX, type MessageHead } from "./head.ts";
import { headerIdOf, headerIds } from "./header-names.ts";
import { reject } from "./reject.ts";

/**
 * Reads field lines from `from` up to the empty line.
 * @returns the offset after the empty line; 0 when bytes are missing; a negative RejectCode.
 */
export function parseFields(buf: Uint8Array, from: number, end: number, head: MessageHead): number {
  const { nameStart, nameEnd, valueStart, valueEnd, lineEnd, headerId, drop } = head;
  let at = from;
  let count = 0;
  for (;;) {
    if (at >= end) return 0;
    const lineStart = at;
    if (buf[at] === CR) {
      if (at + 1 >= end) return 0;
      if (buf[at + 1] !== LF) return head.refuse(reject.bareCarriageReturn, at);
      head.headerCount = count;
      head.headEnd = at + 2;
      return at + 2;
    }
    if (count === HEADER_COUNT_MAX) return head.refuse(reject.fieldsTooMany, at);

    while (at < end && TOKEN[buf[at]] !== 0) at++;
    if (at >= end) return 0;
    if (buf[at] !== COLON || at === lineStart) return refuseName(buf, lineStart, at, head);
    const nameStop = at;
    at++;
    while (at < end && (buf[at] === SP || buf[at] === TAB)) at++;
    const valueBegin = at;
    at = skipValue(buf, at, end);
    if (at >= end) return 0;
    if (buf[at] !== CR) {
      return head.refuse(buf[at] === LF ? reject.bareLineFeed : reject.fieldValue, at);
    }
    if (at + 1 >= end) return 0;
    if (buf[at + 1] !== LF) return head.refuse(reject.bareCarriageReturn, at);
    let valueStop = at;
    while (valueStop > valueBegin && (buf[valueStop - 1] === SP || buf[valueStop - 1] === TAB)) valueStop--;
    at += 2;

    const id = headerIdOf(buf, lineStart, nameStop);
    nameStart[count] = lineStart;
    nameEnd[count] = nameStop;
    valueStart[count] = valueBegin;
    valueEnd[count] = valueStop;
    lineEnd[count] = at;
    headerId[count] = id;
    drop[count] = 0;
    if (id !== headerIds.other && id <= headerIds.lastFraming) {
      const code = noteField(buf, head, count, id);
      if (code !== 0) return head.refuse(code, valueBegin);
    }
    count++;
  }
}

/** First offset at or after `at` that cannot stand in a value; four bytes a turn, values being long. */
function skipValue(buf: Uint8Array, at: number, end: number): number {
  const lastQuad = end - 4;
  while (
    at <= lastQuad &&
    (FIELD_VALUE[buf[at]] & FIELD_VALUE[buf[at + 1]] & FIELD_VALUE[buf[at + 2]] & FIELD_VALUE[buf[at + 3]]) !== 0
  ) {
    at += 4;
  }
  while (at < end && FIELD_VALUE[buf[at]] !== 0) at++;
  return at;
}

/** Says what is wrong with a line whose name does not end in a colon. */
function refuseName(buf: Uint8Array, lineStart: number, at: number, head: MessageHead): number {
  const byte = buf[at];
  if (byte === LF) return head.refuse(reject.bareLineFeed, at);
  const isSpace = byte === SP || byte === TAB;
  if (isSpace && at === lineStart) return head.refuse(reject.obsFold, at);
  if (isSpace) return head.refuse(reject.spaceBeforeColon, at);
  return head.refuse(reject.fieldName, at);
}
