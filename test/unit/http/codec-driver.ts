/**
 * A proxy of nothing but the codec: bytes arrive in pieces, what would be forwarded is collected. No sockets and
 * no clock, so what depends on those ends as "incomplete".
 */
import { sameIgnoreCase } from "../../../src/http/ascii.ts";
import { ChunkedDecoder, chunkedOutput, LAST_CHUNK } from "../../../src/http/chunked.ts";
import { bodyKinds, defaultHeadLimits, MessageHead } from "../../../src/http/head.ts";
import { rejectReason } from "../../../src/http/reject.ts";
import { parseRequestHead } from "../../../src/http/request-parser.ts";
import { parseResponseHead } from "../../../src/http/response-parser.ts";
import { RequestForward, ResponseForward, writeRequestHead, writeResponseHead } from "../../../src/http/writer.ts";
import { IN, newArena, OUT, OUT_END, TEXT, textOf } from "./material.ts";

export interface Outcome {
  /** A word of the case collection, or "incomplete" when more bytes or an end of connection would decide. */
  readonly verdict: string;
  /** What reached the other side. */
  readonly forwarded: string;
  /** Messages that reached it completely. */
  readonly messages: number;
}

class Body {
  private readonly decoder = new ChunkedDecoder(1);
  private kind: number = bodyKinds.none;
  private remaining = 0;
  private output: number = chunkedOutput.chunks;

  open(head: MessageHead, output: number): void {
    this.kind = head.bodyKind;
    this.remaining = head.contentLength;
    this.output = output;
    this.decoder.open(0);
  }

  isOver(): boolean {
    return this.kind === bodyKinds.none;
  }

  isUntilClose(): boolean {
    return this.kind === bodyKinds.untilClose;
  }

  /** Answers the offset after what was consumed, or a negative code. */
  take(buf: Uint8Array, start: number, end: number, forward: (text: string) => void): number {
    if (this.kind === bodyKinds.untilClose) {
      forward(textOf(buf, start, end));
      return end;
    }
    if (this.kind === bodyKinds.length) {
      const stop = Math.min(end, start + this.remaining);
      this.remaining -= stop - start;
      if (this.remaining === 0) this.kind = bodyKinds.none;
      forward(textOf(buf, start, stop));
      return stop;
    }
    const stop = this.decoder.feed(0, buf, start, end, this.output);
    if (stop < 0) return stop;
    forward(textOf(buf, start, this.decoder.outEnd));
    if (this.decoder.owesLastChunk) forward(textOf(LAST_CHUNK, 0, LAST_CHUNK.length));
    if (this.decoder.done) this.kind = bodyKinds.none;
    return stop;
  }
}

/** What a client sends, in pieces that end at `cuts`. */
export function driveRequests(bytes: Uint8Array, cuts: readonly number[]): Outcome {
  const buf = newArena();
  const head = new MessageHead();
  const forward = new RequestForward();
  const body = new Body();
  let forwarded = "";
  let messages = 0;
  let inBody = false;
  let start = IN;
  let end = IN;
  let sent = 0;
  const collect = (text: string) => (forwarded += text);
  const refused = (code: number) => ({
    verdict: `${messages === 0 ? "reject" : "forward-then-"}${rejectReason(code).status}`,
    forwarded,
    messages,
  });

  for (const cut of cuts) {
    buf.set(bytes.subarray(sent, cut), end);
    end += cut - sent;
    sent = cut;
    while (start < end) {
      if (inBody) {
        const stop = body.take(buf, start, end, collect);
        if (stop < 0) return refused(stop);
        start = stop;
      } else {
        const stop = parseRequestHead(buf, start, end, head, defaultHeadLimits);
        if (stop < 0) return refused(stop);
        if (stop === 0) break;
        forward.clear();
        const written = writeRequestHead(buf, OUT, OUT_END, head, forward);
        collect(textOf(buf, OUT, OUT + written));
        body.open(head, chunkedOutput.chunks);
        start = stop;
        inBody = true;
      }
      if (inBody && body.isOver()) {
        inBody = false;
        messages++;
      }
    }
  }
  const isComplete = !inBody && start === end && messages > 0;
  const count = messages === 1 ? "" : String(messages);
  return { verdict: isComplete ? `forward${count}` : "incomplete", forwarded, messages };
}

/** What a server sends as the answer to `request`. `messages` counts final responses. */
export function driveResponse(
  request: Uint8Array,
  bytes: Uint8Array,
  cuts: readonly number[],
  atEof: boolean,
): Outcome {
  const buf = newArena();
  const requestHead = new MessageHead();
  buf.set(request, TEXT);
  const requestEnd = parseRequestHead(buf, TEXT, TEXT + request.length, requestHead, defaultHeadLimits);
  if (requestEnd <= 0) throw new Error("the request of a response case must be valid");
  const head = new MessageHead();
  const forward = new ResponseForward();
  const body = new Body();
  let forwarded = "";
  let inBody = false;
  let start = IN;
  let end = IN;
  let sent = 0;
  const collect = (text: string) => (forwarded += text);

  for (const cut of cuts) {
    buf.set(bytes.subarray(sent, cut), end);
    end += cut - sent;
    sent = cut;
    while (start < end) {
      if (inBody) {
        const stop = body.take(buf, start, end, collect);
        if (stop < 0) return { verdict: "abort", forwarded, messages: 0 };
        start = stop;
      } else {
        const stop = parseResponseHead(buf, start, end, head, requestHead.methodId, defaultHeadLimits);
        if (stop < 0) return { verdict: "reject502", forwarded, messages: 0 };
        if (stop === 0) break;
        if (head.status === 101 && !isOffered(buf, requestHead, head)) {
          return { verdict: "reject502", forwarded, messages: 0 };
        }
        forward.clear();
        forward.clientMinor = requestHead.minor;
        const written = writeResponseHead(buf, OUT, OUT_END, head, forward);
        collect(textOf(buf, OUT, OUT + written));
        start = stop;
        if (head.status === 101) return { verdict: "tunnel", forwarded, messages: 1 };
        if (head.status < 200) continue;
        inBody = true;
        body.open(head, requestHead.minor === 0 ? chunkedOutput.data : chunkedOutput.chunks);
      }
      // Bytes after the response are never forwarded: that connection is closed.
      if (body.isOver()) return { verdict: "forward", forwarded, messages: 1 };
    }
  }
  const endsAtEof = atEof && inBody && body.isUntilClose();
  return { verdict: endsAtEof ? "forward" : "incomplete", forwarded, messages: endsAtEof ? 1 : 0 };
}

function isOffered(buf: Uint8Array, request: MessageHead, response: MessageHead): boolean {
  if (request.upgradeStart < 0) return false;
  return sameIgnoreCase(buf, request.upgradeStart, request.upgradeEnd, response.upgradeStart, response.upgradeEnd);
}
