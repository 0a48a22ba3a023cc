/** The HTTP check's bytes. */
import { describe, expect, test } from "bun:test";
import { HttpAnswer } from "../../../src/checks/http-answer.ts";
import { checkRequest, type HttpProbe } from "../../../src/checks/http-probe.ts";
import type { ProbeResult } from "../../../src/checks/result.ts";
import { asciiBytes } from "../../../src/http/ascii.ts";

const probe: HttpProbe = { kind: "http", method: "HEAD", target: "/up?x=1", host: null, expect: [[200, 399]] };

function read(text: string, fields: Partial<HttpProbe> = {}): ProbeResult | null {
  return new HttpAnswer({ ...probe, ...fields }, () => "").feed(asciiBytes(text));
}

describe("checkRequest", () => {
  const request = (
    address: Parameters<typeof checkRequest>[1],
    fields: Partial<HttpProbe> = {},
    isTls = false,
  ): string => new TextDecoder().decode(checkRequest({ ...probe, ...fields }, address, isTls));

  test("names the configured host, or else the server", () => {
    const address = { kind: "inet", family: 4, host: "192.0.2.1", port: 8080 } as const;
    expect(request(address, { host: "www.example.com" })).toStartWith(
      "HEAD /up?x=1 HTTP/1.1\r\nHost: www.example.com\r\n",
    );
    expect(request(address)).toContain("\r\nHost: 192.0.2.1:8080\r\n");
    expect(request({ ...address, port: 80 })).toContain("\r\nHost: 192.0.2.1\r\n");
    expect(request({ ...address, port: 443 }, {}, true)).toContain("\r\nHost: 192.0.2.1\r\n");
    expect(request({ ...address, port: 80 }, {}, true)).toContain("\r\nHost: 192.0.2.1:80\r\n");
    expect(request({ kind: "inet", family: 6, host: "::1", port: 81 })).toContain("\r\nHost: [::1]:81\r\n");
    expect(request({ kind: "unix", path: "/run/app.sock" })).toContain("\r\nHost: localhost\r\n");
    expect(request(address)).toEndWith("\r\nConnection: close\r\n\r\n");
  });

  test("refuses line breaks", () => {
    const address = { kind: "unix", path: "/a" } as const;
    expect(() => checkRequest({ ...probe, host: "a\r\nX: 1" }, address, false)).toThrow("cannot stand in a request");
  });
});

describe("HttpAnswer of a status", () => {
  test.each([
    ["HTTP/1.1 200 OK\r\n\r\n", true, "L7OK", "HTTP 200"],
    ["HTTP/1.0 204 No Content\r\nServer: x\r\n\r\n", true, "L7OK", "HTTP 204"],
    ["HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", true, "L7OK", "HTTP 302"],
    ["HTTP/1.1 404 Not Found\r\n\r\n", false, "L7STS", "HTTP 404"],
    ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\n\r\n", false, "L7STS", "HTTP 503"],
    ["SSH-2.0-OpenSSH_9.2\r\n", false, "L7RSP", "Layer7 invalid response: status line"],
    ["HTTP/1.1 200 OK\nA: b\n\n", false, "L7RSP", "Layer7 invalid response: bare line feed"],
    [
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      false,
      "L7RSP",
      "Layer7 invalid response: content length conflict",
    ],
  ])("%j", (text, passed, status, info) => {
    expect(read(text)).toEqual({ kind: "checked", passed, status: status as "L7OK", info });
  });

  test("waits for the end of the head at every cut", () => {
    const text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nServer: x\r\n\r\n";
    for (let length = 0; length < text.length; length++) expect(read(text.slice(0, length))).toBeNull();
    expect(read(text)).toMatchObject({ passed: true });
  });

  test("ends a stream of interim responses", () => {
    expect(read("HTTP/1.1 100 Continue\r\n\r\n".repeat(20))).toMatchObject({ status: "L7RSP" });
  });

  test("accepts what is expected and nothing else", () => {
    expect(
      read("HTTP/1.1 404 Not Found\r\n\r\n", {
        expect: [
          [200, 200],
          [404, 404],
        ],
      }),
    ).toMatchObject({ passed: true });
    expect(
      read("HTTP/1.1 201 Created\r\n\r\n", {
        expect: [
          [200, 200],
          [404, 404],
        ],
      }),
    ).toMatchObject({ passed: false });
  });
});
