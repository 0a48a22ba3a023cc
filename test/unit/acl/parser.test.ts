import { describe, expect, test } from "bun:test";
import type { Condition } from "../../../src/acl/ast.ts";
import { formatCondition } from "../../../src/acl/format.ts";
import { parseAcls } from "../../../src/acl/named.ts";
import { parseCondition } from "../../../src/acl/parser.ts";
import type { ConditionScope } from "../../../src/acl/parser.ts";

const definitions = {
  api: ["path_beg /api"],
  office: ["src 10.0.0.0/8 192.168.0.0/16"],
  "lashoupay-4.90": ["path_beg /lashoupay/lashoupay || dst 192.168.4.90"],
  twice: ["path_beg /a", "path_beg /b"],
};

const base = { mode: "http", ownBackend: null, backends: ["app", "server_web"] } as const;

function scope(change: Partial<ConditionScope> = {}): ConditionScope {
  const acls = parseAcls(definitions, base);
  return { ...base, aclNames: acls.names, acl: acls.find, ...change };
}

function parsed(text: string, change: Partial<ConditionScope> = {}): Condition {
  const result = parseCondition(text, scope(change));
  if (!result.ok) throw new Error(`${text}: ${result.error.message}`);
  return result.value;
}

/** The fully grouped form: what was understood, readable. */
function shown(condition: Condition): string {
  if (condition.kind === "and" || condition.kind === "or")
    return `(${condition.terms.map(shown).join(` ${condition.kind} `)})`;
  if (condition.kind === "not") return `!${shown(condition.term)}`;
  return formatCondition(condition);
}

const understood: readonly (readonly [string, string])[] = [
  // the tutorials
  ["path_beg /lashoupay/lashoupay || dst 192.168.4.90", "(path -m beg /lashoupay/lashoupay or dst 192.168.4.90/32)"],
  ["lashoupay-4.90", "(path -m beg /lashoupay/lashoupay or dst 192.168.4.90/32)"],
  ["dst 192.168.4.111", "dst 192.168.4.111/32"],
  ["!{ ssl_fc }", "!ssl_fc"],
  ["nbsrv(server_web) lt 2", "nbsrv(server_web) lt 2"],
  [
    "hdr_reg(host) -i ^(www1.jfedu.net|www2.jfedu.net)$",
    "hdr(host) -m reg -i '^(?:www1[\\x00-\\x09\\x0b-\\xff]jfedu[\\x00-\\x09\\x0b-\\xff]net|www2[\\x00-\\x09\\x0b-\\xff]jfedu[\\x00-\\x09\\x0b-\\xff]net)$'",
  ],
  ["url_sub -i killall=", "url -m sub -i 'killall='"],
  ["url_dir -i allow", "url -m dir -i 'allow'"],
  ["hdr_cnt(Content-length) eq 0", "hdr_cnt(content-length) 0"],
  ["hdr_dom(host) -i www.zb.com", "hdr(host) -m dom -i 'www.zb.com'"],
  ["TRUE", "TRUE"],
  ["path_end .jpg .png", "path -m end .jpg .png"],
  // the specification's example
  ["!ssl_fc && !api", "(!ssl_fc and !path -m beg /api)"],
  ["path_beg /admin && !office", "(path -m beg /admin and !src 10.0.0.0/8 192.168.0.0/16)"],
  // precedence, negation, grouping
  ["api or ssl_fc and office", "(path -m beg /api or (ssl_fc and src 10.0.0.0/8 192.168.0.0/16))"],
  ["(api or ssl_fc) office", "((path -m beg /api or ssl_fc) and src 10.0.0.0/8 192.168.0.0/16)"],
  ["(path_beg /a || path_beg /b) && !ssl_fc", "((path -m beg /a or path -m beg /b) and !ssl_fc)"],
  ["!!ssl_fc", "!!ssl_fc"],
  ["! { path_beg /a } api", "(!path -m beg /a and path -m beg /api)"],
  ["{ path_beg /a } { ssl_fc } || TRUE", "((path -m beg /a and ssl_fc) or TRUE)"],
  ["path_beg /a !office", "(path -m beg /a and !src 10.0.0.0/8 192.168.0.0/16)"],
  ["ssl_fc api", "(ssl_fc and path -m beg /api)"],
  ["ssl_fc&&api", "(ssl_fc and path -m beg /api)"],
  ["ssl_fc 0", "!ssl_fc"],
  ["twice", "(path -m beg /a or path -m beg /b)"],
  // flags and methods
  ["hdr(Host) -m beg -i www.", "hdr(host) -m beg -i 'www.'"],
  ["req.hdr(x) -m found", "hdr(x) -m found"],
  ["path -m str /x", "path /x"],
  ["path_len gt 100", "path -m len gt 100"],
  ["path -m beg -- -i", "path -m beg '-i'"],
  ["src_port 1:1023", "src_port 1:1023"],
  ["dst_port 1024:", "dst_port 1024:"],
  ["hdr_cnt(x)", "hdr_cnt(x) gt 0"],
  ["nbsrv(app) gt 1 lt 9", "nbsrv(app) gt 1 lt 9"],
  ["src 10.1.2.3/255.255.0.0 ::1", "src 10.1.0.0/16 ::1/128"],
  ["METH_GET", "method 'GET' 'HEAD'"],
  // quoting
  ["path '/a b' \"/c d\" /e\\ f", "path '/a b' '/c d' '/e f'"],
  ["path 'api' || path \"it's\"", "(path 'api' or path \"it's\")"],
  ["{ hdr(host) api }", "hdr(host) 'api'"],
  ["path_reg '^/(a|b)$'", "path -m reg '^\\/(?:a|b)$'"],
];

describe("parseCondition", () => {
  for (const [text, expected] of understood) {
    test(`parseCondition understands ${text}`, () => {
      expect(shown(parsed(text))).toBe(expected);
    });
    test(`formatCondition writes ${text} so that it parses to the same`, () => {
      const condition = parsed(text);
      expect(parsed(formatCondition(condition))).toEqual(condition);
    });
  }

  test("parseCondition takes its own backend for nbsrv() inside a backend", () => {
    expect(shown(parsed("nbsrv lt 1", { ownBackend: "app" }))).toBe("nbsrv(app) lt 1");
  });
});

/** text, the part that the error points at, the message */
const refused: readonly (readonly [string, string, string])[] = [
  ["", " ", "the condition is empty"],
  ["path_bgn /x", "path_bgn", '"path_bgn" is neither an ACL nor a fetch; did you mean "path_beg"?'],
  ["offise && api", "offise", '"offise" is neither an ACL nor a fetch; did you mean "office"?'],
  ["path_beg", "path_beg", "the test has no pattern"],
  ["path_beg /a office", "office", '"office" can be a pattern or the next ACL'],
  ["path_beg /a path_end .php", "path_end", '"path_end" can be a pattern or the next test'],
  ["nbsrv(ap) lt 2", "nbsrv(ap)", 'no backend is named "ap"; did you mean "app"?'],
  ["nbsrv lt 2", "nbsrv", 'in a frontend "nbsrv" needs the backend: nbsrv(NAME)'],
  ["nbsrv(app) < 2", "<", '"<" is no number'],
  ["nbsrv(app) lt", "lt", '"lt" needs a number after it'],
  ["src 10.0.0.256", "10.0.0.256", '"10.0.0.256" is no address or network'],
  ["hdr(host", "hdr(host", '"hdr(host" is neither an ACL nor a fetch'],
  ["hdr -m found", "hdr", 'fetch "hdr" needs a name: hdr(host)'],
  ["src -m beg 10.", "beg", 'method "beg" does not fit fetch "src"'],
  ["path -m bge /x", "bge", '"bge" is no match method; did you mean "beg"?'],
  ["path -x /x", "-x", '"-x" is no flag of a test'],
  ["path -f list.txt", "-f", '"-f" is not supported yet'],
  ["path,lower /x", "path,lower", 'converter "lower" is not supported yet'],
  ["cook(id) x", "cook(id)", 'fetch "cook" is not supported yet'],
  ["ssl_fc | api", "|", 'single "|" is no operator'],
  ["(ssl_fc", "(", '"(" is never closed'],
  ["{ ssl_fc", "{", '"{" is never closed'],
  ["{ api }", "api", '"api" is an ACL; braces hold a test'],
  ["ssl_fc )", ")", 'unexpected ")"'],
  ["ssl_fc &&", " ", "the condition ends where a test is expected"],
  ["|| ssl_fc", "||", '"||" stands where a test is expected'],
  ["path 'x", "'x", "quote ' is never closed"],
  ["path_beg /a (api", "(api", '"(api" has a parenthesis too many or too few'],
  ["path_reg (a+)+$", "(a+)+$", 'regular expression "(a+)+$" repeats a repetition whose end is a guess'],
  [`${"(".repeat(60)}ssl_fc${")".repeat(60)}`, "(", "groups nest deeper than 50"],
];

describe("parseCondition errors", () => {
  for (const [text, at, message] of refused) {
    test(`parseCondition refuses "${text.slice(0, 40)}"`, () => {
      const result = parseCondition(text, scope());
      if (result.ok) throw new Error(`accepted as ${shown(result.value)}`);
      expect(result.error.message).toStartWith(message);
      expect(`${text} `.slice(result.error.start, result.error.end)).toBe(at);
    });
  }

  test("parseCondition refuses HTTP fetches in mode tcp", () => {
    const result = parseCondition("src 10.0.0.0/8 && path_beg /x", scope({ mode: "tcp" }));
    expect(result).toMatchObject({
      ok: false,
      error: { start: 18, message: 'fetch "path" reads HTTP, but this is mode "tcp"' },
    });
  });
});

describe("parseAcls", () => {
  test("parseAcls reports every broken definition and answers false for it", () => {
    const acls = parseAcls({ a: ["path_bg /x", "sorce 1"], b: ["a"] }, base);
    expect(acls.errors.map((error) => [error.name, error.index])).toEqual([
      ["a", 0],
      ["a", 1],
    ]);
    expect(acls.find("b")).toEqual({ kind: "constant", value: false });
  });

  test("parseAcls refuses an ACL that names itself, directly or over another", () => {
    const acls = parseAcls({ a: ["b"], b: ["c"], c: ["!a"] }, base);
    expect(acls.errors.map((error) => error.message)).toEqual(['ACL "a" is defined by itself']);
  });

  test("parseAcls refuses names that already mean something", () => {
    const acls = parseAcls({ path: ["ssl_fc"], or: ["ssl_fc"], TRUE: ["ssl_fc"], "a b": ["ssl_fc"] }, base);
    expect(acls.errors.length).toBe(4);
  });

  test("parseAcls stops ACLs that double at every step", () => {
    const doubling: Record<string, string[]> = { a0: ["ssl_fc"] };
    for (let i = 1; i <= 40; i++) doubling[`a${i}`] = [`a${i - 1} || !a${i - 1}`];
    const acls = parseAcls(doubling, base);
    expect(acls.errors[0].message).toContain("more than 10000 tests");
  });
});
