import { expect, test } from "bun:test";
import type { Request } from "../../../src/admin/api.ts";
import { describeRequest, objectOf, parseRequest } from "../../../src/admin/request.ts";

const requests: readonly (readonly [Request, string, string])[] = [
  [{ op: "reload" }, "reload", ""],
  [{ op: "stop", now: false }, "stop", ""],
  [{ op: "stop", now: true }, "stop now", ""],
  [
    { op: "server", backend: "app", server: "web1", state: "drain", reason: "kernel" },
    "drain server app/web1: kernel",
    "app/web1",
  ],
  [{ op: "server", backend: "app", server: "web1", state: "ready", reason: "" }, "ready server app/web1", "app/web1"],
  [{ op: "server_weight", backend: "app", server: "w", weight: 256 }, "weight of server app/w to 256", "app/w"],
  [{ op: "vrrp", order: "failover", instance: "VI_1" }, "vrrp failover VI_1", "VI_1"],
  [{ op: "vrrp", order: "maint", instance: null }, "vrrp maint", ""],
];

test("parseRequest takes every request of the API and describeRequest says it in one line", () => {
  for (const [request, text, object] of requests) {
    expect(parseRequest(JSON.stringify(request))).toEqual({ ok: true, value: request });
    expect(describeRequest(request)).toBe(text);
    expect(objectOf(request)).toBe(object);
  }
});

test("parseRequest says what is wrong and what was wanted", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["", "the body is not JSON: "],
    ["null", 'the body is null; wanted a JSON object with "op"'],
    ["{}", "op is missing; wanted reload, stop, server, server_weight, vrrp, lvs"],
    [
      '{"op":"relaod"}',
      'op is "relaod"; wanted reload, stop, server, server_weight, vrrp, lvs; did you mean "reload"?',
    ],
    ['{"op":"constructor"}', 'op is "constructor"; wanted '],
    ['{"op":"stop","now":1}', "stop: now is 1; wanted true or false"],
    ['{"op":"reload","nwo":true}', 'reload: unknown field "nwo"'],
    ['{"op":"stop","nwo":true}', 'stop: unknown field "nwo"; did you mean "now"?'],
    [
      '{"op":"server","backend":"a","server":"b","state":"up","reason":""}',
      'server: state is "up"; wanted ready, drain, maint',
    ],
    [
      '{"op":"server","backend":"","server":"b","state":"ready","reason":""}',
      'server: backend is ""; wanted a backend',
    ],
    ['{"op":"server","backend":"a\\u001b","server":"b","state":"ready","reason":""}', "server: backend is "],
    [
      '{"op":"server_weight","backend":"a","server":"b","weight":257}',
      "server_weight: weight is 257; wanted a whole number",
    ],
    [
      '{"op":"server_weight","backend":"a","server":"b","weight":1.5}',
      "server_weight: weight is 1.5; wanted a whole number",
    ],
    ['{"op":"vrrp","order":"stop","instance":null}', 'vrrp: order is "stop"; wanted failover, maint, resume'],
    ['{"op":"vrrp","order":"maint"}', "vrrp: instance is missing; wanted an instance's name or null"],
  ];
  for (const [body, message] of cases) {
    const parsed = parseRequest(body);
    expect(parsed.ok ? "accepted" : parsed.error).toStartWith(message);
  }
});

test("parseRequest makes a reason harmless and bounds it", () => {
  const order = { op: "server", backend: "a", server: "b", state: "maint" };
  expect(parseRequest(JSON.stringify({ ...order, reason: "\u001b[2J" }))).toMatchObject({
    ok: true,
    value: { reason: "\\x1b[2J" },
  });
  expect(parseRequest(JSON.stringify({ ...order, reason: "x".repeat(201) })).ok).toBe(false);
});
