/** Rules over requests: which action wins, what happens to headers, where redirects lead. */
import { describe, expect, test } from "bun:test";
import { parseCondition } from "../../../src/acl/parser.ts";
import { defaultHeadLimits, MessageHead } from "../../../src/http/head.ts";
import { writeRedirect } from "../../../src/http/redirect.ts";
import { parseRequestHead } from "../../../src/http/request-parser.ts";
import type { RuleAction, RuleConfig } from "../../../src/config/types-proxy.ts";
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
  return out.edits.lines.map((line) => new TextDecoder().decode(line.bytes)).join("");
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
    expect([out.final, out.status, out.edits.lines.length]).toEqual([FINAL.deny, 429, 0]);
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

describe("header rules", () => {
  test("set removes what came and what was added before, add keeps both, del removes all", () => {
    const out = new Outcome();
    const context = requestContext("GET / HTTP/1.1\nHost: a\nX-OLD: 1\nX-Kept: 1\nx-A: 0");
    compileRules(
      [
        rule(null, { kind: "add_header", headers: [["X-A", "1"]] }),
        rule(null, { kind: "set_header", headers: [["x-a", "2"]] }),
        rule(null, { kind: "add_header", headers: [["X-A", "3"]] }),
        rule(null, { kind: "add_header", headers: [["X-B", "1"]] }),
        rule(null, { kind: "del_header", names: ["X-B", "x-old"] }),
      ],
      environment,
    ).evaluate(context, out);
    expect(added(out)).toBe("x-a: 2\r\nX-A: 3\r\n");
    expect([...context.head.drop.subarray(0, 4)]).toEqual([0, 1, 0, 1]);
  });

  test("a condition sees what was received even after a rule removed it", () => {
    const out = outcome([
      rule(null, { kind: "del_header", names: ["x-old"] }),
      rule("hdr(x-old) 1", { kind: "deny", status: 403 }),
    ]);
    expect(out.final).toBe(FINAL.deny);
  });

  test("compileRules refuses framing headers and line breaks and names the rule", () => {
    const bad = (name: string, value: string) => () =>
      compileRules([rule(null, { kind: "set_header", headers: [[name, value]] })], environment);
    expect(bad("Transfer-Encoding", "chunked")).toThrow('frontend.web.rules[0]: header "Transfer-Encoding"');
    expect(bad("X-A", "1\r\nX-B: 2")).toThrow("control character");
    expect(bad("X A", "1")).toThrow("no header name");
  });
});

describe("redirect", () => {
  test("is handed on as the answer's writer takes it", () => {
    const out = outcome([rule("!ssl_fc", { kind: "redirect", to: { scheme: "https" }, code: 301 })]);
    expect(out.final).toBe(FINAL.redirect);
    const context = requestContext("GET /a/b?c=d HTTP/1.1\nHost: www.example.com");
    const target = new Uint8Array(1000);
    target.set(context.buf, 500);
    const head = new MessageHead();
    parseRequestHead(target, 500, 500 + context.buf.length, head, defaultHeadLimits);
    const length = out.redirect === null ? 0 : writeRedirect(target, 0, 500, head, out.redirect, true);
    const text = new TextDecoder().decode(target.subarray(0, length));
    expect(text).toStartWith("HTTP/1.1 301 Moved Permanently\r\n");
    expect(text).toContain("Location: https://www.example.com/a/b?c=d\r\n");
  });

  test("with a line break in its target is refused when it is compiled", () => {
    const bad = rule(null, { kind: "redirect", to: { location: "/a\r\nb" }, code: 302 });
    expect(() => compileRules([bad], environment)).toThrow("frontend.web.rules[0]");
  });
});

test("deny with a status that has no answer is refused when it is compiled", () => {
  expect(() => compileRules([rule(null, { kind: "deny", status: 299 })], environment)).toThrow("299");
});
