/**
 * Files and what becomes of them: good → configuration, warned → warnings and configuration, broken → problems.
 * BALLAST_GOLDEN=write writes the answers anew; read the difference before you keep it.
 */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseConfig } from "../../../src/config/parse.ts";
import { renderIssue } from "../../../src/config/render-issue.ts";
import { testEnvironment } from "./test-environment.ts";

const root = join(import.meta.dir, "../../golden/config");

function filesOf(folder: string): readonly string[] {
  return readdirSync(join(root, folder)).filter((name) => name.endsWith(".toml"));
}

function expectGolden(path: string, actual: string): void {
  if (process.env["BALLAST_GOLDEN"] === "write") writeFileSync(path, actual);
  expect(actual).toBe(readFileSync(path, "utf8"));
}

function parsed(folder: string, name: string): { readonly json: string; readonly problems: string } {
  const text = readFileSync(join(root, folder, name), "utf8");
  const { config, issues } = parseConfig(text, testEnvironment({ path: name }));
  return {
    json: `${JSON.stringify(config, null, 2)}\n`,
    problems: issues.map((issue) => `${renderIssue(issue)}\n`).join(""),
  };
}

test.each(filesOf("good"))("parseConfig accepts %s without a word", (name) => {
  const { json, problems } = parsed("good", name);
  expect(problems).toBe("");
  expectGolden(join(root, "good", name.replace(".toml", ".json")), json);
});

test.each(filesOf("warned"))("parseConfig accepts %s with warnings", (name) => {
  const { json, problems } = parsed("warned", name);
  expectGolden(join(root, "warned", name.replace(".toml", ".txt")), problems);
  expectGolden(join(root, "warned", name.replace(".toml", ".json")), json);
});

test.each(filesOf("broken"))("parseConfig reports every problem of %s", (name) => {
  const { json, problems } = parsed("broken", name);
  expect(json).toBe("null\n");
  expectGolden(join(root, "broken", name.replace(".toml", ".txt")), problems);
});
