/**
 * The fields that have a meaning for the proxy itself: where the body ends, what belongs to this hop only,
 * what the peer wants next (RFC 9110 7.6.1, 7.8, 8.6, 10.1.1; RFC 9112 3.2, 6, 9).
 * `noteField` reads one such field when its line is complete; `settleHop` draws the conclusions after the last.
 */
import {
  COMMA,
  NINE,
  SLASH,
  SP,
  TAB,
  TOKEN,
  ZERO,
  asciiBytes,
  equalsIgnoreCase,
  memberEnd,
  sameIgnoreCase,
  skipSpace,
  trimEnd,
} from "./ascii.ts";
import { isAuthority } from "./authority.ts";
import { type MessageHead, NOMINATED_MAX } from "./head.ts";
import { headerIdOf, headerIds } from "./header-names.ts";
import { reject } from "./reject.ts";

const CRLF_BYTES = 2;
const CHUNKED = asciiBytes("chunked");
const CONTINUE = asciiBytes("100-continue");

/**
 * Protocols that would carry HTTP past the rules in a tunnel (h2c smuggling, RFC 2817 TLS): never offered.
 * Compared without the version, so `HTTP/2.0` is among them.
 */
const neverOffered = ["h2c", "h2", "http", "tls"].map((name) => asciiBytes(name));

/**
 * Takes the facts from field `index`, whose columns are filled, and marks it dropped when it must not be copied.
 * @returns 0, or a RejectCode.
 */
export function noteField(buf: Uint8Array, head: MessageHead, index: number, id: number): number {
  const start = head.valueStart[index];
  const end = head.valueEnd[index];
  const isRequest = head.status === 0;
  switch (id) {
    case headerIds.host:
      if (!isRequest) return 0;
      if (head.hostIndex >= 0) return reject.hostRepeated;
      if (!isAuthority(buf, start, end)) return reject.host;
      head.hostIndex = index;
      if (head.hostFromTarget) {
        head.drop[index] = 1;
        return 0;
      }
      head.hostStart = start;
      head.hostEnd = end;
      if (start > head.nameEnd[index] + 2 || buf[start - 1] === TAB || end + CRLF_BYTES !== head.lineEnd[index]) {
        // Written anew, with one space, behind a start line of its own.
        head.drop[index] = 1;
        head.hostIsOddlySpaced = true;
        head.startLineIsCanonical = false;
      }
      return 0;
    case headerIds.expect:
      return isRequest ? noteExpect(buf, head, index) : 0;
    case headerIds.proxy:
      // httpoxy: a CGI program behind us would read it as the variable HTTP_PROXY.
      if (isRequest) head.drop[index] = 1;
      return 0;
    case headerIds.contentLength:
      head.drop[index] = 1;
      return noteContentLength(buf, head, start, end);
    case headerIds.transferEncoding:
      head.drop[index] = 1;
      return noteTransferEncoding(buf, head, start, end);
    case headerIds.connection:
      head.drop[index] = 1;
      return noteConnection(buf, head, start, end);
    case headerIds.upgrade:
      head.drop[index] = 1;
      noteUpgrade(buf, head, start, end);
      return 0;
    default:
      // keep-alive, proxy-connection, te, http2-settings, proxy credentials; trailer, because trailers are dropped
      head.drop[index] = 1;
      return 0;
  }
}

/**
 * After the last field: drops what Connection nominated, decides keep-alive and the offered upgrade.
 * @param mayUpgrade false when this message cannot start or accept a tunnel.
 */
export function settleHop(buf: Uint8Array, head: MessageHead, mayUpgrade: boolean): void {
  if (head.nominatedCount > 0) dropNominated(buf, head);
  head.keepAlive = !head.hasConnectionClose && (head.minor > 0 || head.hasConnectionKeepAlive);
  if (!mayUpgrade || !head.hasConnectionUpgrade || head.minor === 0) {
    head.upgradeStart = -1;
    head.upgradeEnd = -1;
  }
}

/** A server must ignore the expectation of an HTTP/1.0 client, so it is not passed on as one of ours. */
function noteExpect(buf: Uint8Array, head: MessageHead, index: number): number {
  if (!equalsIgnoreCase(buf, head.valueStart[index], head.valueEnd[index], CONTINUE)) return reject.expectation;
  if (head.minor === 0) head.drop[index] = 1;
  else head.expectContinue = true;
  return 0;
}

/** 1*DIGIT, also as a list or over several lines if all are the same number; exact to 2^53 − 1. */
function noteContentLength(buf: Uint8Array, head: MessageHead, start: number, end: number): number {
  let at = start;
  for (;;) {
    let length = 0;
    const digitsStart = at;
    while (at < end && buf[at] >= ZERO && buf[at] <= NINE) {
      length = length * 10 + (buf[at] - ZERO);
      if (length > Number.MAX_SAFE_INTEGER) return reject.contentLength;
      at++;
    }
    if (at === digitsStart) return reject.contentLength;
    if (head.contentLength >= 0 && head.contentLength !== length) return reject.contentLengthConflict;
    head.contentLength = length;
    at = skipSpace(buf, at, end);
    if (at === end) return 0;
    if (buf[at] !== COMMA) return reject.contentLength;
    at = skipSpace(buf, at + 1, end);
  }
}

/** Only `chunked`, once, over all lines. Other codings cannot be undone here, and identity no longer exists. */
function noteTransferEncoding(buf: Uint8Array, head: MessageHead, start: number, end: number): number {
  let at = start;
  for (;;) {
    const stop = memberEnd(buf, at, end);
    const codingEnd = trimEnd(buf, at, stop);
    if (codingEnd === at || head.chunked) return reject.transferEncoding;
    if (!equalsIgnoreCase(buf, at, codingEnd, CHUNKED)) return reject.transferEncodingUnknown;
    head.chunked = true;
    if (stop === end) return 0;
    at = skipSpace(buf, stop + 1, end);
  }
}

function noteConnection(buf: Uint8Array, head: MessageHead, start: number, end: number): number {
  let at = start;
  while (at < end) {
    if (buf[at] === COMMA || buf[at] === SP || buf[at] === TAB) {
      at++;
      continue;
    }
    const stop = memberEnd(buf, at, end);
    const optionEnd = trimEnd(buf, at, stop);
    const id = headerIdOf(buf, at, optionEnd);
    if (id === headerIds.close) head.hasConnectionClose = true;
    else if (id === headerIds.keepAlive) head.hasConnectionKeepAlive = true;
    else if (id === headerIds.upgrade) head.hasConnectionUpgrade = true;
    else {
      if (head.nominatedCount === NOMINATED_MAX) return reject.connectionOptions;
      head.nominatedStart[head.nominatedCount] = at;
      head.nominatedEnd[head.nominatedCount] = optionEnd;
      head.nominatedCount++;
    }
    at = stop;
  }
  return 0;
}

/** RFC 9110 7.6.1. Host is end-to-end and stays, whatever a client says; own fields are added after this. */
function dropNominated(buf: Uint8Array, head: MessageHead): void {
  const { nameStart, nameEnd, headerId, drop, headerCount } = head;
  for (let option = 0; option < head.nominatedCount; option++) {
    const start = head.nominatedStart[option];
    const end = head.nominatedEnd[option];
    for (let i = 0; i < headerCount; i++) {
      if (headerId[i] !== headerIds.host && sameIgnoreCase(buf, nameStart[i], nameEnd[i], start, end)) drop[i] = 1;
    }
  }
}

/**
 * Keeps the first protocol of the lists of all lines that may be offered. Offering one of several is allowed
 * to an intermediary, and makes the check of a 101 a plain comparison.
 */
function noteUpgrade(buf: Uint8Array, head: MessageHead, start: number, end: number): void {
  let at = start;
  while (at < end && head.upgradeStart < 0) {
    at = skipSpace(buf, at, end);
    const stop = memberEnd(buf, at, end);
    const protocolEnd = trimEnd(buf, at, stop);
    if (isOfferedProtocol(buf, at, protocolEnd)) {
      head.upgradeStart = at;
      head.upgradeEnd = protocolEnd;
    }
    at = stop + 1;
  }
}

/** protocol = token [ "/" token ] (RFC 9110 7.8). */
function isOfferedProtocol(buf: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && TOKEN[buf[at]] !== 0) at++;
  const nameEnd = at;
  if (nameEnd === start) return false;
  if (at < end) {
    if (buf[at] !== SLASH || at + 1 === end) return false;
    at++;
    while (at < end && TOKEN[buf[at]] !== 0) at++;
    if (at < end) return false;
  }
  for (const name of neverOffered) {
    if (equalsIgnoreCase(buf, start, nameEnd, name)) return false;
  }
  return true;
}
