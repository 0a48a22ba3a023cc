/**
 * Response heads (RFC 9112 4, 6.3). Whatever is refused here is answered to the client with 502.
 *
 *   "HTTP/1." DIGIT SP 3DIGIT [ SP reason ] CRLF  *( field-line CRLF )  CRLF
 */
import { CR, FIELD_VALUE, LF, NINE, SP, ZERO, asciiBytes } from "./ascii.ts";
import { parseFields } from "./fields.ts";
import { settleHop } from "./framing.ts";
import { type HeadLimits, type MessageHead, bodyKinds } from "./head.ts";
import { methodIds } from "./methods.ts";
import { reject } from "./reject.ts";
import { mayBeDecided } from "./scan.ts";

const VERSION_PREFIX = asciiBytes("HTTP/1.");
/** HTTP/1.1 200 */
const STATUS_BYTES = 12;

/**
 * Parses the response head at [start, end) into `head`.
 * @param requestMethodId methodIds of the request it answers: HEAD has no body whatever the fields say.
 * @returns as parseRequestHead.
 */
export function parseResponseHead(
  buf: Uint8Array,
  start: number,
  end: number,
  head: MessageHead,
  requestMethodId: number,
  limits: HeadLimits,
): number {
  const isFull = end - start >= limits.headBytesMax;
  if (head.scannedBytes > 0 && !isFull && !mayBeDecided(buf, start, start + head.scannedBytes, end)) {
    head.scannedBytes = end - start;
    return 0;
  }
  head.clear();
  const limit = isFull ? start + limits.headBytesMax : end;
  head.headStart = start;
  const fieldsStart = parseStatusLine(buf, start, limit, head);
  if (fieldsStart < 0) return fieldsStart;
  if (fieldsStart > 0) {
    head.fieldsStart = fieldsStart;
    const headEnd = parseFields(buf, fieldsStart, limit, head);
    if (headEnd > 0) return settleResponse(buf, head, headEnd, requestMethodId);
    if (headEnd < 0) return headEnd;
  }
  if (isFull) return head.refuse(reject.headTooLarge, limit);
  head.scannedBytes = end - start;
  return 0;
}

/** @returns the offset of the first field line; 0; −RejectCode. */
function parseStatusLine(buf: Uint8Array, start: number, end: number, head: MessageHead): number {
  const prefixEnd = Math.min(end, start + VERSION_PREFIX.length);
  for (let at = start; at < prefixEnd; at++) {
    if (buf[at] !== VERSION_PREFIX[at - start]) return head.refuse(reject.statusLine, at);
  }
  // One byte more tells whether the code has a fourth digit.
  if (end - start <= STATUS_BYTES) return refuseShortLine(buf, start, end, head);
  const minor = buf[start + 7];
  if (minor < ZERO || minor > NINE || buf[start + 8] !== SP) return head.refuse(reject.statusLine, start + 7);
  let status = 0;
  for (let at = start + 9; at < start + STATUS_BYTES; at++) {
    if (buf[at] < ZERO || buf[at] > NINE) return head.refuse(reject.statusLine, at);
    status = status * 10 + buf[at] - ZERO;
  }
  if (status < 100) return head.refuse(reject.statusLine, start + 9);
  head.status = status;
  head.minor = minor === ZERO ? 0 : 1;

  let at = start + STATUS_BYTES;
  const hasSpace = buf[at] === SP;
  if (hasSpace) at++;
  head.reasonStart = at;
  if (hasSpace) {
    while (at < end && FIELD_VALUE[buf[at]] !== 0) at++;
    if (at >= end) return 0;
  }
  head.reasonEnd = at;
  if (buf[at] !== CR) return head.refuse(buf[at] === LF ? reject.bareLineFeed : reject.statusLine, at);
  if (at + 1 >= end) return 0;
  if (buf[at + 1] !== LF) return head.refuse(reject.bareCarriageReturn, at);
  // Servers that leave out the space before an empty reason are common; the space is put back.
  head.startLineIsCanonical = minor === ZERO + 1 && hasSpace;
  return at + 2;
}

/** A line that has ended before the status code has; otherwise bytes are missing. */
function refuseShortLine(buf: Uint8Array, start: number, end: number, head: MessageHead): number {
  for (let at = start; at < end; at++) {
    if (buf[at] === LF) return head.refuse(reject.statusLine, at);
  }
  return 0;
}

/** RFC 9112 6.3, in its order. @returns headEnd or −RejectCode. */
function settleResponse(buf: Uint8Array, head: MessageHead, headEnd: number, requestMethodId: number): number {
  const { status } = head;
  if (head.chunked) {
    if (head.contentLength >= 0) return head.refuse(reject.transferEncodingWithLength, head.fieldsStart);
    if (head.minor === 0) return head.refuse(reject.transferEncodingInHttp10, head.fieldsStart);
  }
  const hasNoContent = status < 200 || status === 204;
  if (hasNoContent) {
    // RFC 9110 8.6, RFC 9112 6.1: neither field may stand here, and nobody may wait for that body.
    head.contentLength = -1;
    head.chunked = false;
  }
  if (hasNoContent || status === 304 || requestMethodId === methodIds.head) head.bodyKind = bodyKinds.none;
  else if (head.chunked) head.bodyKind = bodyKinds.chunked;
  else if (head.contentLength < 0) head.bodyKind = bodyKinds.untilClose;
  else head.bodyKind = head.contentLength > 0 ? bodyKinds.length : bodyKinds.none;

  settleHop(buf, head, status === 101);
  if (status === 101 && head.upgradeStart < 0) return head.refuse(reject.switchingProtocols, head.fieldsStart);
  if (head.bodyKind === bodyKinds.untilClose) head.keepAlive = false;
  return headEnd;
}
