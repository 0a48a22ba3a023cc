import { describe, expect, test } from "bun:test";
import { bodyKinds, defaultHeadLimits, MessageHead, targetForms } from "../../../src/http/head.ts";
import { headerIds } from "../../../src/http/header-names.ts";
import { methodIds, methodNames } from "../../../src/http/methods.ts";
import { reject } from "../../../src/http/reject.ts";
import { parseRequestHead } from "../../../src/http/request-parser.ts";
import { IN, latin1, newArena, requestOf, textOf } from "./material.ts";

const buf = newArena();

function refusal(text: string): number {
  return -requestOf(buf, text).code;
}

/** Path, query, host and forwarded target of a request line with Host h. */
function partsOf(target: string, method = "GET") {
  const { code, head } = requestOf(buf, `${method} ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
  expect(code).toBeGreaterThan(0);
  const prefix = head.targetPrefix === 0 ? "" : String.fromCharCode(head.targetPrefix);
  return {
    form: head.targetForm,
    sent: prefix + textOf(buf, head.targetStart, head.targetEnd),
    path: textOf(buf, head.pathStart, head.pathEnd),
    query: textOf(buf, head.queryStart, head.queryEnd),
    host: textOf(buf, head.hostStart, head.hostEnd),
  };
}

describe("parseRequestHead", () => {
  test("fills columns and framing of an ordinary request", () => {
    const text = "POST /a?b=c HTTP/1.1\r\nHost: h:8080\r\nContent-Length: 12\r\nX-Y: \t v w \t\r\n\r\nrest";
    const { code, head } = requestOf(buf, text);
    expect(code).toBe(IN + text.length - 4);
    expect(head.headEnd).toBe(code);
    expect(head.headerCount).toBe(3);
    expect(textOf(buf, head.nameStart[2], head.nameEnd[2])).toBe("X-Y");
    expect(textOf(buf, head.valueStart[2], head.valueEnd[2])).toBe("v w");
    expect(textOf(buf, head.lineStart[2], head.lineEnd[2])).toBe("X-Y: \t v w \t\r\n");
    expect([...head.headerId.subarray(0, 3)]).toEqual([headerIds.host, headerIds.contentLength, headerIds.other]);
    expect([...head.drop.subarray(0, 3)]).toEqual([0, 1, 0]);
    expect(head.methodId).toBe(methodIds.post);
    expect(head.contentLength).toBe(12);
    expect(head.bodyKind).toBe(bodyKinds.length);
    expect(head.keepAlive).toBe(true);
    expect(head.startLineIsCanonical).toBe(true);
    expect(textOf(buf, head.hostStart, head.hostEnd)).toBe("h:8080");
  });

  test("splits every form of target as rules and server must see it", () => {
    const { origin, absolute, asterisk } = targetForms;
    expect(partsOf("/p?q=1?2")).toEqual({ form: origin, sent: "/p?q=1?2", path: "/p", query: "q=1?2", host: "h" });
    expect(partsOf("/p?")).toEqual({ form: origin, sent: "/p?", path: "/p", query: "", host: "h" });
    expect(partsOf("//x/y")).toEqual({ form: origin, sent: "//x/y", path: "//x/y", query: "", host: "h" });
    expect(partsOf("http://b:1/p?q")).toEqual({ form: absolute, sent: "/p?q", path: "/p", query: "q", host: "b:1" });
    expect(partsOf("HTTPS://b")).toEqual({ form: absolute, sent: "/", path: "/", query: "", host: "b" });
    expect(partsOf("http://b?q/r")).toEqual({ form: absolute, sent: "/?q/r", path: "/", query: "q/r", host: "b" });
    expect(partsOf("*", "OPTIONS")).toEqual({ form: asterisk, sent: "*", path: "", query: "", host: "h" });
    expect(partsOf("http://b", "OPTIONS")).toEqual({ form: absolute, sent: "*", path: "", query: "", host: "b" });
    expect(partsOf("http://b/", "OPTIONS")).toEqual({ form: absolute, sent: "/", path: "/", query: "", host: "b" });
  });

  test("knows the methods by their exact letters", () => {
    for (const [id, name] of methodNames.entries()) {
      if (id === methodIds.other) continue;
      const { code, head } = requestOf(buf, `${name} / HTTP/1.1\r\nHost: h\r\n\r\n`);
      if (id === methodIds.connect || id === methodIds.trace) expect(-code).toBe(reject.methodNotAllowed);
      else expect(head.methodId).toBe(id);
    }
    expect(requestOf(buf, "get / HTTP/1.1\r\nHost: h\r\n\r\n").head.methodId).toBe(methodIds.other);
  });

  test("names the reason and the place of a refusal", () => {
    const { code, head } = requestOf(buf, "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n");
    expect(code).toBe(-reject.fieldValue);
    expect(head.errorReason).toBe(reject.fieldValue);
    expect(head.errorAt - IN).toBe("GET / HTTP/1.1\r\nHost: h\r\nX: a".length);
    expect(refusal("GET  / HTTP/1.1\r\nHost: h\r\n\r\n")).toBe(reject.target);
    expect(refusal("GET / HTTP/2.0\r\nHost: h\r\n\r\n")).toBe(reject.versionUnsupported);
    expect(refusal("GET / HTTP/1.1\r\n\r\n")).toBe(reject.hostMissing);
    expect(refusal("GET http://b/ HTTP/1.1\r\n\r\n")).toBe(reject.hostMissing);
    expect(refusal("GET / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\n\r\n")).toBe(reject.expectation);
    expect(refusal(`${"\r\n".repeat(9)}GET`)).toBe(reject.emptyLines);
    expect(refusal(`GET / HTTP/1.1\r\nHost: h\r\nConnection: ${"a,".repeat(33)}\r\n\r\n`)).toBe(
      reject.connectionOptions,
    );
    expect(refusal("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9007199254740992\r\n\r\n")).toBe(
      reject.contentLength,
    );
    expect(refusal("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked;q=1\r\n\r\n")).toBe(
      reject.transferEncodingUnknown,
    );
  });

  test("takes 8 empty lines, 101 fields and a target of 8192 bytes, and not one more", () => {
    expect(requestOf(buf, `${"\r\n".repeat(8)}GET / HTTP/1.0\r\n\r\n`).code).toBeGreaterThan(0);
    expect(requestOf(buf, `GET / HTTP/1.0\r\n${"X: y\r\n".repeat(101)}\r\n`).head.headerCount).toBe(101);
    expect(refusal(`GET / HTTP/1.0\r\n${"X: y\r\n".repeat(102)}\r\n`)).toBe(reject.fieldsTooMany);
    expect(requestOf(buf, `GET /${"a".repeat(8191)} HTTP/1.0\r\n\r\n`).code).toBeGreaterThan(0);
    expect(refusal(`GET /${"a".repeat(8192)} HTTP/1.0\r\n\r\n`)).toBe(reject.targetTooLong);
  });

  test("takes a head of exactly headBytesMax and refuses a longer one, complete or not", () => {
    const { headBytesMax } = defaultHeadLimits;
    const filled = (bytes: number) => {
      const frame = "GET / HTTP/1.0\r\nX: \r\n\r\n";
      return `GET / HTTP/1.0\r\nX: ${"a".repeat(bytes - frame.length)}\r\n\r\n`;
    };
    expect(requestOf(buf, filled(headBytesMax)).code).toBe(IN + headBytesMax);
    expect(refusal(filled(headBytesMax + 1))).toBe(reject.headTooLarge);
    expect(refusal(filled(headBytesMax + 4).slice(0, headBytesMax))).toBe(reject.headTooLarge);
    expect(requestOf(buf, filled(headBytesMax + 4).slice(0, headBytesMax - 1)).code).toBe(0);
  });

  test("wants keep-alive by version and Connection options of all lines", () => {
    const wants = (version: string, lines: string) =>
      requestOf(buf, `GET / ${version}\r\nHost: h\r\n${lines}\r\n`).head;
    expect(wants("HTTP/1.1", "").keepAlive).toBe(true);
    expect(wants("HTTP/1.1", "Connection: foo\r\nConnection: bar , CLOSE\r\n").keepAlive).toBe(false);
    expect(wants("HTTP/1.0", "").keepAlive).toBe(false);
    expect(wants("HTTP/1.0", "Connection: Keep-Alive\r\n").keepAlive).toBe(true);
    expect(wants("HTTP/1.0", "Connection: keep-alive, close\r\n").keepAlive).toBe(false);
    expect(wants("HTTP/1.1", "Proxy-Connection: close\r\n").keepAlive).toBe(true);
  });

  test("offers one upgrade, only with Connection, without a body, on HTTP/1.1", () => {
    const offered = (version: string, lines: string) => {
      const { head } = requestOf(buf, `GET / ${version}\r\nHost: h\r\n${lines}\r\n`);
      return head.upgradeStart < 0 ? null : textOf(buf, head.upgradeStart, head.upgradeEnd);
    };
    expect(offered("HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n")).toBe("websocket");
    expect(offered("HTTP/1.1", "Upgrade: H2C , foo/1 , bar\r\nConnection: x, upgrade\r\n")).toBe("foo/1");
    expect(offered("HTTP/1.1", 'Upgrade: h2c\r\nUpgrade: HTTP/2.0, "q", bar\r\nConnection: upgrade\r\n')).toBe("bar");
    expect(offered("HTTP/1.1", "Upgrade: websocket\r\n")).toBeNull();
    expect(offered("HTTP/1.0", "Connection: Upgrade\r\nUpgrade: websocket\r\n")).toBeNull();
    expect(offered("HTTP/1.1", "Connection: Upgrade\r\nUpgrade: foo\r\nContent-Length: 1\r\n")).toBeNull();
  });

  test("drops hop-by-hop and nominated fields but never Host", () => {
    const lines = ["TE: x", "X-A: 1", "Connection: x-a, host, Expect", "Expect: 100-continue", "x-A: 2", "X-AB: 3"];
    const { head } = requestOf(buf, `GET / HTTP/1.1\r\nHost: h\r\n${lines.join("\r\n")}\r\n\r\n`);
    expect([...head.drop.subarray(0, head.headerCount)]).toEqual([0, 1, 1, 1, 1, 1, 0]);
  });

  test("remembers nothing of the message before", () => {
    const head = new MessageHead();
    const first = latin1(
      "POST http://b/x?y HTTP/1.1\r\nHost: h\r\nConnection: close, q, upgrade\r\nUpgrade: w\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    buf.set(first, IN);
    expect(parseRequestHead(buf, IN, IN + first.length, head, defaultHeadLimits)).toBeGreaterThan(0);
    const second = "GET / HTTP/1.0\r\nQ: 1\r\n\r\n";
    buf.set(latin1(second), IN);
    expect(parseRequestHead(buf, IN, IN + second.length, head, defaultHeadLimits)).toBeGreaterThan(0);
    const fresh = requestOf(buf, second).head;
    for (const key of Object.keys(fresh) as (keyof MessageHead)[]) {
      if (typeof fresh[key] !== "object") expect([key, head[key]]).toEqual([key, fresh[key]]);
    }
    expect(head.drop[0]).toBe(0);
  });

  test("continues where it stopped after the bytes have moved", () => {
    const text = "GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n";
    const bytes = latin1(text);
    const head = new MessageHead();
    buf.set(bytes, IN);
    expect(parseRequestHead(buf, IN, IN + 20, head, defaultHeadLimits)).toBe(0);
    const { scannedBytes } = head;
    expect(scannedBytes).toBe(20);
    head.clear();
    // Another connection used the object meanwhile; the number comes back with the moved bytes.
    head.scannedBytes = scannedBytes;
    const moved = IN + 5000;
    buf.set(bytes, moved);
    expect(parseRequestHead(buf, moved, moved + text.length, head, defaultHeadLimits)).toBe(moved + text.length);
    expect(textOf(buf, head.hostStart, head.hostEnd)).toBe("h");
  });

  test("answers a bad first line before the head is complete, also byte by byte", () => {
    const head = new MessageHead();
    const bytes = latin1("GET /\r\n");
    buf.set(bytes, IN);
    for (let end = 1; end < bytes.length - 1; end++) {
      expect(parseRequestHead(buf, IN, IN + end, head, defaultHeadLimits)).toBeLessThanOrEqual(0);
    }
    expect(parseRequestHead(buf, IN, IN + bytes.length, head, defaultHeadLimits)).toBe(-reject.requestLine);
  });
});
