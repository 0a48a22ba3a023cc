/** Rules over requests: which action wins, what happens to headers, where redirects lead. */
import { describe, expect, test } from "bun:test";
import { parseCondition } from "../../../src/acl/parser.ts";
import type { RuleAction, RuleConfig } from "../../../src/config/types.ts";
import { LOCATION_NO_HOST, LOCATION_NO_ROOM, compileRedirect, writeLocation } from "../../../src/proxy/redirect.ts";
import { compileRules, FINAL, Outcome } from "../../../src/proxy/rules.ts";
import { requestContext } from "./request-fixture.ts";

const backends = ["app", "api", "spare"];
const environment = { mode: "http" as const, backendIndex: (name: string) => backends.indexOf(name) };

function rule(when: string | null, action: RuleAction): RuleConfig {
  const scope = { mode: "http" as const, ownBackend: null, backends, aclNames: [], acl: () => null };
  const condition = when === null ? null : parseCondition(when, scope);
  if (condition !== null && !condition.ok) throw new Error(condition.error.message);
  return { when: condition === null ? null : condition.value, action, path: "frontend.web.rules[0]" };
}

function outcome(rules: RuleConfig[], request = "GET /api/x?q=1 HTTP/1.1\nHost: a.example:81\nX-Old: 1"): Outcome {
  const out = new Outcome();
  compileRules(rules, environment).evaluate(requestContext(request), out);
  return out;
}

function added(out: Outcome): string {
  const target = new Uint8Array(1000);
  return new TextDecoder().decode(target.subarray(0, out.edits.writeLines(target, 0, 1000)));
}

describe("Rules.evaluate", () => {
  test("the first use_backend whose condition holds wins", () => {
    const out = outcome([
      rule("path_beg /nothing", { kind: "use_backend", backend: "spare" }),
      rule("path_beg /api", { kind: "use_backend", backend: "api" }),
      rule(null, { kind: "use_backend", backend: "app" }),
    ]);
    expect([out.final, out.backend]).toEqual([FINAL.useBackend, 1]);
  });

  test("nothing is final when no condition holds", () => {
    expect(outcome([rule("path_beg /x", { kind: "deny", status: 403 })]).final).toBe(FINAL.none);
  });

  test("header rules after use_backend apply and a deny after it does not", () => {
    const out = outcome([
      rule(null, { kind: "use_backend", backend: "api" }),
      rule(null, { kind: "deny", status: 403 }),
      rule(null, { kind: "set_header", headers: [["X-Forwarded-Proto", "https"]] }),
    ]);
    expect(out.final).toBe(FINAL.useBackend);
    expect(added(out)).toBe("X-Forwarded-Proto: https\r\n");
  });

  test("deny stops everything behind it", () => {
    const out = outcome([
      rule(null, { kind: "deny", status: 429 }),
      rule(null, { kind: "add_header", headers: [["A", "1"]] }),
    ]);
    expect([out.final, out.status, out.edits.count]).toEqual([FINAL.deny, 429, 0]);
  });

  test("a backend's deny counts after the frontend's use_backend on the same outcome", () => {
    const out = outcome([rule(null, { kind: "use_backend", backend: "api" })]);
    const context = requestContext("GET / HTTP/1.1\nHost: a");
    compileRules([rule("method GET", { kind: "deny", status: 403 })], environment).evaluate(context, out);
    expect(out.final).toBe(FINAL.deny);
  });

  test("needsDestination is set by dst and dst_port alone", () => {
    expect(compileRules([rule("dst_port 80", { kind: "deny", status: 403 })], environment).needsDestination).toBe(true);
    expect(compileRules([rule("src_port 80", { kind: "deny", status: 403 })], environment).needsDestination).toBe(
      false,
    );
  });
});

describe("EditList", () => {
  test("set removes what came and what was added before, add keeps both, del removes all", () => {
    const out = outcome([
      rule(null, { kind: "add_header", headers: [["X-A", "1"]] }),
      rule(null, { kind: "set_header", headers: [["x-a", "2"]] }),
      rule(null, { kind: "add_header", headers: [["X-A", "3"]] }),
      rule(null, { kind: "add_header", headers: [["X-B", "1"]] }),
      rule(null, { kind: "del_header", names: ["X-B", "x-old"] }),
    ]);
    expect(added(out)).toBe("x-a: 2\r\nX-A: 3\r\n");
    const context = requestContext("GET / HTTP/1.1\nHost: a\nX-OLD: 1\nX-Kept: 1\nx-A: 0");
    out.edits.markDropped(context.buf, context.head);
    expect([...context.head.drop.subarray(0, 4)]).toEqual([0, 1, 0, 1]);
  });

  test("writeLines answers -1 when the lines do not fit", () => {
    const out = outcome([rule(null, { kind: "add_header", headers: [["X-A", "1"]] })]);
    expect(out.edits.writeLines(new Uint8Array(100), 0, 7)).toBe(-1);
  });

  test("compileRules refuses framing headers and line breaks and names the rule", () => {
    const bad = (name: string, value: string) => () =>
      compileRules([rule(null, { kind: "set_header", headers: [[name, value]] })], environment);
    expect(bad("Transfer-Encoding", "chunked")).toThrow("frontend.web.rules[0]: rules: Transfer-Encoding");
    expect(bad("X-A", "1\r\nX-B: 2")).toThrow("control character");
    expect(bad("X A", "1")).toThrow("not the name");
  });
});

describe("writeLocation", () => {
  const location = (to: { scheme: string } | { prefix: string } | { location: string }, request: string): string => {
    const target = new Uint8Array(200);
    const redirect = compileRedirect({ kind: "redirect", to, code: 302 });
    const end = writeLocation(redirect, requestContext(request), target, 0, target.length);
    return end < 0 ? String(end) : new TextDecoder().decode(target.subarray(0, end));
  };
  const request = "GET /a/b?c=d HTTP/1.1\nHost: www.example.com:8080";

  test("scheme keeps host and URI", () => {
    expect(location({ scheme: "https" }, request)).toBe("https://www.example.com:8080/a/b?c=d");
  });
  test("prefix stands before the URI and a lone slash adds nothing", () => {
    expect(location({ prefix: "https://m.example.com" }, request)).toBe("https://m.example.com/a/b?c=d");
    expect(location({ prefix: "/" }, request)).toBe("/a/b?c=d");
  });
  test("location is sent as written", () => {
    expect(location({ location: "https://x.example/?y" }, request)).toBe("https://x.example/?y");
  });
  test("the asterisk form stands for the root", () => {
    expect(location({ scheme: "https" }, "OPTIONS * HTTP/1.1\nHost: a")).toBe("https://a/");
  });
  test("a scheme redirect without a host has nowhere to lead", () => {
    expect(location({ scheme: "https" }, "GET / HTTP/1.0")).toBe(String(LOCATION_NO_HOST));
  });
  test("bytes that would break the line are percent-encoded", () => {
    expect(location({ scheme: "https" }, "GET /a\r\x7f HTTP/1.1\nHost: a")).toBe("https://a/a%0D%7F");
  });
  test("answers no room at every length that is too short", () => {
    const redirect = compileRedirect({ kind: "redirect", to: { scheme: "https" }, code: 301 });
    const context = requestContext(request);
    const full = "https://www.example.com:8080/a/b?c=d".length;
    for (let limit = 0; limit < full; limit++) {
      expect(writeLocation(redirect, context, new Uint8Array(200), 0, limit)).toBe(LOCATION_NO_ROOM);
    }
  });
  test("a target with a line break is refused when it is compiled", () => {
    expect(() => compileRedirect({ kind: "redirect", to: { location: "/a\r\nb" }, code: 302 })).toThrow("redirect");
  });
});
