/**
 * One parsed message head: facts and offsets, no copies. A worker has one object for requests and one for
 * responses and uses them for every message; all offsets point into the buffer that was parsed.
 */

/** HAProxy's tune.http.maxhdr. */
export const HEADER_COUNT_MAX = 101;

/** A Connection field rarely has three options; each further one costs a pass over all names. */
export const NOMINATED_MAX = 32;

/** How the body that follows is delimited (RFC 9112 6.3). */
export const bodyKinds = { none: 0, length: 1, chunked: 2, untilClose: 3 } as const;

/** RFC 9112 3.2. CONNECT, the only user of authority-form, is refused. */
export const targetForms = { origin: 0, absolute: 1, asterisk: 2 } as const;

export interface HeadLimits {
  /** Start line and fields together, with empty lines before them. */
  readonly headBytesMax: number;
  readonly targetBytesMax: number;
}

/**
 * tune.bufsize 16384 minus tune.maxrewrite 1024, as HAProxy has it: the rest is room for our own fields.
 * Targets above 8 KiB are refused by the usual servers as well (nginx 8192, Apache httpd 8190).
 */
export const defaultHeadLimits: HeadLimits = { headBytesMax: 15_360, targetBytesMax: 8192 };

export class MessageHead {
  /**
   * In and out: how many bytes of this unfinished head an earlier call has seen. Whoever shares one object
   * between connections keeps this number per connection and puts it back before the next call.
   */
  scannedBytes = 0;

  /** Start line, after the empty lines that were skipped. */
  headStart = 0;
  /** First field line. */
  fieldsStart = 0;
  /** First byte after the empty line. */
  headEnd = 0;
  /** RejectCode, 0 when the head is good, and the offset where it was seen. */
  errorReason = 0;
  errorAt = 0;

  headerCount = 0;
  readonly nameStart = new Int32Array(new ArrayBuffer(HEADER_COUNT_MAX * 4));
  readonly nameEnd = new Int32Array(new ArrayBuffer(HEADER_COUNT_MAX * 4));
  /** Without the white space around the value. */
  readonly valueStart = new Int32Array(new ArrayBuffer(HEADER_COUNT_MAX * 4));
  readonly valueEnd = new Int32Array(new ArrayBuffer(HEADER_COUNT_MAX * 4));
  /** A field line begins with its name: the same array. */
  readonly lineStart = this.nameStart;
  /** After the CRLF, so a line ends where the next begins. */
  readonly lineEnd = new Int32Array(new ArrayBuffer(HEADER_COUNT_MAX * 4));
  /** headerIds of header-names.ts. */
  readonly headerId = new Uint8Array(new ArrayBuffer(HEADER_COUNT_MAX));
  /** 1: hop-by-hop, nominated by Connection, re-emitted by the writer, or deleted by a rule: not copied. */
  readonly drop = new Uint8Array(new ArrayBuffer(HEADER_COUNT_MAX));
  /** Offsets of the options in Connection fields that name other fields. */
  nominatedCount = 0;
  readonly nominatedStart = new Int32Array(new ArrayBuffer(NOMINATED_MAX * 4));
  readonly nominatedEnd = new Int32Array(new ArrayBuffer(NOMINATED_MAX * 4));

  /** The number of the Content-Length field, -1 when there is none. */
  contentLength = -1;
  chunked = false;
  /** bodyKinds. */
  bodyKind: number = bodyKinds.none;
  /** What the peer wants after this message (RFC 9112 9.3). */
  keepAlive = false;
  hasConnectionClose = false;
  hasConnectionKeepAlive = false;
  hasConnectionUpgrade = false;
  expectContinue = false;
  /** One protocol that may be offered to, or was chosen by, the server; -1 when there is none (RFC 9110 7.8). */
  upgradeStart = -1;
  upgradeEnd = -1;
  /** HTTP/1.x: 0, or 1 for every other minor version. */
  minor = 0;
  /** The received start line, CRLF included, can be forwarded as it is. */
  startLineIsCanonical = false;

  /** Request. */
  methodStart = 0;
  methodEnd = 0;
  methodId = 0;
  /** targetForms. */
  targetForm: number = targetForms.origin;
  /** The target as it is forwarded: `targetPrefix` (a byte; 0: none), then [targetStart, targetEnd). */
  targetPrefix = 0;
  targetStart = 0;
  targetEnd = 0;
  /** Without query; "/" also when an absolute-form has no path; empty for asterisk-form. */
  pathStart = 0;
  pathEnd = 0;
  /** After the "?"; empty at targetEnd when there is none. */
  queryStart = 0;
  queryEnd = 0;
  /** Authority with port, from an absolute-form target or else from Host; -1 when there is none (HTTP/1.0). */
  hostStart = -1;
  hostEnd = -1;
  /** The authority comes from the target: the received Host is ignored (RFC 9112 3.2.2). */
  hostFromTarget = false;
  /** The received Host line has white space that readers treat differently (nginx: a tab is part of the value). */
  hostIsOddlySpaced = false;
  /** Column of the received Host field; -1 when there is none. */
  hostIndex = -1;

  /** Response: 100–999, and 0 in a request. */
  status = 0;
  reasonStart = 0;
  reasonEnd = 0;

  /** Forgets the message. The columns keep stale values beyond headerCount. */
  clear(): void {
    this.scannedBytes = 0;
    this.headStart = 0;
    this.fieldsStart = 0;
    this.headEnd = 0;
    this.errorReason = 0;
    this.errorAt = 0;
    this.headerCount = 0;
    this.nominatedCount = 0;
    this.contentLength = -1;
    this.chunked = false;
    this.bodyKind = bodyKinds.none;
    this.keepAlive = false;
    this.hasConnectionClose = false;
    this.hasConnectionKeepAlive = false;
    this.hasConnectionUpgrade = false;
    this.expectContinue = false;
    this.upgradeStart = -1;
    this.upgradeEnd = -1;
    this.minor = 0;
    this.startLineIsCanonical = false;
    this.methodStart = 0;
    this.methodEnd = 0;
    this.methodId = 0;
    this.targetForm = targetForms.origin;
    this.targetPrefix = 0;
    this.targetStart = 0;
    this.targetEnd = 0;
    this.pathStart = 0;
    this.pathEnd = 0;
    this.queryStart = 0;
    this.queryEnd = 0;
    this.hostStart = -1;
    this.hostEnd = -1;
    this.hostFromTarget = false;
    this.hostIsOddlySpaced = false;
    this.hostIndex = -1;
    this.status = 0;
    this.reasonStart = 0;
    this.reasonEnd = 0;
  }

  /** Records why and where; answers what the parser returns. */
  refuse(code: number, at: number): number {
    this.errorReason = code;
    this.errorAt = at;
    return -code;
  }
}
