/** Whatever a file holds, parsing ends with a configuration or with problems that can be shown. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseConfig } from "../../../src/config/parse.ts";
import { renderIssue } from "../../../src/config/render-issue.ts";
import { testEnvironment } from "./test-environment.ts";

const root = join(import.meta.dir, "../../golden/config");
const ROUNDS = 1500;

/** mulberry32: the same sequence for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const pieces = [
  '"',
  "'",
  "[",
  "]",
  "{",
  "}",
  "=",
  ",",
  ".",
  "\\",
  "\n",
  " ",
  "#",
  "(",
  ")",
  "!",
  "||",
  "0",
  "-1",
  "é",
  "\u0000",
  '"""',
  "[[",
  "true",
  "*",
  "vip:",
  "\ud83d",
];

function mutate(text: string, next: () => number): string {
  const at = Math.floor(next() * text.length);
  const piece = pieces[Math.floor(next() * pieces.length)];
  const width = Math.floor(next() * 6);
  switch (Math.floor(next() * 3)) {
    case 0:
      return text.slice(0, at) + piece + text.slice(at);
    case 1:
      return text.slice(0, at) + text.slice(at + width);
    default:
      return text.slice(0, at) + piece + text.slice(at + width);
  }
}

test("parseConfig of mutated files never throws and places every problem inside its text", () => {
  const seed = 20260821;
  const next = random(seed);
  const texts = ["good", "warned", "broken"].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(".toml"))
      .map((name) => readFileSync(join(root, folder, name), "utf8")),
  );
  for (let round = 0; round < ROUNDS; round++) {
    let text = texts[round % texts.length];
    for (let i = 0; i <= next() * 4; i++) text = mutate(text, next);
    const { config, issues } = parseConfig(text, testEnvironment());
    const lines = text.split("\n");
    expect(config === null).toBe(issues.some((issue) => issue.severity === "error"));
    for (const issue of issues) {
      expect(issue.line).toBeLessThanOrEqual(lines.length);
      expect(issue.column).toBeLessThanOrEqual((lines[issue.line - 1]?.length ?? 0) + 1);
      expect(renderIssue(issue)).not.toContain("\u0000");
    }
  }
});
