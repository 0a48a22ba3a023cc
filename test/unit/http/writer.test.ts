import { describe, expect, test } from "bun:test";
import { HeadEdits, headerLine, type HeaderLine } from "../../../src/http/edits.ts";
import { headerName } from "../../../src/http/find.ts";
import { methodIds } from "../../../src/http/methods.ts";
import {
  isCloseDelimited,
  RequestForward,
  ResponseForward,
  writeRequestHead,
  writeResponseHead,
} from "../../../src/http/writer.ts";
import { latin1, newArena, OUT, OUT_END, requestOf, responseOf, TEXT, textOf } from "./material.ts";

const buf = newArena();

function line(name: string, value: string): HeaderLine {
  const result = headerLine(name, value);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

function put(text: string): { start: number; end: number } {
  buf.set(latin1(text), TEXT);
  return { start: TEXT, end: TEXT + text.length };
}

function sentRequest(text: string, prepare: (forward: RequestForward, edits: HeadEdits) => void = () => {}): string {
  const { code, head } = requestOf(buf, text);
  expect(code).toBeGreaterThan(0);
  const forward = new RequestForward();
  prepare(forward, forward.edits);
  const written = writeRequestHead(buf, OUT, OUT_END, head, forward);
  return textOf(buf, OUT, OUT + written);
}

function sentResponse(text: string, clientMinor: number, methodId: number = methodIds.get, closes = false): string {
  const { code, head } = responseOf(buf, text, methodId);
  expect(code).toBeGreaterThan(0);
  const forward = new ResponseForward();
  forward.clientMinor = clientMinor;
  forward.closesClient = closes;
  const written = writeResponseHead(buf, OUT, OUT_END, head, forward);
  expect(written).toBeGreaterThanOrEqual(0);
  return textOf(buf, OUT, OUT + written);
}

describe("writeRequestHead", () => {
  test("forwards a plain request byte for byte", () => {
    const text = "GET /a?b HTTP/1.1\r\nHost: h\r\nX-Odd-Case:  kept as is \t\r\ncookie: \xff\r\n\r\n";
    expect(sentRequest(`\r\n${text}`)).toBe(text);
  });

  test("writes a Host with a tab or trailing space around its value anew: nginx reads the tab as part of it", () => {
    for (const odd of ["Host:\t h", "Host: h\t", "Host: h ", "hOST: \th"]) {
      expect(sentRequest(`GET / HTTP/1.1\r\nA: b\r\n${odd}\r\nC: d\r\n\r\n`)).toBe(
        "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\nC: d\r\n\r\n",
      );
    }
    const kept = "GET / HTTP/1.1\r\nA: b\r\nhost:h\r\n\r\n";
    expect(sentRequest(kept)).toBe(kept);
  });

  test("leaves out dropped lines wherever they stand", () => {
    expect(
      sentRequest("GET / HTTP/1.1\r\nConnection: q\r\nTE: x\r\nHost: h\r\nQ: 1\r\nA: b\r\nKeep-Alive: 5\r\n\r\n"),
    ).toBe("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n");
  });

  test("writes framing from the facts", () => {
    const start = "POST / HTTP/1.1\r\nHost: h\r\n";
    expect(sentRequest(`${start}Content-Length: 007, 7\r\nContent-Length: 7\r\n\r\n`)).toBe(
      `${start}Content-Length: 7\r\n\r\n`,
    );
    expect(sentRequest(`${start}Content-Length: 9007199254740991\r\n\r\n`)).toBe(
      `${start}Content-Length: 9007199254740991\r\n\r\n`,
    );
    expect(sentRequest(`${start}Transfer-Encoding:\tCHUNKED\r\n\r\n`)).toBe(
      `${start}Transfer-Encoding: chunked\r\n\r\n`,
    );
    expect(sentRequest(`${start}Content-Length: 0\r\n\r\n`)).toBe(`${start}Content-Length: 0\r\n\r\n`);
  });

  test("always speaks HTTP/1.1 and gives every request a Host", () => {
    expect(sentRequest("GET / HTTP/1.2\r\nHost: h\r\n\r\n")).toBe("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(sentRequest("GET / HTTP/1.0\r\nA: b\r\n\r\n")).toBe("GET / HTTP/1.1\r\nHost: \r\nA: b\r\n\r\n");
    const { start, end } = put("10.0.0.1:80");
    const fallback = sentRequest("GET / HTTP/1.0\r\nA: b\r\n\r\n", (forward) => {
      forward.fallbackHostStart = start;
      forward.fallbackHostEnd = end;
    });
    expect(fallback).toBe("GET / HTTP/1.1\r\nHost: 10.0.0.1:80\r\nA: b\r\n\r\n");
  });

  test("generates Host first and origin-form from an absolute target", () => {
    expect(sentRequest("GET http://b:8/x?y HTTP/1.1\r\nA: b\r\nHost: a\r\n\r\n")).toBe(
      "GET /x?y HTTP/1.1\r\nHost: b:8\r\nA: b\r\n\r\n",
    );
    expect(sentRequest("OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n")).toBe("OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n");
    expect(sentRequest("GET http://b?y HTTP/1.1\r\nHost: a\r\n\r\n")).toBe("GET /?y HTTP/1.1\r\nHost: b\r\n\r\n");
  });

  test("adds the client's address as the last X-Forwarded-For", () => {
    const { start, end } = put("2001:db8::1");
    const sent = sentRequest("GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n", (forward) => {
      forward.forwardedForStart = start;
      forward.forwardedForEnd = end;
    });
    expect(sent).toBe(
      "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: 2001:db8::1\r\n\r\n",
    );
  });

  test("applies rules in their order", () => {
    const text = "GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\nCookie: c\r\n\r\n";
    const { head } = requestOf(buf, text);
    const forward = new RequestForward();
    forward.edits.add(line("X-A", "3"));
    forward.edits.add(line("X-B", "4"));
    forward.edits.set(buf, head, line("x-A", "5"));
    forward.edits.add(line("X-A", "6"));
    forward.edits.delete(buf, head, headerName("COOKIE"));
    const written = writeRequestHead(buf, OUT, OUT_END, head, forward);
    expect(textOf(buf, OUT, OUT + written)).toBe("GET / HTTP/1.1\r\nHost: h\r\nX-B: 4\r\nx-A: 5\r\nX-A: 6\r\n\r\n");
    forward.clear();
    expect([forward.edits.lines.length, forward.edits.addedBytes]).toEqual([0, 0]);
  });

  test("sends one Host when a rule sets it", () => {
    for (const target of ["/", "http://b/"]) {
      const { head } = requestOf(buf, `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const forward = new RequestForward();
      forward.edits.set(buf, head, line("Host", "c"));
      const written = writeRequestHead(buf, OUT, OUT_END, head, forward);
      expect(textOf(buf, OUT, OUT + written)).toBe("GET / HTTP/1.1\r\nHost: c\r\n\r\n");
    }
  });

  test("says close or upgrade to the server", () => {
    const close = (forward: RequestForward) => (forward.closesServer = true);
    expect(sentRequest("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", close)).toBe(
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    );
    expect(sentRequest("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c, websocket\r\nConnection: upgrade\r\n\r\n")).toBe(
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
  });

  test("removes Proxy, proxy credentials and the expectation of an HTTP/1.0 client", () => {
    expect(
      sentRequest("GET / HTTP/1.0\r\nHost: h\r\nProxy: x\r\nProxy-Authorization: y\r\nExpect: 100-continue\r\n\r\n"),
    ).toBe("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    const expecting = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n";
    expect(sentRequest(expecting)).toBe(expecting);
  });

  test("answers -1 and writes nothing when the room is too small", () => {
    const { head } = requestOf(buf, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    buf[OUT] = 0x55;
    expect(writeRequestHead(buf, OUT, OUT + 100, head, new RequestForward())).toBe(-1);
    expect(buf[OUT]).toBe(0x55);
  });

  test("never writes beyond its limit", () => {
    const { head } = requestOf(
      buf,
      "OPTIONS http://b HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: w\r\n\r\n",
    );
    const forward = new RequestForward();
    forward.edits.add(line("X-A", "v".repeat(300)));
    ({ start: forward.forwardedForStart, end: forward.forwardedForEnd } = put("255.255.255.255"));
    for (let room = 0; room < 1000; room++) {
      buf.fill(0x55, OUT, OUT + 1200);
      const written = writeRequestHead(buf, OUT, OUT + room, head, forward);
      expect(written).toBeLessThanOrEqual(room);
      expect(buf[OUT + room]).toBe(0x55);
    }
  });
});

describe("writeResponseHead", () => {
  const sized = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

  test("keeps what both sides share and says how the connection goes on", () => {
    expect(sentResponse(sized, 1)).toBe(sized);
    expect(sentResponse(sized, 1, methodIds.get, true)).toBe(
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n",
    );
    expect(sentResponse(sized, 0)).toBe("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n");
  });

  test("gives an HTTP/1.0 client no chunked coding and no interim answer", () => {
    expect(sentResponse(chunked, 1)).toBe(chunked);
    expect(sentResponse(chunked, 0)).toBe("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    expect(isCloseDelimited(responseOf(buf, chunked).head, 0)).toBe(true);
    expect(isCloseDelimited(responseOf(buf, chunked).head, 1)).toBe(false);
    expect(sentResponse("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", 0)).toBe("");
    expect(sentResponse("HTTP/1.1 100 Continue\r\n\r\n", 0)).toBe("");
  });

  test("keeps the framing fields of a HEAD answer without awaiting a body", () => {
    expect(sentResponse(sized, 1, methodIds.head)).toBe(sized);
    expect(sentResponse(chunked, 1, methodIds.head)).toBe(chunked);
  });

  test("closes after a body that ends with the connection", () => {
    expect(sentResponse("HTTP/1.0 200\r\nA: b\r\n\r\n", 1)).toBe("HTTP/1.1 200 \r\nA: b\r\nConnection: close\r\n\r\n");
  });

  test("passes interim answers without framing or connection fields", () => {
    expect(sentResponse("HTTP/1.1 103 X\r\nContent-Length: 5\r\nConnection: close\r\nLink: x\r\n\r\n", 1)).toBe(
      "HTTP/1.1 103 X\r\nLink: x\r\n\r\n",
    );
  });

  test("passes a 101 with its own Connection and Upgrade", () => {
    expect(sentResponse("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\nA: b\r\n\r\n", 1)).toBe(
      "HTTP/1.1 101 Switching\r\nA: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
  });
});
