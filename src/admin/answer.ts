/** Answers of the admin socket as bytes. One request a connection: every answer ends it. */
import type { Reply } from "./api.ts";

const reasons = {
  200: "OK",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  411: "Length Required",
  413: "Content Too Large",
  414: "URI Too Long",
  417: "Expectation Failed",
  422: "Unprocessable Content",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
} as const;
export type AnswerStatus = keyof typeof reasons;

const encoder = new TextEncoder();

export type ContentType = "application/json" | "application/toml";

/** A whole answer. `extra` are further header lines, each ending in CRLF. */
export function answer(status: AnswerStatus, type: ContentType, body: string, extra = ""): Uint8Array {
  const content = encoder.encode(body);
  const head = encoder.encode(
    `HTTP/1.1 ${status} ${reasons[status]}\r\nContent-Type: ${type}\r\nContent-Length: ${content.length}\r\n` +
      `Cache-Control: no-store\r\nConnection: close\r\n${extra}\r\n`,
  );
  const bytes = new Uint8Array(head.length + content.length);
  bytes.set(head);
  bytes.set(content, head.length);
  return bytes;
}

/** What went wrong, in the form of a Reply, so that a client has one shape to read. */
export function errorAnswer(status: AnswerStatus, text: string, extra = ""): Uint8Array {
  const reply: Reply = { ok: false, kind: kindOf(status), text };
  return answer(status, "application/json", `${JSON.stringify(reply)}\n`, extra);
}

export function replyAnswer(reply: Reply): Uint8Array {
  return answer(reply.ok ? 200 : statusOf[reply.kind], "application/json", `${JSON.stringify(reply)}\n`);
}

const statusOf = { config: 422, not_found: 404, refused: 409, busy: 503, forbidden: 403 } as const;

function kindOf(status: AnswerStatus): "not_found" | "refused" | "busy" | "forbidden" {
  if (status === 403) return "forbidden";
  if (status === 404) return "not_found";
  return status === 503 || status === 408 ? "busy" : "refused";
}

/** RFC 9110 section 10.1.1: the client waits for this before it sends the body. */
export const CONTINUE = encoder.encode("HTTP/1.1 100 Continue\r\n\r\n");

/** Head of the event stream; `lineChunk`s follow, `STREAM_END` closes it. */
export const STREAM_HEAD = encoder.encode(
  "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n" +
    "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
);
export const STREAM_END = encoder.encode("0\r\n\r\n");

/** Values as JSON lines in one chunk (RFC 9112 section 7.1); an empty list gives no bytes, since an empty chunk ends the body. */
export function lineChunk(values: readonly object[]): Uint8Array {
  if (values.length === 0) return new Uint8Array(0);
  const lines = encoder.encode(values.map((value) => `${JSON.stringify(value)}\n`).join(""));
  const size = encoder.encode(`${lines.length.toString(16)}\r\n`);
  const chunk = new Uint8Array(size.length + lines.length + 2);
  chunk.set(size);
  chunk.set(lines, size.length);
  chunk.set([13, 10], size.length + lines.length);
  return chunk;
}

/** The status as one that this socket answers with; what is not in the table is a bad request. */
export function answerStatus(status: number): AnswerStatus {
  return status in reasons ? (status as AnswerStatus) : 400;
}
