/**
 * Lines on their way to one sink: a fixed buffer filled from the left and emptied from the left, with the end of
 * each line. A line that does not fit is dropped and counted; nothing waits for a log, and nothing grows.
 */
import { assert } from "../lib/result.ts";

/** A quarter of a second of access lines at 5,000 requests a second: a sink that is further behind has stalled. */
export const LOG_BUFFER_BYTES = 256 * 1024;
/** As many lines of 32 bytes as the buffer holds. */
const LINES_MAX = LOG_BUFFER_BYTES / 32;

export class LineBuffer {
  /** Lines that found no room since the last `takeDropped`. */
  private dropped = 0;
  private readonly bytes: Uint8Array;
  private readonly ends = new Int32Array(LINES_MAX);
  private firstLine = 0;
  private lineCount = 0;
  /** First byte that is still to be written. */
  private start = 0;
  private end = 0;

  /** bytes: memory that the sink writes from. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get pendingBytes(): number {
    return this.end - this.start;
  }

  /** Offset of the first pending byte. */
  get pendingStart(): number {
    return this.start;
  }

  /** Length of the first pending line, or what is left of it. */
  get firstLineBytes(): number {
    return this.lineCount === 0 ? 0 : this.ends[this.firstLine] - this.start;
  }

  get droppedLines(): number {
    return this.dropped;
  }

  /** Adds header + text[start, end) + suffix as one line; false when it was dropped. */
  add(header: Uint8Array, text: Uint8Array, start: number, end: number, suffix: Uint8Array): boolean {
    const length = header.length + (end - start) + suffix.length;
    if (this.end + length > this.bytes.length || this.firstLine + this.lineCount === LINES_MAX) this.compact();
    if (this.end + length > this.bytes.length || this.lineCount === LINES_MAX) {
      this.dropped++;
      return false;
    }
    let at = this.copy(header, 0, header.length, this.end);
    at = this.copy(text, start, end, at);
    this.end = this.copy(suffix, 0, suffix.length, at);
    this.ends[this.firstLine + this.lineCount] = this.end;
    this.lineCount++;
    return true;
  }

  /** `count` bytes were written. */
  consume(count: number): void {
    assert(count <= this.pendingBytes, "log buffer: more written than there was");
    this.start += count;
    while (this.lineCount > 0 && this.ends[this.firstLine] <= this.start) {
      this.firstLine++;
      this.lineCount--;
    }
    if (this.lineCount > 0) return;
    this.start = 0;
    this.end = 0;
    this.firstLine = 0;
  }

  /** The first line cannot be delivered; it counts as dropped. */
  dropFirst(): void {
    if (this.lineCount === 0) return;
    this.consume(this.firstLineBytes);
    this.dropped++;
  }

  /** Lines dropped since the last call. */
  takeDropped(): number {
    const { dropped } = this;
    this.dropped = 0;
    return dropped;
  }

  /** Moves what is pending to the left end. */
  private compact(): void {
    if (this.start === 0 && this.firstLine === 0) return;
    this.bytes.copyWithin(0, this.start, this.end);
    for (let i = 0; i < this.lineCount; i++) this.ends[i] = this.ends[this.firstLine + i] - this.start;
    this.firstLine = 0;
    this.end -= this.start;
    this.start = 0;
  }

  private copy(source: Uint8Array, start: number, end: number, at: number): number {
    for (let i = start; i < end; i++) this.bytes[at + i - start] = source[i];
    return at + end - start;
  }
}
