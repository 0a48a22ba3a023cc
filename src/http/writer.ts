/**
 * Forwarded heads. What is kept is copied in runs of whole lines, from the region that was parsed to another one of
 * the same buffer; what belongs to the connection is written anew from the facts of the head.
 *
 *   start line, Host when it comes from the target, kept fields, body framing, lines of the rules,
 *   X-Forwarded-For, connection fields, empty line
 */
import { CR, LF, SP, asciiBytes } from "./ascii.ts";
import { HeadEdits } from "./edits.ts";
import { emitBytes, emitDecimal, emitRegion } from "./emit.ts";
import { type MessageHead, bodyKinds } from "./head.ts";

/** More than all lines that the writer adds on its own, without the texts that they carry. */
const OWN_BYTES = 256;

const SP_HTTP11_CRLF = asciiBytes(" HTTP/1.1\r\n");
const HTTP11_SP = asciiBytes("HTTP/1.1 ");
const HOST = asciiBytes("Host: ");
const CONTENT_LENGTH = asciiBytes("Content-Length: ");
const TRANSFER_ENCODING_CHUNKED = asciiBytes("Transfer-Encoding: chunked\r\n");
const X_FORWARDED_FOR = asciiBytes("X-Forwarded-For: ");
const CONNECTION_CLOSE = asciiBytes("Connection: close\r\n");
const CONNECTION_KEEP_ALIVE = asciiBytes("Connection: keep-alive\r\n");
const CONNECTION_UPGRADE = asciiBytes("Connection: Upgrade\r\nUpgrade: ");

/** What the proxy decided about a request. Reusable; `clear` before each. */
export class RequestForward {
  readonly edits = new HeadEdits();
  /** The client's address as text in the same buffer (haproxy: option forwardfor); -1: no line is added. */
  forwardedForStart = -1;
  forwardedForEnd = -1;
  /** The server connection is not used again (haproxy: option httpclose). */
  closesServer = false;
  /**
   * Authority for a request that has none (HTTP/1.0 without Host), as text in the same buffer: the server's address.
   * -1: an empty Host is sent (RFC 9112 3.2), which some servers refuse.
   */
  fallbackHostStart = -1;
  fallbackHostEnd = -1;

  clear(): void {
    this.edits.clear();
    this.forwardedForStart = -1;
    this.forwardedForEnd = -1;
    this.closesServer = false;
    this.fallbackHostStart = -1;
    this.fallbackHostEnd = -1;
  }
}

/** What the proxy decided about a response. Reusable; `clear` before each. */
export class ResponseForward {
  readonly edits = new HeadEdits();
  /** `minor` of the request. */
  clientMinor = 1;
  /** The client connection ends after this response. */
  closesClient = false;

  clear(): void {
    this.edits.clear();
    this.clientMinor = 1;
    this.closesClient = false;
  }
}

/**
 * Writes the request head for the server at `at`.
 * @param limit end of the room; the source must not lie in [at, limit).
 * @returns bytes written; -1 when they might not fit.
 */
export function writeRequestHead(
  buf: Uint8Array,
  at: number,
  limit: number,
  head: MessageHead,
  forward: RequestForward,
): number {
  const { edits } = forward;
  const textBytes =
    forward.forwardedForEnd - forward.forwardedForStart + forward.fallbackHostEnd - forward.fallbackHostStart;
  if (at + head.headEnd - head.headStart + edits.addedBytes + textBytes + OWN_BYTES > limit) return -1;

  let out = at;
  let kept = head.headStart;
  if (!head.startLineIsCanonical) {
    out = emitRequestLine(buf, out, head);
    kept = head.fieldsStart;
  }
  if (!edits.replacesHost && needsHost(head)) out = emitHost(buf, out, head, forward);
  out = emitKept(buf, out, kept, head);
  if (head.chunked) out = emitBytes(buf, out, TRANSFER_ENCODING_CHUNKED);
  else if (head.contentLength >= 0) out = emitContentLength(buf, out, head.contentLength);
  out = emitLines(buf, out, edits);
  if (forward.forwardedForStart >= 0) {
    out = emitBytes(buf, out, X_FORWARDED_FOR);
    out = emitRegion(buf, out, forward.forwardedForStart, forward.forwardedForEnd);
    out = emitCrlf(buf, out);
  }
  if (head.upgradeStart >= 0) out = emitUpgrade(buf, out, head);
  else if (forward.closesServer) out = emitBytes(buf, out, CONNECTION_CLOSE);
  return emitCrlf(buf, out) - at;
}

/**
 * Writes the response head for the client at `at`. The status line is always ours, HTTP/1.1 (RFC 9112 2.3).
 * @returns bytes written; 0 when this client must not see it (1xx and HTTP/1.0); -1 when it might not fit.
 */
export function writeResponseHead(
  buf: Uint8Array,
  at: number,
  limit: number,
  head: MessageHead,
  forward: ResponseForward,
): number {
  const { edits, clientMinor } = forward;
  const isInterim = head.status < 200 && head.status !== 101;
  if (head.status < 200 && clientMinor === 0) return 0;
  if (at + head.headEnd - head.headStart + edits.addedBytes + OWN_BYTES > limit) return -1;

  let out = at;
  let kept = head.headStart;
  if (!head.startLineIsCanonical) {
    out = emitStatusLine(buf, out, head);
    kept = head.fieldsStart;
  }
  out = emitKept(buf, out, kept, head);
  if (isInterim) return emitCrlf(buf, out) - at;
  if (head.contentLength >= 0) out = emitContentLength(buf, out, head.contentLength);
  else if (head.chunked && clientMinor > 0) out = emitBytes(buf, out, TRANSFER_ENCODING_CHUNKED);
  out = emitLines(buf, out, edits);
  if (head.upgradeStart >= 0) out = emitUpgrade(buf, out, head);
  else if (forward.closesClient || isCloseDelimited(head, clientMinor)) out = emitBytes(buf, out, CONNECTION_CLOSE);
  else if (clientMinor === 0) out = emitBytes(buf, out, CONNECTION_KEEP_ALIVE);
  return emitCrlf(buf, out) - at;
}

/** Whether only the end of the connection ends this response for such a client. */
export function isCloseDelimited(head: MessageHead, clientMinor: number): boolean {
  return head.bodyKind === bodyKinds.untilClose || (head.bodyKind === bodyKinds.chunked && clientMinor === 0);
}

/** Whether the Host line is not among the lines that are kept. */
function needsHost(head: MessageHead): boolean {
  return head.hostFromTarget || head.hostStart < 0 || head.hostIsOddlySpaced;
}

function emitRequestLine(buf: Uint8Array, at: number, head: MessageHead): number {
  let out = emitRegion(buf, at, head.methodStart, head.methodEnd);
  buf[out++] = SP;
  if (head.targetPrefix !== 0) buf[out++] = head.targetPrefix;
  out = emitRegion(buf, out, head.targetStart, head.targetEnd);
  return emitBytes(buf, out, SP_HTTP11_CRLF);
}

function emitStatusLine(buf: Uint8Array, at: number, head: MessageHead): number {
  let out = emitBytes(buf, at, HTTP11_SP);
  out = emitDecimal(buf, out, head.status);
  buf[out++] = SP;
  out = emitRegion(buf, out, head.reasonStart, head.reasonEnd);
  return emitCrlf(buf, out);
}

function emitHost(buf: Uint8Array, at: number, head: MessageHead, forward: RequestForward): number {
  let out = emitBytes(buf, at, HOST);
  if (head.hostStart >= 0) out = emitRegion(buf, out, head.hostStart, head.hostEnd);
  else if (forward.fallbackHostStart >= 0) {
    out = emitRegion(buf, out, forward.fallbackHostStart, forward.fallbackHostEnd);
  }
  return emitCrlf(buf, out);
}

/** Copies everything from `kept` to the last field that is not dropped, as few runs as there are gaps. */
function emitKept(buf: Uint8Array, at: number, kept: number, head: MessageHead): number {
  const { drop, lineStart, lineEnd, headerCount } = head;
  let out = at;
  let runStart = kept;
  let runEnd = head.fieldsStart;
  for (let i = 0; i < headerCount; i++) {
    if (drop[i] !== 0) {
      out = emitRegion(buf, out, runStart, lineStart[i]);
      runStart = lineEnd[i];
    }
    runEnd = lineEnd[i];
  }
  return emitRegion(buf, out, runStart, runEnd);
}

function emitContentLength(buf: Uint8Array, at: number, length: number): number {
  const out = emitBytes(buf, at, CONTENT_LENGTH);
  return emitCrlf(buf, emitDecimal(buf, out, length));
}

function emitLines(buf: Uint8Array, at: number, edits: HeadEdits): number {
  let out = at;
  for (let i = 0; i < edits.lines.length; i++) out = emitBytes(buf, out, edits.lines[i].bytes);
  return out;
}

function emitUpgrade(buf: Uint8Array, at: number, head: MessageHead): number {
  let out = emitBytes(buf, at, CONNECTION_UPGRADE);
  out = emitRegion(buf, out, head.upgradeStart, head.upgradeEnd);
  return emitCrlf(buf, out);
}

function emitCrlf(buf: Uint8Array, at: number): number {
  buf[at] = CR;
  buf[at + 1] = LF;
  return at + 2;
}
