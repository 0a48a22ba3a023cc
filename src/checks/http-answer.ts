/**
 * The answer to an HTTP check as it arrives. A status alone is known with the head, and the body is not awaited; a
 * digest or an expression needs the whole body, without its chunked coding.
 */
import type { LvsPageConfig } from "../config/types-lvs.ts";
import { ChunkedDecoder, chunkedOutput } from "../http/chunked.ts";
import { bodyKinds, MessageHead } from "../http/head.ts";
import { rejectReason } from "../http/reject.ts";
import { readAnswerHead } from "./http-probe.ts";
import { invalidResponse, type ProbeResult, statusResult } from "./result.ts";

/** What must be true of the answer; without digest and regex any body will do. */
export type WantedAnswer = Pick<LvsPageConfig, "method" | "expect"> & Partial<Pick<LvsPageConfig, "digest" | "regex">>;

/** A larger page is no answer to a health check, which would read it again and again. */
export const BODY_BYTES_MAX = 1024 * 1024;

/** One for all answers: each is read right after it was parsed. */
const head = new MessageHead();

export class HttpAnswer {
  private readonly wanted: WantedAnswer;
  /** MD5 of bytes, lower-case hexadecimal. */
  private readonly md5: (bytes: Uint8Array) => string;
  /** The head while it is not complete, then the body. */
  private bytes = new Uint8Array(0);
  /** What the head said; null: it is not complete. */
  private passedHead: ProbeResult | null = null;
  private bodyKind: number = bodyKinds.none;
  private contentLength = 0;
  private readonly chunks = new ChunkedDecoder(1);

  constructor(wanted: WantedAnswer, md5: (bytes: Uint8Array) => string) {
    this.wanted = wanted;
    this.md5 = md5;
  }

  /** Takes in what has arrived; null: more is wanted. */
  feed(received: Uint8Array): ProbeResult | null {
    if (this.passedHead !== null) return this.feedBody(received);
    this.append(received);
    const found = readAnswerHead(this.bytes, this.bytes.length, head, this.wanted.method);
    if (found === null || "kind" in found) return found;
    const result = statusResult(head.status, this.wanted.expect);
    if ((result.kind === "checked" && !result.passed) || !this.wantsBody) return result;
    this.passedHead = result;
    this.bodyKind = head.bodyKind;
    this.contentLength = head.contentLength;
    if (this.bodyKind === bodyKinds.none) return this.judge();
    if (this.bodyKind === bodyKinds.chunked) this.chunks.open(0);
    const rest = this.bytes.slice(found.bodyStart);
    this.bytes = new Uint8Array(0);
    return this.feedBody(rest);
  }

  /** The server has ended the connection. */
  end(): ProbeResult {
    if (this.passedHead === null) return invalidResponse("the connection ended before a complete head");
    if (this.bodyKind === bodyKinds.untilClose) return this.judge();
    return invalidResponse("the connection ended before a complete body");
  }

  private get wantsBody(): boolean {
    const { digest = null, regex = null } = this.wanted;
    return digest !== null || regex !== null;
  }

  private feedBody(received: Uint8Array): ProbeResult | null {
    if (this.bodyKind === bodyKinds.chunked) return this.feedChunks(received);
    this.append(received);
    if (this.bodyKind === bodyKinds.length && this.bytes.length >= this.contentLength) {
      this.bytes = this.bytes.subarray(0, this.contentLength);
      return this.judge();
    }
    return this.tooLarge();
  }

  private feedChunks(received: Uint8Array): ProbeResult | null {
    // Decoded in place: what was received belongs to the socket.
    const buf = received.slice();
    const next = this.chunks.feed(0, buf, 0, buf.length, chunkedOutput.data);
    if (next < 0) return invalidResponse(rejectReason(-next).name.replaceAll("_", " "));
    this.append(buf.subarray(0, this.chunks.outEnd));
    return this.tooLarge() ?? (this.chunks.done ? this.judge() : null);
  }

  private tooLarge(): ProbeResult | null {
    return this.bytes.length > BODY_BYTES_MAX
      ? invalidResponse(`the body has more than ${BODY_BYTES_MAX} bytes`)
      : null;
  }

  private judge(): ProbeResult {
    const { digest = null, regex = null } = this.wanted;
    const body = this.bodyKind === bodyKinds.none ? new Uint8Array(0) : this.bytes;
    if (digest !== null) {
      const found = this.md5(body);
      if (found !== digest) return wrong(`MD5 of the body is ${found}, wanted ${digest}`);
    }
    if (regex !== null && new RegExp(regex.source).test(byteString(body)) !== regex.mustMatch) {
      return wrong(`the body ${regex.mustMatch ? "does not match" : "matches"} the expression`);
    }
    return this.passedHead ?? this.end();
  }

  private append(more: Uint8Array): void {
    const bytes = new Uint8Array(this.bytes.length + more.length);
    bytes.set(this.bytes);
    bytes.set(more, this.bytes.length);
    this.bytes = bytes;
  }
}

function wrong(info: string): ProbeResult {
  return { kind: "checked", passed: false, status: "L7RSP", info };
}

/** One character a byte: TextDecoder's latin1 is windows-1252 and would change some. */
function byteString(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    pieces.push(String.fromCharCode(...bytes.subarray(at, at + PIECE_BYTES)));
  }
  return pieces.join("");
}

/** Arguments of one call. */
const PIECE_BYTES = 8192;
