import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const main = join(import.meta.dir, "../../../src/main.ts");
let directory = "";

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ballast-check-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const good = '[frontend.web]\nbind = "*:8080"\ndefault_backend = "app"\n[backend.app]\nservers = ["192.0.2.1:80"]\n';

function check(text: string | null, ...flags: readonly string[]): { code: number; out: string; talk: string } {
  const path = join(directory, "ballast.toml");
  if (text === null) rmSync(path, { force: true });
  else writeFileSync(path, text);
  const run = Bun.spawnSync({ cmd: [process.execPath, main, "-c", path, "check", ...flags], timeout: 30_000 });
  return { code: run.exitCode, out: run.stdout.toString(), talk: run.stderr.toString() };
}

test("ballast check of a valid file says so and ends with 0", () => {
  expect(check(good, "--strict")).toEqual({ code: 0, out: "configuration is valid\n", talk: "" });
});

test("ballast check with warnings ends with 0, with --strict with 1", () => {
  const text = `${good}[backend.forgotten]\n`;
  expect(check(text)).toMatchObject({ code: 0, out: "configuration is valid (2 warnings)\n" });
  expect(check(text, "--strict")).toMatchObject({
    code: 1,
    out: "configuration is valid (2 warnings, refused by --strict)\n",
  });
});

test("ballast check of a broken file shows place, line and caret on stderr and ends with 78", () => {
  const { code, out, talk } = check(good.replace("8080", "70000"));
  expect([code, out]).toEqual([78, ""]);
  expect(talk).toContain(
    'ballast.toml:2:8: error: frontend.web.bind: port 70000 is outside 1–65535\n 2 | bind = "*:70000"\n   |        ^^^^^^^^^\n',
  );
});

test("ballast check of a file that cannot be read ends with 74", () => {
  expect(check(null)).toMatchObject({ code: 74, out: "" });
});

test("ballast check --json prints the problems as data", () => {
  const { code, out } = check("globl = 1", "--json");
  expect(code).toBe(78);
  expect(JSON.parse(out)).toMatchObject({ valid: false, issues: [{ line: 1, column: 1, severity: "error" }] });
});
