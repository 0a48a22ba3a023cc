import { describe, expect, test } from "bun:test";
import { bodyKinds } from "../../../src/http/head.ts";
import { methodIds } from "../../../src/http/methods.ts";
import { reject } from "../../../src/http/reject.ts";
import { newArena, responseOf, textOf } from "./material.ts";

const buf = newArena();

describe("parseResponseHead", () => {
  test("reads status, reason and framing", () => {
    const { code, head } = responseOf(buf, "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc");
    expect(code).toBeGreaterThan(0);
    expect(head.status).toBe(404);
    expect(textOf(buf, head.reasonStart, head.reasonEnd)).toBe("Not Found");
    expect([head.contentLength, head.bodyKind, head.keepAlive]).toEqual([3, bodyKinds.length, true]);
    expect(head.startLineIsCanonical).toBe(true);
  });

  test("takes a missing or empty reason and notes when the line must be rewritten", () => {
    expect(responseOf(buf, "HTTP/1.1 200 \r\n\r\n").head.startLineIsCanonical).toBe(true);
    expect(responseOf(buf, "HTTP/1.1 200\r\n\r\n").head.startLineIsCanonical).toBe(false);
    expect(responseOf(buf, "HTTP/1.0 200 OK\r\n\r\n").head.startLineIsCanonical).toBe(false);
    expect(responseOf(buf, "HTTP/1.1 2000 OK\r\n\r\n").code).toBe(-reject.statusLine);
    expect(responseOf(buf, "HTTP/1.1 20\r\n\r\n").code).toBe(-reject.statusLine);
  });

  test.each([
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", methodIds.get, bodyKinds.chunked],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", methodIds.head, bodyKinds.none],
    ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", methodIds.head, bodyKinds.none],
    ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", methodIds.get, bodyKinds.none],
    ["HTTP/1.1 200 OK\r\n\r\n", methodIds.get, bodyKinds.untilClose],
    ["HTTP/1.1 204 No Content\r\n\r\n", methodIds.get, bodyKinds.none],
    ["HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", methodIds.get, bodyKinds.none],
    ["HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n", methodIds.get, bodyKinds.none],
  ] as const)("finds where the body ends: %j, method %d", (text, methodId, bodyKind) => {
    expect(responseOf(buf, text, methodId).head.bodyKind).toBe(bodyKind);
  });

  test("does not keep a connection whose end is the end of the body", () => {
    expect(responseOf(buf, "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n").head.keepAlive).toBe(false);
    expect(responseOf(buf, "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n").head.keepAlive).toBe(false);
    const kept = responseOf(buf, "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: Keep-Alive\r\n\r\n");
    expect(kept.head.keepAlive).toBe(true);
  });

  test("forgets the length of a 204 and a 1xx and keeps that of a 304", () => {
    expect(responseOf(buf, "HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\n").head.contentLength).toBe(-1);
    expect(responseOf(buf, "HTTP/1.1 103 X\r\nContent-Length: 5\r\n\r\n").head.contentLength).toBe(-1);
    expect(responseOf(buf, "HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n").head.contentLength).toBe(5);
  });

  test("wants a 101 to name the protocol and to say so in Connection", () => {
    const good = responseOf(buf, "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    expect(textOf(buf, good.head.upgradeStart, good.head.upgradeEnd)).toBe("websocket");
    expect(responseOf(buf, "HTTP/1.1 101 X\r\nUpgrade: foo\r\n\r\n").code).toBe(-reject.switchingProtocols);
    expect(responseOf(buf, "HTTP/1.1 101 X\r\nConnection: upgrade\r\n\r\n").code).toBe(-reject.switchingProtocols);
    expect(responseOf(buf, "HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n").code).toBe(
      -reject.switchingProtocols,
    );
    // In other answers Upgrade concerns the connection between the server and us.
    expect(responseOf(buf, "HTTP/1.1 200 X\r\nUpgrade: foo\r\nConnection: upgrade\r\n\r\n").head.upgradeStart).toBe(-1);
  });

  test("refuses what is no HTTP with the first wrong byte", () => {
    expect(responseOf(buf, "SSH").code).toBe(-reject.statusLine);
    expect(responseOf(buf, "HTTP/1.").code).toBe(0);
    expect(responseOf(buf, "HTTP/2").code).toBe(-reject.statusLine);
  });
});
