/**
 * HAProxy's access-log lines, byte for byte (configuration.txt, sections 8.2.2 and 8.2.3), without a line end:
 *
 *   httplog  ci:cp [tr] ft b/s TR/Tw/Tc/Tr/Ta ST B CC CS tsc ac/fc/bc/sc/rc sq/bq "request"
 *   tcplog   ci:cp [t]  ft b/s Tw/Tc/Tt B ts ac/fc/bc/sc/rc sq/bq
 */
import { asciiBytes } from "../http/ascii.ts";
import { DATE_BYTES, type LogDate } from "./log-date.ts";
import { putAddress, putByte, putBytes, putInteger } from "./log-bytes.ts";

const EMPTY = new Uint8Array(0);

/** What a line says; one object a worker, every field set before each line. */
export class LogRecord {
  /** As `RequestContext.source`; family 0: a Unix socket. */
  source: Uint8Array = new Uint8Array(16);
  sourceFamily: 0 | 4 | 6 = 4;
  sourcePort = 0;
  /** When the request began (http) or the connection was accepted (tcp), since the epoch. */
  wallMs = 0;
  frontend: Uint8Array = EMPTY;
  clientIsTls = false;
  /** null: none was chosen; the frontend's name stands in its place, as in HAProxy. */
  backend: Uint8Array | null = null;
  /** null: <NOSRV>. */
  server: Uint8Array | null = null;
  /** TR, http: from the first byte of the request to the end of its head. Every phase not reached is -1. */
  requestMs = -1;
  /** Tw: in queues. */
  queueMs = -1;
  /** Tc: until the server's connection stood. */
  connectMs = -1;
  /** Tr, http: until the response's head was there. */
  responseMs = -1;
  /** Ta (http) or Tt (tcp): all of it. */
  totalMs = 0;
  /** http; -1 when nothing was answered. */
  status = -1;
  /** Sent to the client, heads included. */
  sentBytes = 0;
  /** Two letters, see `Cause`. */
  cause = "--";
  activeConnections = 0;
  frontendConnections = 0;
  backendSessions = 0;
  serverSessions = 0;
  retries = 0;
  redispatched = false;
  serverQueue = 0;
  backendQueue = 0;
  /** The request line as received, without CRLF: [requestStart, requestEnd) of `requestBytes`; empty: <BADREQ>. */
  requestBytes: Uint8Array = EMPTY;
  requestStart = 0;
  requestEnd = 0;
}

const NO_SERVER = asciiBytes("<NOSRV>");
const BAD_REQUEST = asciiBytes('"<BADREQ>"');
const UNIX = asciiBytes("unix");
const NO_COOKIES = asciiBytes(" - - ");
const HEX_DIGITS = asciiBytes("0123456789ABCDEF");

const SPACE = 0x20;
const QUOTE = 0x22;
const HASH = 0x23;
const PLUS = 0x2b;
const DASH = 0x2d;
const SLASH = 0x2f;
const COLON = 0x3a;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const TILDE = 0x7e;

/** haproxy's REQURI_LEN is 1024 with the closing zero: longer request lines are cut. */
export const REQUEST_LINE_BYTES_MAX = 1023;

/** Addresses, date, twelve integers of at most 17 characters and the punctuation between them. */
const FIXED_BYTES_MAX = 46 + DATE_BYTES + 12 * 17 + 64;

/** Bytes that the line may need. `#XX` is three for one. */
function roomFor(record: LogRecord): number {
  const names =
    record.frontend.length + (record.backend ?? record.frontend).length + (record.server ?? NO_SERVER).length;
  return FIXED_BYTES_MAX + names + 3 * Math.min(record.requestEnd - record.requestStart, REQUEST_LINE_BYTES_MAX);
}

/** Writes the httplog line to target[at …). The new offset, or -1 when it might pass `limit`. */
export function writeHttpLine(target: Uint8Array, at: number, limit: number, record: LogRecord, date: LogDate): number {
  if (at + roomFor(record) > limit) return -1;
  let offset = putOrigin(target, at, record, date);
  offset = putInteger(target, offset, record.requestMs);
  offset = putSlashed(target, offset, record.queueMs);
  offset = putSlashed(target, offset, record.connectMs);
  offset = putSlashed(target, offset, record.responseMs);
  offset = putSlashed(target, offset, record.totalMs);
  offset = putInteger(target, putByte(target, offset, SPACE), record.status);
  offset = putInteger(target, putByte(target, offset, SPACE), record.sentBytes);
  offset = putBytes(target, offset, NO_COOKIES);
  offset = putCause(target, offset, record.cause);
  // Persistence cookie: neither received nor set.
  target[offset++] = DASH;
  target[offset++] = DASH;
  offset = putCounts(target, offset, record);
  target[offset++] = SPACE;
  return putRequest(target, offset, record);
}

/** Writes the tcplog line to target[at …). The new offset, or -1 when it might pass `limit`. */
export function writeTcpLine(target: Uint8Array, at: number, limit: number, record: LogRecord, date: LogDate): number {
  if (at + roomFor(record) > limit) return -1;
  let offset = putOrigin(target, at, record, date);
  offset = putInteger(target, offset, record.queueMs);
  offset = putSlashed(target, offset, record.connectMs);
  offset = putSlashed(target, offset, record.totalMs);
  offset = putInteger(target, putByte(target, offset, SPACE), record.sentBytes);
  target[offset++] = SPACE;
  offset = putCause(target, offset, record.cause);
  return putCounts(target, offset, record);
}

/** `ci:cp [date] ft b/s `. */
function putOrigin(target: Uint8Array, at: number, record: LogRecord, date: LogDate): number {
  const { sourceFamily: family } = record;
  let offset = family === 0 ? putBytes(target, at, UNIX) : putAddress(target, at, record.source, family);
  target[offset++] = COLON;
  offset = putInteger(target, offset, record.sourcePort);
  target[offset++] = SPACE;
  target[offset++] = OPEN;
  offset = date.write(target, offset, record.wallMs);
  target[offset++] = CLOSE;
  target[offset++] = SPACE;
  offset = putBytes(target, offset, record.frontend);
  if (record.clientIsTls) target[offset++] = TILDE;
  target[offset++] = SPACE;
  offset = putBytes(target, offset, record.backend ?? record.frontend);
  target[offset++] = SLASH;
  offset = putBytes(target, offset, record.server ?? NO_SERVER);
  return putByte(target, offset, SPACE);
}

function putSlashed(target: Uint8Array, at: number, value: number): number {
  return putInteger(target, putByte(target, at, SLASH), value);
}

function putCause(target: Uint8Array, at: number, cause: string): number {
  target[at] = cause.charCodeAt(0);
  target[at + 1] = cause.charCodeAt(1);
  return at + 2;
}

/** ` ac/fc/bc/sc/rc sq/bq`. */
function putCounts(target: Uint8Array, at: number, record: LogRecord): number {
  let offset = putInteger(target, putByte(target, at, SPACE), record.activeConnections);
  offset = putSlashed(target, offset, record.frontendConnections);
  offset = putSlashed(target, offset, record.backendSessions);
  offset = putSlashed(target, offset, record.serverSessions);
  target[offset++] = SLASH;
  if (record.redispatched) target[offset++] = PLUS;
  offset = putInteger(target, offset, record.retries);
  offset = putInteger(target, putByte(target, offset, SPACE), record.serverQueue);
  return putSlashed(target, offset, record.backendQueue);
}

/** Quoted; bytes that are not printable, quotes and hash signs as `#XX` (log.c, url_encode_map). */
function putRequest(target: Uint8Array, at: number, record: LogRecord): number {
  const { requestBytes, requestStart } = record;
  if (record.requestEnd <= requestStart) return putBytes(target, at, BAD_REQUEST);
  const end = Math.min(record.requestEnd, requestStart + REQUEST_LINE_BYTES_MAX);
  let offset = putByte(target, at, QUOTE);
  for (let i = requestStart; i < end; i++) {
    const byte = requestBytes[i];
    if (byte >= SPACE && byte < 0x7f && byte !== QUOTE && byte !== HASH) {
      target[offset++] = byte;
      continue;
    }
    target[offset++] = HASH;
    target[offset++] = HEX_DIGITS[byte >> 4];
    target[offset++] = HEX_DIGITS[byte & 15];
  }
  return putByte(target, offset, QUOTE);
}
