/**
 * Answers that the proxy gives itself, built once (haproxy: errorfile defaults): a small page, nothing from the
 * request in it, never cached, and the connection closed, because the rest of the request may be unread.
 */
import { asciiBytes } from "./ascii.ts";
import { methodIds, methodNames, refusedMethods } from "./methods.ts";

export interface Answer {
  readonly status: number;
  readonly bytes: Uint8Array;
  /** The body begins here; HEAD is answered with the bytes before it. */
  readonly headBytes: number;
}

const texts = {
  200: ["OK", "The request was answered by the load balancer."],
  400: ["Bad Request", "The request is not valid HTTP."],
  401: ["Unauthorized", "Credentials are needed to see this page."],
  403: ["Forbidden", "Rules of this site forbid the request."],
  404: ["Not Found", "There is nothing at this address."],
  405: ["Method Not Allowed", "This method is not served here."],
  408: ["Request Timeout", "The request did not arrive in time."],
  410: ["Gone", "What was at this address has been removed."],
  413: ["Content Too Large", "The body of the request is too large."],
  414: ["URI Too Long", "The address of the request is too long."],
  417: ["Expectation Failed", "The expectation of the request cannot be met."],
  421: ["Misdirected Request", "This site is not served on this connection."],
  425: ["Too Early", "The request cannot be served before the handshake is complete."],
  429: ["Too Many Requests", "Too many requests came from this address in a short time."],
  431: ["Request Header Fields Too Large", "The header of the request is too large."],
  500: ["Internal Server Error", "The load balancer could not process the request."],
  501: ["Not Implemented", "The request uses something that is not supported here."],
  502: ["Bad Gateway", "The server sent an invalid or incomplete response."],
  503: ["Service Unavailable", "No server is available to handle this request."],
  504: ["Gateway Timeout", "The server did not answer in time."],
  505: ["HTTP Version Not Supported", "This version of HTTP is not supported here."],
} as const;

export type AnswerStatus = keyof typeof texts;

const answers = new Map<number, Answer>(
  Object.entries(texts).map(([status, [reason, sentence]]) => [
    Number(status),
    buildAnswer(Number(status), reason, sentence),
  ]),
);

/** Whether there is a page for this status: what a deny rule may name. */
export function isAnswerStatus(status: number): status is AnswerStatus {
  return answers.has(status);
}

export function answerFor(status: AnswerStatus): Answer {
  return answers.get(status) as Answer;
}

/**
 * Copies an answer to `at`.
 * @param isHead the request was HEAD: the head alone.
 * @returns bytes written; -1 when they do not fit.
 */
export function writeAnswer(buf: Uint8Array, at: number, limit: number, answer: Answer, isHead: boolean): number {
  const length = isHead ? answer.headBytes : answer.bytes.length;
  if (at + length > limit) return -1;
  for (let i = 0; i < length; i++) buf[at + i] = answer.bytes[i];
  return length;
}

function buildAnswer(status: number, reason: string, sentence: string): Answer {
  const body = `<!doctype html>\n<title>${status} ${reason}</title>\n<h1>${status} ${reason}</h1>\n<p>${sentence}</p>\n`;
  const fields = [
    "Cache-Control: no-cache",
    "Connection: close",
    "Content-Type: text/html",
    `Content-Length: ${body.length}`,
  ];
  // RFC 9110 15.5.6: the answer must say which methods are.
  if (status === 405) fields.push(`Allow: ${allowedMethods()}`);
  const head = `HTTP/1.1 ${status} ${reason}\r\n${fields.join("\r\n")}\r\n\r\n`;
  return { status, bytes: asciiBytes(head + body), headBytes: head.length };
}

function allowedMethods(): string {
  return methodNames
    .filter((_, id) => id !== methodIds.other && !refusedMethods.some((refused) => refused === id))
    .join(", ");
}
