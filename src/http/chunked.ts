/**
 * The chunked coding (RFC 9112 7.1), decoded as it arrives.
 *
 *   *( size [ extensions ] CRLF  data CRLF )  1*"0" [ extensions ] CRLF  *( trailer CRLF )  CRLF
 *
 * What must not be forwarded is taken out in place and the rest moves together, so that the caller sends one
 * contiguous region. A body whose framing is canonical already (no extensions, leading zeros or trailers) is
 * thereby forwarded as it was received, without a copy. The last chunk is written only when everything after it
 * has been checked: a message that breaks off, or goes wrong in its trailers, never looks complete.
 *
 * State is a slot of typed arrays per body in flight, so that thousands of them are no work for the collector.
 */
import { BACKSLASH, COLON, CR, FIELD_VALUE, HEX, LF, QUOTE, SEMICOLON, SP, TAB, TOKEN, asciiBytes } from "./ascii.ts";
import { reject } from "./reject.ts";

/** What remains of the body in the buffer. */
export const chunkedOutput = {
  /** Canonical chunks, for a peer that speaks HTTP/1.1. */
  chunks: 0,
  /** The data alone, for an HTTP/1.0 client, whose body ends with the connection. */
  data: 1,
} as const;

/** Sent after the region of a feed that ended with `owesLastChunk`. */
export const LAST_CHUNK = asciiBytes("0\r\n\r\n");

/** 2^53 − 1 has fourteen digits; a few more for servers that pad to a fixed width. */
const SIZE_DIGITS_MAX = 16;
/**
 * Extension and padding bytes that a body may carry beyond one per byte of data: enough for chunks that are
 * signed one by one, too little for an endless stream of nothing (CVE-2023-39326, CVE-2024-22019).
 */
const OVERHEAD_BYTES_MAX = 16_384;
/** All trailer lines together. They are dropped; nobody needs more. */
const TRAILER_BYTES_MAX = 8192;

/** Which byte comes next. */
const phases = {
  /** Nothing more, ever: complete, refused, or not opened. */
  ended: 0,
  size: 1,
  extensionStart: 2,
  extension: 3,
  quoted: 4,
  quotedPair: 5,
  sizeLineFeed: 6,
  data: 7,
  dataReturn: 8,
  dataLineFeed: 9,
  trailerStart: 10,
  trailerName: 11,
  trailerValue: 12,
  trailerLineFeed: 13,
  endLineFeed: 14,
} as const;

export class ChunkedDecoder {
  /** Results of the last feed. [start, outEnd) is what is forwarded. */
  outEnd = 0;
  /** The body is complete; bytes after the consumed ones belong to the next message. */
  done = false;
  /** LAST_CHUNK must follow the region: it has no room in the bytes that this feed consumed. */
  owesLastChunk = false;

  private readonly phase: Uint8Array;
  /** Digits of the size line so far. */
  private readonly digits: Uint8Array;
  /** In turn: the size being read, the data bytes to come, the trailer bytes still allowed. */
  private readonly remainingBytes: Float64Array;
  /** Overhead bytes still allowed. */
  private readonly allowanceBytes: Float64Array;

  /** @param slotCount bodies that can be in flight at once. */
  constructor(slotCount: number) {
    this.phase = new Uint8Array(new ArrayBuffer(slotCount));
    this.digits = new Uint8Array(new ArrayBuffer(slotCount));
    this.remainingBytes = new Float64Array(new ArrayBuffer(slotCount * 8));
    this.allowanceBytes = new Float64Array(new ArrayBuffer(slotCount * 8));
  }

  /** Makes the slot ready for a new body. */
  open(slot: number): void {
    this.phase[slot] = phases.size;
    this.digits[slot] = 0;
    this.remainingBytes[slot] = 0;
    this.allowanceBytes[slot] = OVERHEAD_BYTES_MAX;
  }

  /**
   * Decodes [start, end) and leaves what is to be forwarded in [start, outEnd).
   * @param output chunkedOutput, the same for the whole body.
   * @returns the offset after the last byte consumed: `end`, or less when the body is done; or −RejectCode, and
   *   then nothing of this feed may be forwarded and both connections must be closed.
   */
  feed(slot: number, buf: Uint8Array, start: number, end: number, output: number): number {
    const keepsFraming = output === chunkedOutput.chunks;
    let phase = this.phase[slot];
    let digits = this.digits[slot];
    let remaining = this.remainingBytes[slot];
    let allowance = this.allowanceBytes[slot];
    let code = 0;
    let at = start;
    // Where the next kept byte goes. Never beyond `at`: every byte that is written has been consumed.
    let out = start;
    this.done = false;
    this.owesLastChunk = false;

    while (at < end && code === 0 && phase !== phases.ended) {
      const byte = buf[at];
      switch (phase) {
        case phases.size: {
          const value = HEX[byte];
          if (value !== 255) {
            remaining = remaining * 16 + value;
            if (digits === SIZE_DIGITS_MAX || remaining > Number.MAX_SAFE_INTEGER) code = reject.chunkSize;
            digits++;
            // A zero in front is padding, or the last chunk, which is written at the end.
            if (remaining === 0) allowance--;
            else if (keepsFraming) buf[out++] = byte;
          } else if (digits === 0) {
            code = reject.chunkSize;
          } else if (byte === CR) {
            if (keepsFraming && remaining > 0) buf[out++] = byte;
            phase = phases.sizeLineFeed;
          } else if (byte === SEMICOLON) {
            allowance--;
            phase = phases.extensionStart;
          } else {
            code = reject.chunkSize;
          }
          at++;
          break;
        }
        case phases.extensionStart:
          if (TOKEN[byte] !== 0) phase = phases.extension;
          else if (byte !== SP && byte !== TAB) code = reject.chunkExtension;
          allowance--;
          at++;
          break;
        case phases.extension:
          if (byte === CR) {
            if (keepsFraming && remaining > 0) buf[out++] = byte;
            phase = phases.sizeLineFeed;
          } else if (byte === QUOTE) phase = phases.quoted;
          else if (byte === SEMICOLON) phase = phases.extensionStart;
          else if (FIELD_VALUE[byte] === 0) code = reject.chunkExtension;
          allowance--;
          at++;
          break;
        case phases.quoted:
          if (byte === QUOTE) phase = phases.extension;
          else if (byte === BACKSLASH) phase = phases.quotedPair;
          else if (FIELD_VALUE[byte] === 0) code = reject.chunkExtension;
          allowance--;
          at++;
          break;
        case phases.quotedPair:
          if (FIELD_VALUE[byte] === 0) code = reject.chunkExtension;
          phase = phases.quoted;
          allowance--;
          at++;
          break;
        case phases.sizeLineFeed:
          if (byte !== LF) code = reject.chunkSize;
          digits = 0;
          if (remaining > 0) {
            if (keepsFraming) buf[out++] = byte;
            // The cap keeps the sum exact; it is far beyond what extensions could use up.
            allowance = Math.min(allowance + remaining, Number.MAX_SAFE_INTEGER / 2);
            phase = phases.data;
          } else {
            remaining = TRAILER_BYTES_MAX;
            phase = phases.trailerStart;
          }
          at++;
          break;
        case phases.data: {
          const length = Math.min(remaining, end - at);
          if (out !== at) buf.copyWithin(out, at, at + length);
          out += length;
          at += length;
          remaining -= length;
          if (remaining === 0) phase = phases.dataReturn;
          break;
        }
        case phases.dataReturn:
          if (byte !== CR) code = reject.chunkEnd;
          if (keepsFraming) buf[out++] = byte;
          phase = phases.dataLineFeed;
          at++;
          break;
        case phases.dataLineFeed:
          if (byte !== LF) code = reject.chunkEnd;
          if (keepsFraming) buf[out++] = byte;
          phase = phases.size;
          at++;
          break;
        case phases.trailerStart:
          if (byte === CR) phase = phases.endLineFeed;
          else if (TOKEN[byte] !== 0) phase = phases.trailerName;
          else code = reject.trailer;
          remaining--;
          at++;
          break;
        case phases.trailerName:
          if (byte === COLON) phase = phases.trailerValue;
          else if (TOKEN[byte] === 0) code = reject.trailer;
          remaining--;
          at++;
          break;
        case phases.trailerValue:
          if (byte === CR) phase = phases.trailerLineFeed;
          else if (FIELD_VALUE[byte] === 0) code = reject.trailer;
          remaining--;
          at++;
          break;
        case phases.trailerLineFeed:
          if (byte !== LF) code = reject.trailer;
          phase = phases.trailerStart;
          remaining--;
          at++;
          break;
        case phases.endLineFeed:
          if (byte !== LF) code = reject.trailer;
          else this.done = true;
          phase = phases.ended;
          at++;
          break;
      }
      if (phase >= phases.trailerStart && remaining < 0) code = reject.trailersTooLarge;
      // One extension cannot be longer than all of them, wherever the feeds are cut.
      if (allowance < 0) code = reject.chunkOverhead;
    }

    this.phase[slot] = code === 0 ? phase : phases.ended;
    this.digits[slot] = digits;
    this.remainingBytes[slot] = remaining;
    this.allowanceBytes[slot] = allowance;
    if (code !== 0) {
      this.done = false;
      this.outEnd = start;
      return -code;
    }
    if (this.done && keepsFraming) {
      this.owesLastChunk = at - out < LAST_CHUNK.length;
      if (!this.owesLastChunk) {
        buf.set(LAST_CHUNK, out);
        out += LAST_CHUNK.length;
      }
    }
    this.outEnd = out;
    return at;
  }
}
