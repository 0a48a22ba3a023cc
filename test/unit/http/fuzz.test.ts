/** Seeded mutations of valid heads. A failure prints the message that caused it; the seed is fixed. */
import { describe, expect, test } from "bun:test";
import { defaultHeadLimits, MessageHead } from "../../../src/http/head.ts";
import { rejectReason } from "../../../src/http/reject.ts";
import { parseRequestHead } from "../../../src/http/request-parser.ts";
import { parseResponseHead } from "../../../src/http/response-parser.ts";
import { RequestForward, ResponseForward, writeRequestHead, writeResponseHead } from "../../../src/http/writer.ts";
import { IN, latin1, newArena, OUT, OUT_END, randomCuts, seeded, textOf } from "./material.ts";

const ROUNDS = 12_000;
/** A bound for a slow machine; the rounds take a fraction of it. */
const BUDGET_MS = 2000;

const requests = [
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "POST /a/b?c=d HTTP/1.1\r\nHost: a.b:80\r\nContent-Length: 5\r\nConnection: keep-alive, x-y\r\nX-Y: z\r\n\r\nhello",
  "GET http://h:1/p?q HTTP/1.1\r\nHost: x\r\nUpgrade: websocket, h2c\r\nConnection: Upgrade\r\n\r\n",
  "OPTIONS * HTTP/1.0\r\nKeep-Alive: 5\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n",
  "PUT /x HTTP/1.1\r\nHost: [::1]:8\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nProxy: y\r\n\r\n0\r\n\r\n",
];
const responses = [
  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: s\r\nSet-Cookie: a=b; c\r\n\r\nok",
  'HTTP/1.0 304 Not Modified\r\nConnection: keep-alive\r\nETag: "x"\r\n\r\n',
  "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n0\r\n\r\n",
];
const splinters = [
  "\r\n",
  "\r",
  "\n",
  ":",
  " ",
  "\t",
  ",",
  "\0",
  "\xff",
  "0",
  "9",
  "/",
  "Host: b\r\n",
  "chunked",
  "close",
];

function mutated(text: string, random: (limit: number) => number): string {
  let result = text;
  for (let n = 1 + random(3); n > 0; n--) {
    const at = random(result.length + 1);
    const length = random(8);
    switch (random(4)) {
      case 0:
        result = result.slice(0, at) + splinters[random(splinters.length)] + result.slice(at);
        break;
      case 1:
        result = result.slice(0, at) + result.slice(at + length);
        break;
      case 2:
        result = result.slice(0, at) + String.fromCharCode(random(256)) + result.slice(at + 1);
        break;
      default:
        result = result.slice(0, at) + result.slice(at, at + 4 * length) + result.slice(at);
    }
  }
  return result;
}

/** Every offset that a good head gives away lies inside it. */
function expectInRange(head: MessageHead, start: number, stop: number): void {
  expect(head.headEnd).toBe(stop);
  for (let i = 0; i < head.headerCount; i++) {
    const chain = [
      head.fieldsStart,
      head.lineStart[i],
      head.nameEnd[i],
      head.valueStart[i],
      head.valueEnd[i],
      head.lineEnd[i],
      stop,
    ];
    expect(chain).toEqual([...chain].sort((a, b) => a - b));
    expect(head.nameEnd[i]).toBeGreaterThan(head.nameStart[i]);
  }
  const pairs: [number, number][] = [
    [head.methodStart, head.methodEnd],
    [head.targetStart, head.targetEnd],
    [head.pathStart, head.pathEnd],
    [head.queryStart, head.queryEnd],
    [head.reasonStart, head.reasonEnd],
    [head.hostStart, head.hostEnd],
    [head.upgradeStart, head.upgradeEnd],
  ];
  for (const [from, to] of pairs) {
    expect(to).toBeGreaterThanOrEqual(from);
    if (to > from) expect(from >= start && to <= stop).toBe(true);
  }
}

/** What must be the same on both sides of the proxy. */
function facts(buf: Uint8Array, head: MessageHead): unknown {
  const prefix = head.targetPrefix === 0 ? "" : String.fromCharCode(head.targetPrefix);
  const kept: string[] = [];
  for (let i = 0; i < head.headerCount; i++) {
    if (head.drop[i] === 0 && i !== head.hostIndex) kept.push(textOf(buf, head.lineStart[i], head.lineEnd[i]));
  }
  return {
    method: textOf(buf, head.methodStart, head.methodEnd),
    target: prefix + textOf(buf, head.targetStart, head.targetEnd),
    host: textOf(buf, head.hostStart, head.hostEnd),
    upgrade: textOf(buf, head.upgradeStart, head.upgradeEnd),
    framing: [head.contentLength, head.chunked, head.bodyKind, head.status],
    kept,
  };
}

type Parse = (buf: Uint8Array, start: number, end: number, head: MessageHead) => number;

const parseRequest: Parse = (buf, start, end, head) => parseRequestHead(buf, start, end, head, defaultHeadLimits);
const parseResponse: Parse = (buf, start, end, head) => parseResponseHead(buf, start, end, head, 1, defaultHeadLimits);

/** The verdict when the same bytes arrive in pieces; 0 while it is open. */
function inPieces(buf: Uint8Array, cuts: readonly number[], parse: Parse): number {
  const head = new MessageHead();
  for (const cut of cuts) {
    const code = parse(buf, IN, IN + cut, head);
    if (code !== 0) return code;
  }
  return 0;
}

function fuzz(
  seed: number,
  texts: readonly string[],
  parse: Parse,
  forwarded: (buf: Uint8Array, head: MessageHead) => number,
) {
  const buf = newArena();
  const random = seeded(seed);
  const head = new MessageHead();
  const again = new MessageHead();
  const deadlineMs = performance.now() + BUDGET_MS;
  let good = 0;
  let bad = 0;
  for (let round = 0; round < ROUNDS && performance.now() < deadlineMs; round++) {
    const text = mutated(texts[random(texts.length)], random);
    buf.set(latin1(text), IN);
    head.clear();
    const code = parse(buf, IN, IN + text.length, head);
    const pieces = inPieces(buf, randomCuts(text.length, random), parse);
    // A bad line inside an unfinished head may be noticed later, never judged otherwise.
    if (pieces !== code && !(code < 0 && pieces === 0))
      throw new Error(`seed ${seed}: ${code} whole, ${pieces} cut: ${JSON.stringify(text)}`);
    if (code < 0) {
      bad++;
      expect(rejectReason(code).code).toBe(-code as never);
      expect(head.errorAt).toBeLessThanOrEqual(IN + text.length);
    }
    if (code <= 0) continue;
    good++;
    expect(code).toBeGreaterThan(IN);
    expectInRange(head, IN, code);
    const before = facts(buf, head);
    const written = forwarded(buf, head);
    expect(written).toBeGreaterThan(0);
    again.clear();
    const reparsed = parse(buf, OUT, OUT + written, again);
    if (reparsed !== OUT + written) {
      throw new Error(
        `seed ${seed}: ${JSON.stringify(text)} became ${JSON.stringify(textOf(buf, OUT, OUT + written))}`,
      );
    }
    expect(facts(buf, again)).toEqual(before);
  }
  // Both branches were walked: the seeds are useful.
  expect(good).toBeGreaterThan(100);
  expect(bad).toBeGreaterThan(100);
}

describe("mutated heads", () => {
  test("parseRequestHead and writeRequestHead agree with themselves", () => {
    const forward = new RequestForward();
    fuzz(1, requests, parseRequest, (buf, head) => {
      // HTTP/1.0 without Host: what the engine does with the address of the server.
      const needsHost = head.hostStart < 0;
      buf.set(latin1("f"), IN - 10);
      forward.fallbackHostStart = needsHost ? IN - 10 : -1;
      forward.fallbackHostEnd = needsHost ? IN - 9 : -1;
      const written = writeRequestHead(buf, OUT, OUT_END, head, forward);
      if (!needsHost) return written;
      // The facts of the source have no host, so compare without the generated one.
      const text = textOf(buf, OUT, OUT + written)
        .replace("Host: f\r\n", "")
        .replace("HTTP/1.1", "HTTP/1.0");
      buf.set(latin1(text), OUT);
      return text.length;
    });
  });

  test("parseResponseHead and writeResponseHead agree with themselves", () => {
    const forward = new ResponseForward();
    fuzz(2, responses, parseResponse, (buf, head) => writeResponseHead(buf, OUT, OUT_END, head, forward));
  });
});
