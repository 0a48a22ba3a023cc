/**
 * Request heads (RFC 9112 2, 3). Strict: what two readers could understand in two ways is refused.
 *
 *   method SP target SP "HTTP/1." DIGIT CRLF  *( field-line CRLF )  CRLF
 */
import { ASTERISK, CR, DOT, LF, LOWER, NINE, QUESTION, SLASH, SP, TARGET, TOKEN, ZERO, asciiBytes } from "./ascii.ts";
import { isAuthority } from "./authority.ts";
import { parseFields } from "./fields.ts";
import { settleHop } from "./framing.ts";
import { type HeadLimits, type MessageHead, bodyKinds, targetForms } from "./head.ts";
import { METHOD_BYTES_MAX, methodIdOf, methodIds, refusedMethods } from "./methods.ts";
import { reject } from "./reject.ts";
import { mayBeDecided } from "./scan.ts";

/** Old clients send an empty line after a body; more than a few are a flood. */
const EMPTY_LINES_MAX = 8;
/** HTTP/1.1 CR LF */
const VERSION_BYTES = 10;
const VERSION_PREFIX = asciiBytes("HTTP/");
const schemes = [asciiBytes("http://"), asciiBytes("https://")] as const;

/**
 * Parses the request head at [start, end) into `head`.
 * @returns the offset after the head; 0 when more bytes are needed (call again with the same start and a later
 *   end, or with the bytes moved: see head.scannedBytes); −RejectCode.
 */
export function parseRequestHead(
  buf: Uint8Array,
  start: number,
  end: number,
  head: MessageHead,
  limits: HeadLimits,
): number {
  const isFull = end - start >= limits.headBytesMax;
  if (head.scannedBytes > 0 && !isFull && !mayBeDecided(buf, start, start + head.scannedBytes, end)) {
    head.scannedBytes = end - start;
    return 0;
  }
  head.clear();
  const limit = isFull ? start + limits.headBytesMax : end;
  const fieldsStart = parseRequestLine(buf, start, limit, head, limits);
  if (fieldsStart < 0) return fieldsStart;
  if (fieldsStart > 0) {
    head.fieldsStart = fieldsStart;
    const headEnd = parseFields(buf, fieldsStart, limit, head);
    if (headEnd > 0) return settleRequest(buf, head, headEnd);
    if (headEnd < 0) return headEnd;
  }
  if (isFull) return head.refuse(fieldsStart === 0 ? reject.targetTooLong : reject.headTooLarge, limit);
  head.scannedBytes = end - start;
  return 0;
}

/** @returns the offset of the first field line; 0; −RejectCode. */
function parseRequestLine(buf: Uint8Array, start: number, end: number, head: MessageHead, limits: HeadLimits): number {
  let at = start;
  for (let emptyLines = 0; at < end && (buf[at] === CR || buf[at] === LF); emptyLines++) {
    if (buf[at] === LF) return head.refuse(reject.bareLineFeed, at);
    if (at + 1 >= end) return 0;
    if (buf[at + 1] !== LF) return head.refuse(reject.bareCarriageReturn, at);
    if (emptyLines === EMPTY_LINES_MAX) return head.refuse(reject.emptyLines, at);
    at += 2;
  }
  head.headStart = at;

  head.methodStart = at;
  while (at < end && TOKEN[buf[at]] !== 0) at++;
  if (at - head.methodStart > METHOD_BYTES_MAX) return head.refuse(reject.methodTooLong, at);
  if (at >= end) return 0;
  if (buf[at] !== SP || at === head.methodStart) return head.refuse(reject.requestLine, at);
  head.methodEnd = at;
  head.methodId = methodIdOf(buf, head.methodStart, at);
  for (const refused of refusedMethods) {
    if (head.methodId === refused) return head.refuse(reject.methodNotAllowed, head.methodStart);
  }
  at++;

  const targetStart = at;
  let query = -1;
  while (at < end && TARGET[buf[at]] !== 0) {
    if (buf[at] === QUESTION && query < 0) query = at;
    at++;
  }
  if (at - targetStart > limits.targetBytesMax) return head.refuse(reject.targetTooLong, at);
  if (at >= end) return 0;
  if (buf[at] !== SP) {
    const isEndOfLine = buf[at] === CR || buf[at] === LF;
    return head.refuse(isEndOfLine ? reject.requestLine : reject.target, at);
  }
  const code = settleTarget(buf, targetStart, at, query < 0 ? at : query, head);
  if (code !== 0) return head.refuse(code, targetStart);
  return parseVersion(buf, at + 1, end, head);
}

/** Fills target, path, query and, for absolute-form, host. @returns 0 or a RejectCode. */
function settleTarget(buf: Uint8Array, start: number, end: number, query: number, head: MessageHead): number {
  head.targetStart = start;
  head.targetEnd = end;
  head.pathStart = start;
  head.pathEnd = query;
  head.queryStart = query < end ? query + 1 : end;
  head.queryEnd = end;
  if (buf[start] === SLASH) return 0;
  if (end - start === 1 && buf[start] === ASTERISK) {
    if (head.methodId !== methodIds.options) return reject.target;
    head.targetForm = targetForms.asterisk;
    head.pathEnd = start;
    return 0;
  }
  return settleAbsoluteTarget(buf, start, end, query, head);
}

function settleAbsoluteTarget(buf: Uint8Array, start: number, end: number, query: number, head: MessageHead): number {
  const hostStart = authorityStart(buf, start, end);
  if (hostStart < 0) return reject.target;
  let hostEnd = hostStart;
  while (hostEnd < query && buf[hostEnd] !== SLASH) hostEnd++;
  if (!isAuthority(buf, hostStart, hostEnd)) return reject.target;
  head.targetForm = targetForms.absolute;
  head.hostStart = hostStart;
  head.hostEnd = hostEnd;
  head.hostFromTarget = true;
  head.targetStart = hostEnd;
  if (hostEnd < query) {
    head.pathStart = hostEnd;
  } else if (hostEnd === end && head.methodId === methodIds.options) {
    // RFC 9112 3.2.4: the last proxy asks the server as a whole.
    head.targetPrefix = ASTERISK;
    head.pathStart = hostEnd;
  } else {
    // Rules must see the "/" that is sent: the second slash of "//" serves as one.
    head.targetPrefix = SLASH;
    head.pathStart = hostStart - 1;
    head.pathEnd = hostStart;
  }
  return 0;
}

/** The offset after "http://" or "https://"; -1 for everything else. */
function authorityStart(buf: Uint8Array, start: number, end: number): number {
  for (const scheme of schemes) {
    let matched = 0;
    while (matched < scheme.length && start + matched < end && LOWER[buf[start + matched]] === scheme[matched]) {
      matched++;
    }
    if (matched === scheme.length) return start + matched;
  }
  return -1;
}

/** HTTP/1.0, HTTP/1.1; a later minor version is read as 1.1 (RFC 9110 2.5). @returns the offset after CRLF; 0; −code. */
function parseVersion(buf: Uint8Array, at: number, end: number, head: MessageHead): number {
  if (end - at < VERSION_BYTES) {
    for (let i = at; i < end; i++) {
      if (buf[i] === LF) return refuseVersion(buf, at, end, head);
    }
    return 0;
  }
  for (let i = 0; i < VERSION_PREFIX.length; i++) {
    if (buf[at + i] !== VERSION_PREFIX[i]) return refuseVersion(buf, at, end, head);
  }
  const major = buf[at + 5];
  const minor = buf[at + 7];
  if (major < ZERO || major > NINE || buf[at + 6] !== DOT || minor < ZERO || minor > NINE) {
    return refuseVersion(buf, at, end, head);
  }
  if (buf[at + 8] !== CR || buf[at + 9] !== LF) return refuseVersion(buf, at, end, head);
  if (major !== ZERO + 1) return head.refuse(reject.versionUnsupported, at);
  head.minor = minor === ZERO ? 0 : 1;
  head.startLineIsCanonical = minor === ZERO + 1 && head.targetForm !== targetForms.absolute;
  return at + VERSION_BYTES;
}

/** Judges by what stands before the first line feed, so that bytes yet to come do not change the reason. */
function refuseVersion(buf: Uint8Array, at: number, end: number, head: MessageHead): number {
  let lineFeed = at;
  while (lineFeed < end && lineFeed < at + VERSION_BYTES && buf[lineFeed] !== LF) lineFeed++;
  const isBare = lineFeed === at + VERSION_BYTES - 2 && buf[lineFeed] === LF && buf[lineFeed - 1] !== CR;
  return head.refuse(isBare ? reject.bareLineFeed : reject.version, at);
}

/** What only the whole head can tell. @returns headEnd or −RejectCode. */
function settleRequest(buf: Uint8Array, head: MessageHead, headEnd: number): number {
  if (head.hostIndex < 0 && head.minor > 0) return head.refuse(reject.hostMissing, head.fieldsStart);
  if (head.chunked) {
    if (head.contentLength >= 0) return head.refuse(reject.transferEncodingWithLength, head.fieldsStart);
    if (head.minor === 0) return head.refuse(reject.transferEncodingInHttp10, head.fieldsStart);
    head.bodyKind = bodyKinds.chunked;
  } else if (head.contentLength > 0) {
    head.bodyKind = bodyKinds.length;
  }
  // An upgrade with a body leaves open whether the body or the new protocol comes first.
  settleHop(buf, head, head.bodyKind === bodyKinds.none);
  return headEnd;
}
