import { expect, test } from "bun:test";
import { routeOf } from "../../../src/admin/route.ts";

test("routeOf knows the API", () => {
  expect(routeOf("GET", "/v1/snapshot")).toEqual({ ok: true, value: { kind: "snapshot" } });
  expect(routeOf("GET", "/v1/config")).toEqual({ ok: true, value: { kind: "config", defaults: false } });
  expect(routeOf("GET", "/v1/config?defaults=1")).toEqual({ ok: true, value: { kind: "config", defaults: true } });
  expect(routeOf("GET", "/v1/events?since=12")).toEqual({ ok: true, value: { kind: "events", since: 12 } });
  expect(routeOf("GET", "/v1/events/stream")).toEqual({ ok: true, value: { kind: "stream", since: 0 } });
  expect(routeOf("POST", "/v1/request")).toEqual({ ok: true, value: { kind: "request" } });
});

test("routeOf says what there is when a path is unknown", () => {
  const route = routeOf("GET", "/v1/snapshots");
  expect(route).toMatchObject({ ok: false, error: { status: 404 } });
  if (!route.ok) expect(route.error.text).toContain("/v1/snapshot");
  expect(routeOf("GET", "*")).toMatchObject({ ok: false, error: { status: 404 } });
  expect(routeOf("GET", "/v1/constructor")).toMatchObject({ ok: false, error: { status: 404 } });
});

test("routeOf names the method that would do", () => {
  expect(routeOf("HEAD", "/v1/snapshot")).toMatchObject({ error: { status: 405, allow: "GET" } });
  expect(routeOf("GET", "/v1/request")).toMatchObject({ error: { status: 405, allow: "POST" } });
});

test("routeOf refuses parameters that it does not know, twice the same, or of the wrong form", () => {
  for (const target of [
    "/v1/snapshot?x=1",
    "/v1/events?since=1&since=2",
    "/v1/events?since=",
    "/v1/events?since=-1",
    "/v1/events?since=1e3",
    "/v1/events?since=9999999999999999",
    "/v1/config?defaults=yes",
  ]) {
    expect([target, routeOf("GET", target)]).toMatchObject([target, { ok: false, error: { status: 400 } }]);
  }
});
