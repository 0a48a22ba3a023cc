/** Conditions as people write them, against requests: text → AST → function → answer. */
import { describe, expect, test } from "bun:test";
import type { Condition } from "../../../src/acl/ast.ts";
import { parseCondition } from "../../../src/acl/parser.ts";
import { compileCondition, conditionUses } from "../../../src/proxy/condition.ts";
import type { RequestContext } from "../../../src/proxy/request-context.ts";
import { requestContext, setSource } from "./request-fixture.ts";

function parsed(text: string, mode: "tcp" | "http" = "http"): Condition {
  const scope = { mode, ownBackend: null, backends: ["app"], aclNames: [], acl: () => null };
  const result = parseCondition(text, scope);
  if (!result.ok) throw new Error(`${text}: ${result.error.message}`);
  return result.value;
}

function holds(text: string, context: RequestContext): boolean {
  return compileCondition(parsed(text), { mode: "http", backendIndex: () => 3 })(context);
}

const GET = `GET /static/img/Logo.PNG?size=big&x=/api HTTP/1.1
Host: www.Example.com:8080
X-Forwarded-For: 10.0.0.1, 192.0.2.7 ,203.0.113.9
Accept: text/html
X-List: a
X-List: "b,c", d
X-Empty:`;

describe("compileCondition", () => {
  const cases: [condition: string, expected: boolean][] = [
    ["path_beg /static", true],
    ["path_beg /Static", false],
    ["path_beg -i /STATIC", true],
    ["path_beg /api /static", true],
    ["path_end .png", false],
    ["path_end -i .jpg .png", true],
    ["path /static/img/Logo.PNG", true],
    ["path /static", false],
    ["path_sub img", true],
    ["path_sub size", false],
    ["path_dir img", true],
    ["path_dir /img/", true],
    ["path_dir im", false],
    ["path_dir static/img", true],
    ["path_reg ^/static/.*[.]PNG$", true],
    ["path_reg -i [.]png$", true],
    ["path_reg ^/api", false],
    ["path_len gt 5", true],
    ["path_len lt 5", false],
    ["path -m found", true],
    ["url_sub size=", true],
    ["url_dir api", true],
    ["query -m beg size=", true],
    ["query -m found", true],
    ["method GET", true],
    ["method POST PUT", false],
    ["METH_GET", true],
    ["req.ver 1.1", true],
    ["req.ver 1.0", false],
    ["hdr(host) www.example.com:8080", false],
    ["hdr(host) -i www.example.com:8080", true],
    ["hdr_dom(host) -i example.com", true],
    ["hdr_dom(host) -i example", true],
    ["hdr_dom(host) -i xample.com", false],
    ["hdr_dom(host) -i www.example.com", true],
    ["hdr_beg(host) -i www.", true],
    ["hdr_end(host) :8080", true],
    ["hdr_sub(host) -i EXAMPLE", true],
    ["hdr(X-Forwarded-For) 192.0.2.7", true],
    ["hdr_cnt(x-forwarded-for) 3", true],
    ["hdr_cnt(x-list) eq 3", true],
    ["hdr_cnt(x-nothing) 0", true],
    ['hdr(x-list) "\\"b,c\\""', true],
    ["hdr(x-list) d", true],
    ["hdr(x-list) b", false],
    ["hdr(x-empty) -m found", true],
    ["hdr_len(x-empty) 0", true],
    ["hdr(x-nothing) -m found", false],
    ["!{ hdr(x-nothing) -m found }", true],
    ["hdr_reg(accept) ^text/", true],
    ["TRUE", true],
    ["FALSE", false],
    ["{ path_beg /static } { method GET }", true],
    ["path_beg /api or method GET", true],
    ["path_beg /api || !{ method GET }", false],
    ["(path_beg /api or path_beg /static) and !{ method POST }", true],
    ["ssl_fc", false],
    ["!ssl_fc", true],
    ["src 192.0.2.0/25", true],
    ["src 192.0.2.0/29", false],
    ["src 192.0.2.8/29 10.0.0.0/8", true],
    ["src 2001:db8::/32", false],
    ["src_port ge 1024", true],
    ["src_port 1:1023", false],
    ["dst_port 443", true],
    ["dst 198.51.100.1", true],
    ["nbsrv(app) lt 2", false],
    ["nbsrv(app) eq 2", true],
  ];
  test.each(cases)("%s → %p", (text, expected) => {
    const context = requestContext(GET);
    setSource(context, "192.0.2.10");
    context.sourcePort = 50000;
    context.destinationPort = 443;
    context.destination.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 198, 51, 100, 1]);
    context.usableServers = (index) => (index === 3 ? 2 : 0);
    expect(holds(text, context)).toBe(expected);
  });

  test("src compares IPv6 by bits and IPv4 as mapped", () => {
    const context = requestContext("GET / HTTP/1.1\nHost: a");
    setSource(context, "2001:db8:ffff::1");
    expect(holds("src 2001:db8::/32", context)).toBe(true);
    expect(holds("src 2001:db8::/33", context)).toBe(false);
    expect(holds("src 192.0.2.0/24", context)).toBe(false);
    setSource(context, "192.0.2.1");
    expect(holds("src ::ffff:0:0/96", context)).toBe(true);
  });

  test("ssl_fc follows the connection", () => {
    const context = requestContext("GET / HTTP/1.1\nHost: a");
    context.clientIsTls = true;
    expect(holds("ssl_fc", context)).toBe(true);
  });

  test("path has no sample for the asterisk form", () => {
    expect(holds("path -m found", requestContext("OPTIONS * HTTP/1.1\nHost: a"))).toBe(false);
    expect(holds("url *", requestContext("OPTIONS * HTTP/1.1\nHost: a"))).toBe(true);
  });

  test("query is absent without a question mark", () => {
    expect(holds("query -m found", requestContext("GET /a HTTP/1.1\nHost: a"))).toBe(false);
  });

  test("hdr(host) is the effective host, whatever Host says", () => {
    const context = requestContext("GET http://real.example/x HTTP/1.1\nHost: other.example");
    expect(holds("hdr(host) real.example", context)).toBe(true);
    expect(holds("hdr(host) other.example", context)).toBe(false);
    expect(holds("path /x", context)).toBe(true);
    expect(holds("path /", requestContext("GET http://real.example?q HTTP/1.1\nHost: a"))).toBe(true);
  });

  test("http fetches match nothing in tcp mode", () => {
    const condition: Condition = {
      kind: "match",
      fetch: "path",
      args: [],
      ignoreCase: false,
      method: "beg",
      patterns: [{ kind: "text", text: "" }],
    };
    const run = compileCondition(condition, { mode: "tcp", backendIndex: () => 0 });
    expect(run(requestContext("GET / HTTP/1.1\nHost: a"))).toBe(false);
  });

  test.each([
    [1, "10.0.0.1", true],
    [2, "192.0.2.7", true],
    [4, "10.0.0.1", false],
    [-1, "203.0.113.9", true],
    [-3, "10.0.0.1", true],
    [-4, "10.0.0.1", false],
  ])("hdr(x-forwarded-for,%p) %s → %p", (occurrence, text, expected) => {
    const condition: Condition = {
      kind: "match",
      fetch: "hdr",
      args: ["x-forwarded-for", String(occurrence)],
      ignoreCase: false,
      method: "exact",
      patterns: [{ kind: "text", text }],
    };
    expect(compileCondition(condition, { mode: "http", backendIndex: () => 0 })(requestContext(GET))).toBe(expected);
  });
});

test("conditionUses finds a fetch at any depth", () => {
  expect(conditionUses(parsed("path_beg /a or !{ dst 10.0.0.1 }"), "dst")).toBe(true);
  expect(conditionUses(parsed("path_beg /a"), "dst")).toBe(false);
});
