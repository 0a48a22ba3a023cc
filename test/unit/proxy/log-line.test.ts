/** Access-log lines against lines that HAProxy 2.6 wrote, and the writers they are made of. */
import { describe, expect, test } from "bun:test";
import { parseIp } from "../../../src/lib/ip.ts";
import { putAddress, putInteger } from "../../../src/proxy/log-bytes.ts";
import { LogDate } from "../../../src/proxy/log-date.ts";
import { LogRecord, writeHttpLine, writeTcpLine } from "../../../src/proxy/log-line.ts";
import { writeAddress } from "../../../src/proxy/request-context.ts";

const encoder = new TextEncoder();
const utc = new LogDate(() => 0);

function record(fields: Partial<LogRecord>): LogRecord {
  const made = new LogRecord();
  made.source.set([127, 0, 0, 1], 12);
  made.frontend = encoder.encode("web");
  made.wallMs = Date.UTC(2026, 10, 20, 23, 22, 22, 875);
  made.activeConnections = 1;
  made.frontendConnections = 1;
  return Object.assign(made, fields);
}

function request(line: string): Pick<LogRecord, "requestBytes" | "requestStart" | "requestEnd"> {
  const requestBytes = Uint8Array.from(`GARBAGE${line}GARBAGE`, (c) => c.charCodeAt(0));
  return { requestBytes, requestStart: 7, requestEnd: 7 + line.length };
}

function http(fields: Partial<LogRecord>): string {
  const target = new Uint8Array(8192);
  return new TextDecoder().decode(target.subarray(0, writeHttpLine(target, 0, 8192, record(fields), utc)));
}

function tcp(fields: Partial<LogRecord>): string {
  const target = new Uint8Array(8192);
  return new TextDecoder().decode(target.subarray(0, writeTcpLine(target, 0, 8192, record(fields), utc)));
}

describe("writeHttpLine", () => {
  test("a request that was served", () => {
    expect(
      http({
        sourcePort: 44376,
        backend: encoder.encode("app"),
        server: encoder.encode("s1"),
        requestMs: 0,
        queueMs: 1,
        connectMs: 2.9,
        responseMs: 31,
        totalMs: 1234,
        status: 200,
        sentBytes: 123,
        backendSessions: 2,
        serverSessions: 3,
        ...request("GET /ok?a=b HTTP/1.1"),
      }),
    ).toBe(
      '127.0.0.1:44376 [20/Nov/2026:23:22:22.875] web app/s1 0/1/2/31/1234 200 123 - - ---- 1/1/2/3/0 0/0 "GET /ok?a=b HTTP/1.1"',
    );
  });

  test("a request that rules denied, over TLS", () => {
    expect(
      http({
        sourcePort: 1,
        clientIsTls: true,
        requestMs: 0,
        status: 403,
        sentBytes: 192,
        cause: "PR",
        ...request("GET / HTTP/1.1"),
      }),
    ).toBe(
      '127.0.0.1:1 [20/Nov/2026:23:22:22.875] web~ web/<NOSRV> 0/-1/-1/-1/0 403 192 - - PR-- 1/1/0/0/0 0/0 "GET / HTTP/1.1"',
    );
  });

  test("a bad request, a redispatch and queues", () => {
    expect(http({ cause: "SC", redispatched: true, retries: 3, serverQueue: 4, backendQueue: 5, totalMs: 7 })).toBe(
      '127.0.0.1:0 [20/Nov/2026:23:22:22.875] web web/<NOSRV> -1/-1/-1/-1/7 -1 0 - - SC-- 1/1/0/0/+3 4/5 "<BADREQ>"',
    );
  });

  test("a client that cannot be trusted cannot break the line", () => {
    expect(http(request('GET /"#{|}\r\n\x7f\xff\t HTTP/1.1'))).toEndWith('"GET /#22#23{|}#0D#0A#7F#FF#09 HTTP/1.1"');
  });

  test("a long request line is cut at 1023 bytes", () => {
    expect(http(request(`GET /${"a".repeat(2000)} HTTP/1.1`))).toEndWith(` "GET /${"a".repeat(1018)}"`);
  });

  test("answers -1 when the line might not fit and never writes beyond the limit", () => {
    const full = record({ ...request("\0".repeat(1023)), sentBytes: Number.MAX_SAFE_INTEGER });
    for (let limit = 0; limit < 4000; limit += 7) {
      const target = new Uint8Array(4096);
      const end = writeHttpLine(target, 0, limit, full, utc);
      expect(end).toBeLessThanOrEqual(limit);
      expect(target.subarray(limit).every((byte) => byte === 0)).toBe(true);
    }
  });
});

describe("writeTcpLine", () => {
  test("a session that ended well", () => {
    expect(
      tcp({
        sourcePort: 50718,
        frontend: encoder.encode("t"),
        server: encoder.encode("s1"),
        queueMs: 1,
        connectMs: 0,
        totalMs: 9,
        sentBytes: 120,
      }),
    ).toBe("127.0.0.1:50718 [20/Nov/2026:23:22:22.875] t t/s1 1/0/9 120 -- 1/1/0/0/0 0/0");
  });

  test("a client on a Unix socket", () => {
    expect(tcp({ sourceFamily: 0, sourcePort: 1 })).toStartWith("unix:1 [");
  });
});

describe("LogDate", () => {
  const text = (date: LogDate, wallMs: number): string => {
    const target = new Uint8Array(24);
    expect(date.write(target, 0, wallMs)).toBe(24);
    return new TextDecoder().decode(target);
  };

  test("follows the second, the minute and the zone", () => {
    let offset = 60;
    const date = new LogDate(() => offset);
    const at = Date.UTC(2028, 1, 28, 23, 59, 59, 7);
    expect(text(date, at)).toBe("29/Feb/2028:00:59:59.007");
    offset = 120;
    expect(text(date, at + 992)).toBe("29/Feb/2028:00:59:59.999");
    expect(text(date, at + 993)).toBe("29/Feb/2028:02:00:00.000");
  });

  test("agrees with Date over a century", () => {
    const date = new LogDate(() => 0);
    for (let day = 0; day < 36_600; day += 7) {
      const wallMs = day * 86_400_000 + day * 997;
      const [, dd, month, , year, clock] = /^\w+, (\d+) (\w+)( )(\d+) (\S+)/.exec(new Date(wallMs).toUTCString())!;
      expect(text(date, wallMs)).toBe(`${dd}/${month}/${year}:${clock}.${String(wallMs % 1000).padStart(3, "0")}`);
    }
  });
});

describe("putInteger", () => {
  test.each([0, 7, 10, -1, 123456789, 2 ** 40, Number.MAX_SAFE_INTEGER])("%p", (value) => {
    const target = new Uint8Array(20);
    expect(new TextDecoder().decode(target.subarray(0, putInteger(target, 0, value)))).toBe(String(value));
  });
});

describe("putAddress", () => {
  test.each([
    "192.0.2.1",
    "255.255.255.255",
    "2001:db8::1",
    "::1",
    "::",
    "fe80::",
    "1:0:2:0:3:0:4:0",
    "2001:db8:0:1:1:1:1:1",
    "1:0:0:2::3",
  ])("%s", (text) => {
    const ip = parseIp(text)!;
    const address = new Uint8Array(16);
    writeAddress(address, ip.bytes, 0, ip.bytes.length);
    const target = new Uint8Array(64);
    expect(new TextDecoder().decode(target.subarray(0, putAddress(target, 0, address, ip.family)))).toBe(text);
  });
});
