/** Bodies of HTTP checks: digest and expression, in every framing and at every cut. */
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { BODY_BYTES_MAX, HttpAnswer, type WantedAnswer } from "../../../src/checks/http-answer.ts";
import type { ProbeResult } from "../../../src/checks/result.ts";
import { asciiBytes } from "../../../src/http/ascii.ts";

const md5 = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");
const PAGE = "hello, world\n";
const DIGEST = md5(asciiBytes(PAGE));

const framings = {
  "a length": `HTTP/1.1 200 OK\r\nContent-Length: ${PAGE.length}\r\n\r\n${PAGE}`,
  chunks: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n8;x=y\r\n, world\n\r\n0\r\nA: b\r\n\r\n`,
  "the end": `HTTP/1.0 200 OK\r\nServer: x\r\n\r\n${PAGE}`,
} as const;

function answer(fields: Partial<WantedAnswer>): HttpAnswer {
  return new HttpAnswer({ method: "GET", expect: [[200, 299]], ...fields }, md5);
}

/** All pieces, then the end of the connection when nothing has been said by then. */
function read(pieces: readonly string[], fields: Partial<WantedAnswer>): ProbeResult {
  const reader = answer(fields);
  for (const piece of pieces) {
    const result = reader.feed(asciiBytes(piece));
    if (result !== null) return result;
  }
  return reader.end();
}

describe.each(Object.entries(framings))("HttpAnswer with a body that is framed by %s", (framing, text) => {
  test("takes the right digest at every cut and refuses another", () => {
    for (let cut = 0; cut <= text.length; cut++) {
      const pieces = [text.slice(0, cut), text.slice(cut)];
      expect(read(pieces, { digest: DIGEST })).toMatchObject({ passed: true, status: "L7OK", info: "HTTP 200" });
    }
    const wrong = read([text], { digest: "0".repeat(32) });
    expect(wrong).toMatchObject({
      passed: false,
      status: "L7RSP",
      info: `MD5 of the body is ${DIGEST}, wanted ${"0".repeat(32)}`,
    });
  });

  test("finds the expression in the body only, and can want its absence", () => {
    expect(read([text], { regex: { source: "^hello", mustMatch: true } })).toMatchObject({ passed: true });
    expect(read([text], { regex: { source: "HTTP", mustMatch: true } })).toMatchObject({
      passed: false,
      info: "the body does not match the expression",
    });
    expect(read([text], { regex: { source: "world", mustMatch: false } })).toMatchObject({
      passed: false,
      info: "the body matches the expression",
    });
  });

  test("a body that breaks off has no digest", () => {
    const reader = answer({ digest: DIGEST });
    expect(reader.feed(asciiBytes(text.slice(0, -2)))).toBeNull();
    expect(reader.end()).toMatchObject({ passed: false });
  });

  test("a status that is not expected ends it with the head", () => {
    const reader = answer({ digest: DIGEST, expect: [[204, 204]] });
    const head = text.slice(0, text.indexOf("\r\n\r\n") + 4);
    expect(reader.feed(asciiBytes(head)), framing).toMatchObject({ passed: false, status: "L7STS", info: "HTTP 200" });
  });
});

test("HttpAnswer reads the empty body of an answer that has none", () => {
  const empty = md5(new Uint8Array(0));
  expect(read(["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], { digest: empty })).toMatchObject({ passed: true });
  expect(read(["HTTP/1.1 204 No\r\n\r\n"], { digest: empty })).toMatchObject({ passed: true });
});

test("HttpAnswer compares bytes, whatever their character set", () => {
  const reader = answer({ regex: { source: "^\\xff\\x80\\xe9$", mustMatch: true } });
  const head = asciiBytes("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
  expect(reader.feed(Uint8Array.from([...head, 0xff, 0x80, 0xe9]))).toMatchObject({ passed: true });
});

test("HttpAnswer ends a body without end", () => {
  const reader = answer({ digest: DIGEST });
  expect(reader.feed(asciiBytes("HTTP/1.1 200 OK\r\n\r\n"))).toBeNull();
  expect(reader.feed(new Uint8Array(BODY_BYTES_MAX))).toBeNull();
  expect(reader.feed(new Uint8Array(1))).toMatchObject({ passed: false, status: "L7RSP" });
});

test("HttpAnswer refuses a head that does not end", () => {
  const reader = answer({});
  expect(reader.feed(asciiBytes(`HTTP/1.1 200 OK\r\nX: ${"y".repeat(5000)}`))).toBeNull();
  const more = asciiBytes("y".repeat(4000));
  const results = [1, 2, 3, 4].map(() => reader.feed(more));
  expect(results.find((result) => result !== null)).toMatchObject({ passed: false, status: "L7RSP" });
});
