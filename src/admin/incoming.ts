/** One request to the admin socket, from the bytes as they arrive. Strict: the proxy's own parser reads the head. */
import { type HeadLimits, MessageHead } from "../http/head.ts";
import { headerIds } from "../http/header-names.ts";
import { rejectReason } from "../http/reject.ts";
import { parseRequestHead } from "../http/request-parser.ts";
import { type AnswerStatus, answerStatus } from "./answer.ts";

/** No client of ours needs 1 KiB; curl with a stray environment stays below as well. */
export const HEAD_BYTES_MAX = 16 * 1024;
const headLimits: HeadLimits = { headBytesMax: HEAD_BYTES_MAX, targetBytesMax: 8 * 1024 };
/** A request is one line of JSON. */
export const BODY_BYTES_MAX = 64 * 1024;
const INPUT_BYTES_FIRST = 2 * 1024;

export interface AdminRequest {
  readonly method: string;
  /** Origin form: path and query. */
  readonly target: string;
  readonly accept: string;
  readonly body: string;
}

export type Step =
  | { readonly kind: "more" }
  /** The client waits for `100 Continue` before it sends the body; said once. */
  | { readonly kind: "continue" }
  | { readonly kind: "request"; readonly request: AdminRequest }
  | { readonly kind: "refused"; readonly status: AnswerStatus; readonly text: string };

/** Parsing is synchronous: one head serves all connections. */
const head = new MessageHead();
const latin1 = new TextDecoder("latin1");
const utf8 = new TextDecoder("utf-8", { fatal: true });

export class IncomingRequest {
  private input: Uint8Array = new Uint8Array(INPUT_BYTES_FIRST);
  private length = 0;
  private scannedBytes = 0;
  /** Set when the head is complete. */
  private wanted: {
    readonly request: Omit<AdminRequest, "body">;
    readonly start: number;
    readonly end: number;
  } | null = null;

  get isEmpty(): boolean {
    return this.length === 0;
  }

  /** Takes what arrived. After `request` or `refused` there is no next step; bytes behind the request are ignored. */
  add(bytes: Uint8Array): Step {
    // Never more than the largest request and one read are held: the limits below are checked on every call.
    this.append(bytes);
    if (this.wanted !== null) return this.body();
    head.scannedBytes = this.scannedBytes;
    const consumed = parseRequestHead(this.input, 0, this.length, head, headLimits);
    this.scannedBytes = head.scannedBytes;
    if (consumed < 0) {
      const reason = rejectReason(consumed);
      return refused(answerStatus(reason.status), `malformed request: ${reason.name} (${reason.source})`);
    }
    return consumed === 0 ? { kind: "more" } : this.headIsComplete(consumed);
  }

  private headIsComplete(consumed: number): Step {
    if (head.minor === 0) return refused(505, "HTTP/1.0 request; wanted HTTP/1.1");
    if (head.chunked) return refused(411, "chunked body; wanted one with Content-Length");
    const bodyBytes = Math.max(0, head.contentLength);
    if (bodyBytes > BODY_BYTES_MAX) {
      return refused(413, `body of ${bodyBytes} bytes; at most ${BODY_BYTES_MAX} are taken`);
    }
    const prefix = head.targetPrefix === 0 ? "" : String.fromCharCode(head.targetPrefix);
    const request = {
      method: this.text(head.methodStart, head.methodEnd),
      target: prefix + this.text(head.targetStart, head.targetEnd),
      accept: this.accept(),
    };
    this.wanted = { request, start: consumed, end: consumed + bodyBytes };
    return head.expectContinue && this.length < this.wanted.end ? { kind: "continue" } : this.body();
  }

  private body(): Step {
    const { request, start, end } = this.wanted!;
    if (this.length < end) return { kind: "more" };
    try {
      return { kind: "request", request: { ...request, body: utf8.decode(this.input.subarray(start, end)) } };
    } catch {
      // The decoder is fatal: lenient decoding would let two different bodies mean the same.
      return refused(400, "the body is not UTF-8");
    }
  }

  private accept(): string {
    const values: string[] = [];
    for (let i = 0; i < head.headerCount; i++) {
      if (head.headerId[i] === headerIds.accept) values.push(this.text(head.valueStart[i]!, head.valueEnd[i]!));
    }
    return values.join(",");
  }

  private text(start: number, end: number): string {
    return latin1.decode(this.input.subarray(start, end));
  }

  private append(bytes: Uint8Array): void {
    const needed = this.length + bytes.length;
    if (needed > this.input.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.input.length));
      larger.set(this.input.subarray(0, this.length));
      this.input = larger;
    }
    this.input.set(bytes, this.length);
    this.length = needed;
  }
}

function refused(status: AnswerStatus, text: string): Step {
  return { kind: "refused", status, text };
}
