import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { locateToml, placeAt } from "../../../src/config/locate.ts";
import type { Locations } from "../../../src/config/locate.ts";
import { formatPath } from "../../../src/config/schema-issue.ts";
import type { Path } from "../../../src/config/schema-issue.ts";

const root = join(import.meta.dir, "../../golden/config");

function valueAt(locations: Locations, path: Path): string {
  const location = locations.find(path);
  if (location === null) throw new Error(`${formatPath(path)} is not located`);
  return locations.text.slice(location.value.start, location.value.end);
}

/** Every path that the parsed document has. */
function pathsOf(value: unknown, at: Path = []): readonly (readonly [Path, unknown])[] {
  if (typeof value !== "object" || value === null || value instanceof Date) return [];
  const entries: (readonly [string | number, unknown])[] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  return entries.flatMap(([step, inner]) => [[[...at, step], inner] as const, ...pathsOf(inner, [...at, step])]);
}

const nasty = `# comment [not.a.table]
top = 1 # trailing = comment
a.b."c d".e = 'it''s'
"quoted.key" = """
first "line" \\
   joined # no comment
last"""
"\\u00fcber" = 3
lit = '''
C:\\path [x] = "y"
'''
four = """"quoted""""
date = 2024-05-01 10:00:00
float = +1_000.5e-3

[ spaced . "header" ] # comment
x = [ # open
  1, # one
  [ 2, [ 3, "]" ] ], { k = "}", n.m = [ 4 ] },
] # close
inline = { a = { b = 1 }, "c" = [ { d = 2 }, { d = 3 } ], }

[[tables]]
name = "first"
[tables.sub]
v = 1
[[tables.deep]]
w = 1
[[tables.deep]]
w = 2
[[tables]]
name = "second"
[[tables.deep]]
w = 3
[tables.deep.more]
z = "end"`;

const fixed = nasty.replace("'it''s'", '"it\'s"');
const texts: readonly (readonly [string, string])[] = [
  ["nasty", fixed],
  ["nasty with CRLF", fixed.replaceAll("\n", "\r\n")],
  ["nasty with a byte order mark", `\ufeff${fixed}`],
  ...["good", "warned", "broken"].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(".toml") && !name.startsWith("syntax"))
      .map((name) => [name, readFileSync(join(root, folder, name), "utf8")] as const),
  ),
];

test.each(texts)("locateToml finds every key and value of %s", (_, text) => {
  const locations = locateToml(text);
  for (const [path, value] of pathsOf(parse(text))) {
    const written = valueAt(locations, path);
    const isLeaf = typeof value !== "object" || value instanceof Date;
    // What stands at the place must parse to the value.
    if (isLeaf) expect([formatPath(path), parse(`v = ${written}`)["v"] as unknown]).toEqual([formatPath(path), value]);
    else expect(written.length).toBeGreaterThan(0);
  }
});

test("locateToml marks the key as it is written", () => {
  const locations = locateToml(fixed);
  const keyOf = (path: Path): string => {
    const key = locations.find(path)?.key;
    return key === undefined ? "" : fixed.slice(key.start, key.end);
  };
  expect(keyOf(["a", "b", "c d", "e"])).toBe("e");
  expect(keyOf(["a", "b", "c d"])).toBe('"c d"');
  expect(keyOf(["quoted.key"])).toBe('"quoted.key"');
  expect(keyOf(["über"])).toBe('"\\u00fcber"');
  expect(keyOf(["spaced", "header"])).toBe('"header"');
  expect(keyOf(["tables", 1, "deep", 0, "more"])).toBe("more");
  expect(keyOf(["spaced", "header", "inline", "c", 1, "d"])).toBe("d");
});

test("locateToml ends on every broken prefix and on noise", () => {
  for (let length = 0; length < fixed.length; length++) locateToml(fixed.slice(0, length));
  for (const text of [
    "[",
    "[[",
    "=",
    "a",
    "a =",
    "a = [",
    "a = {",
    "]]]",
    "a = [1,,2]",
    '"',
    "a.b.",
    "{}{}",
    "a = {=}",
    "a = [{ b = 1, c[[d = 2 }]",
    "a = [ }",
    "\u0000",
  ]) {
    locateToml(text);
  }
});

test("placeAt counts lines and characters from one", () => {
  const text = "one\r\ntwo 日本🙂 three\n";
  expect(placeAt("\n[x", 0)).toEqual({ line: 1, column: 1, sourceLine: "" });
  expect(placeAt(text, 0)).toEqual({ line: 1, column: 1, sourceLine: "one" });
  expect(placeAt(text, text.indexOf("three"))).toEqual({ line: 2, column: 9, sourceLine: "two 日本🙂 three" });
  expect(placeAt(text, text.length)).toEqual({ line: 3, column: 1, sourceLine: "" });
});
