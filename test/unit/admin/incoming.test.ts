import { expect, test } from "bun:test";
import { IncomingRequest, type Step } from "../../../src/admin/incoming.ts";

const encoder = new TextEncoder();

/** The last step, fed in pieces of `size` bytes. */
function feed(text: string, size: number): Step {
  const incoming = new IncomingRequest();
  const bytes = encoder.encode(text);
  let step: Step = { kind: "more" };
  for (let at = 0; at < bytes.length; at += size) {
    step = incoming.add(bytes.subarray(at, at + size));
    if (step.kind === "request" || step.kind === "refused") return step;
  }
  return step;
}

const POST = 'POST /v1/request?a=1 HTTP/1.1\r\nHost: b\r\nAccept: application/toml\r\nContent-Length: 4\r\n\r\n{"é';

test("IncomingRequest reads the same request from pieces of every size", () => {
  for (let size = 1; size <= POST.length + 1; size++) {
    expect(feed(POST, size)).toEqual({
      kind: "request",
      request: { method: "POST", target: "/v1/request?a=1", accept: "application/toml", body: '{"é' },
    });
  }
});

test("IncomingRequest ignores what follows the request", () => {
  const step = feed("GET / HTTP/1.1\r\nHost: b\r\n\r\nGET /v1/events HTTP/1.1\r\n", 1000);
  expect(step).toMatchObject({ kind: "request", request: { target: "/", body: "" } });
});

test("IncomingRequest says once that the body may come", () => {
  const incoming = new IncomingRequest();
  const head = "POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
  expect(incoming.add(encoder.encode(head))).toEqual({ kind: "continue" });
  expect(incoming.add(encoder.encode("{"))).toEqual({ kind: "more" });
  expect(incoming.add(encoder.encode("}"))).toMatchObject({ kind: "request", request: { body: "{}" } });
});

test("IncomingRequest refuses with a status and the reason", () => {
  const statuses = (text: string): unknown => {
    const step = feed(text, 7);
    return step.kind === "refused" ? step.status : step.kind;
  };
  expect(statuses("GET / HTTP/1.0\r\n\r\n")).toBe(505);
  expect(statuses("POST / HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n")).toBe(411);
  expect(statuses("POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 70000\r\n\r\n")).toBe(413);
  expect(statuses("POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 0x4\r\n\r\n")).toBe(400);
  expect(statuses(`GET / HTTP/1.1\r\nHost: b\r\nX: ${"x".repeat(17_000)}`)).toBe(431);
  expect(statuses("GET / HTTP/1.1\r\nHost : b\r\n\r\n")).toBe(400);
});

test("IncomingRequest reads two requests in turns without mixing them", () => {
  const [first, second] = [new IncomingRequest(), new IncomingRequest()];
  const text = (path: string): Uint8Array => encoder.encode(`GET ${path} HTTP/1.1\r\nHost: b\r\n\r\n`);
  const [a, b] = [text("/first"), text("/second-one")];
  first.add(a.subarray(0, 20));
  second.add(b.subarray(0, 9));
  expect(first.add(a.subarray(20))).toMatchObject({ request: { target: "/first" } });
  expect(second.add(b.subarray(9))).toMatchObject({ request: { target: "/second-one" } });
});
