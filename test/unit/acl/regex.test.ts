import { describe, expect, test } from "bun:test";
import { translateRegex } from "../../../src/acl/regex.ts";

function compiled(text: string, flags = ""): RegExp {
  const result = translateRegex(text);
  if (!result.ok) throw new Error(`${text} ${result.error.message}`);
  return new RegExp(result.value, flags);
}

/** expression, what it matches, what it does not */
const meanings: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["^/(a|b)/", ["/a/x", "/b/"], ["/c/", "x/a/"]],
  ["\\.(png|jpe?g|gif)$", ["/x.png", "/x.jpg", "/x.jpeg"], ["/x.png?", "/xpng"]],
  ["^[[:alpha:]]+[[:digit:]]{2,3}$", ["ab12", "z999"], ["ab1", "12", "ab1234"]],
  ["^[^/]+$", ["abc"], ["a/b", ""]],
  ["a{2}b", ["aab"], ["ab"]],
  ["a{x", ["a{x"], ["ax"]],
  ["^(?P<year>\\d{4})-(?<month>\\d\\d)$", ["2024-05"], ["24-05"]],
  ["^\\s$", [" ", "\t"], ["\u00a0"]],
  ["^.$", ["x", "\r"], ["\n", "xy"]],
  ["\\Aabc\\z", ["abc"], ["abcd", "xabc"]],
  ["^[]x]$", ["]", "x"], ["[", ""]],
  ["^[a\\-z]$", ["a", "-", "z"], ["m"]],
  ["^é$", ["\u00c3\u00a9"], ["\u00e9", "é"]],
  ["\\bfoo\\b", ["a foo b"], ["afoo"]],
  ["^a*?b+?$", ["b", "aab"], ["a"]],
  ["", ["", "x"], []],
  ["a||b", ["", "zzz"], []],
];

describe("translateRegex", () => {
  for (const [text, yes, no] of meanings) {
    test(`translateRegex keeps the meaning of ${text}`, () => {
      const regex = compiled(text);
      for (const subject of yes) expect([subject, regex.test(subject)]).toEqual([subject, true]);
      for (const subject of no) expect([subject, regex.test(subject)]).toEqual([subject, false]);
    });
    test(`translateRegex of its own answer to ${text} changes nothing`, () => {
      expect(compiled(compiled(text).source === "(?:)" ? "" : compiled(text).source).source).toBe(
        compiled(text).source,
      );
    });
  }

  test("translateRegex keeps negation under -i: [^a] takes neither a nor A", () => {
    expect(compiled("^[^a]$", "i").test("A")).toBe(false);
    expect(compiled("^[^a]$", "i").test("b")).toBe(true);
  });
});

const safe = [
  "^/a/.*/b/.*$",
  ".*\\.php$",
  "^([a-z0-9-]+\\.)*example\\.com$",
  "^(/[^/]+)*/$",
  "a.*b",
  "^(?:a|bc|d)+$",
  "(foo|foobar|fox)",
  "^(\\d{1,3}\\.){3}\\d{1,3}$",
];
const unsafe = [
  "(a+)+$",
  "(a*)*",
  "(a|a)*b",
  "(a|ab)*c",
  "(.*)*x",
  "^(a?)*$",
  "([a-z]+)*$",
  "(a|b|ab)*c",
  "(x+x+)+y",
  ".*a.*b.*c",
  "a?a?a?a?a?a?a?a?a?a?a?a?aaaaaaaaaaaa",
  "(.*,){11}P",
  "^(a|aa)+$",
];
const foreign = [
  "(a)\\1",
  "a(?=b)",
  "(?<!a)b",
  "(?>a)",
  "a++",
  "(?i)a",
  "\\Qx\\E",
  "\\p{L}",
  "(",
  ")",
  "[a",
  "*a",
  "a**",
  "[z-a]",
  "a{3,1}",
  "a\\",
  "^*",
  "[[:foo:]]",
  "(?R)",
  "a{2000}",
];

describe("translateRegex safety", () => {
  test.each(safe)("translateRegex accepts %s", (text) => {
    expect(translateRegex(text).ok).toBe(true);
  });
  test.each(unsafe)("translateRegex refuses %s, which backtracks", (text) => {
    const result = translateRegex(text);
    expect(result.ok ? "accepted" : result.error.message).toMatch(/time|ways|empty/);
  });
  test.each(foreign)("translateRegex refuses %s, which it does not speak", (text) => {
    expect(translateRegex(text).ok).toBe(false);
  });

  test("translateRegex lets nothing through that takes long on a hostile subject", () => {
    const subjects = ["a", "/", "ab", "a.", "/a/b", "1."].map((part) => `${part.repeat(4096 / part.length)}!`);
    for (const text of safe) {
      const regex = compiled(text);
      const start = performance.now();
      for (const subject of subjects) regex.test(subject);
      expect(performance.now() - start).toBeLessThan(2000);
    }
  });
});
