import { expect, test } from "bun:test";
import { join } from "node:path";
import { schemaRows } from "../../../src/config/schema.ts";
import { run } from "../../support/process.ts";

const ballast = (...words: readonly string[]) =>
  run([process.execPath, join(import.meta.dir, "../../support/cli-main.ts"), "schema", ...words]);

test("schema lists every key with its default and what it takes", async () => {
  const { code, stdout } = await ballast();
  expect(code).toBe(0);
  for (const { key, doc } of schemaRows()) {
    expect(stdout).toContain(`  ${key} `);
    expect(stdout).toContain(doc);
  }
  expect(stdout).toContain('a duration such as "2s"; default "30s"');
});

test("schema SECTION lists that section, and --json the same as one array", async () => {
  const { stdout } = await ballast("vrrp.notify");
  expect(stdout.split("\n")[0]).toBe("[vrrp.notify]");
  expect(stdout).not.toContain("[vrrp]");
  const json = JSON.parse((await ballast("vrrp.notify", "--json")).stdout) as { section: string; key: string }[];
  expect(new Set(json.map(({ section }) => section))).toEqual(new Set(["vrrp.notify"]));
  expect(json.map(({ key }) => key)).toContain("master");
});

test("schema of an unknown section says which there are, exit 64", async () => {
  const { code, stderr } = await ballast("vrpp");
  expect(code).toBe(64);
  expect(stderr).toContain('no section "vrpp"; did you mean "vrrp"?');
  expect(stderr).toContain("sections: file, global");
});
