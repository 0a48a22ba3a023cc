import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { laterCommands } from "../../src/cli/commands.ts";
import type { SchemaRow } from "../../src/config/schema.ts";
import { ballastBinary, projectRoot } from "../support/binary.ts";
import { run } from "../support/process.ts";

const folder = mkdtempSync(join(tmpdir(), "ballast-readme-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const readme = await Bun.file(join(projectRoot, "README.md")).text();
const blocks = [...readme.matchAll(/```toml\n([\s\S]*?)```/g)].map((match) => match[1]!);

test("README has a configuration of at most fifteen lines", () => {
  expect(blocks.length).toBeGreaterThan(0);
  expect(blocks[0]!.split("\n").filter((line) => line.trim() !== "").length).toBeLessThanOrEqual(15);
});

for (const [index, block] of blocks.entries()) {
  test(`README configuration ${index + 1} passes ballast check`, async () => {
    const file = join(folder, `${index}.toml`);
    writeFileSync(file, block);
    const done = await run([ballastBinary(), "-c", file, "check"]);
    expect(done.stderr + done.stdout).not.toMatch(/error|unknown/i);
    expect(done.code).toBe(0);
  });
}

test("every ballast command of the README exists", async () => {
  const words = new Set([...readme.matchAll(/\bballast ([a-z]+)\b(?! \()/g)].map((match) => match[1]!));
  const help = (await run([ballastBinary(), "help"])).stdout;
  const unknown: string[] = [];
  for (const word of words) {
    const known = help.includes(word) || (await run([ballastBinary(), "help", word])).code === 0;
    if (!known) unknown.push(word);
  }
  expect(unknown).toEqual([]);
});

test("the commands that README calls missing are those that the program calls so", async () => {
  const [, list = ""] = /^- Commands: ([\s\S]*?)\./m.exec(readme) ?? [];
  const named = [...list.matchAll(/`([a-z]+)`/g)].map((match) => match[1]!);
  expect(named.toSorted()).toEqual(laterCommands.toSorted());
});

test("what README calls missing of the configuration is marked so in ballast schema", async () => {
  const { stdout } = await run([ballastBinary(), "schema", "--json"]);
  const later = (JSON.parse(stdout) as SchemaRow[]).filter(({ since }) => since !== "supported");
  const marked = new Set(later.map(({ section, key }) => `${section}.${key}`));
  const claims = ["admin.haproxy_socket", "admin.metrics", "servers.tls", "servers.send_proxy", "servers.slowstart"];
  const more = ["backend.cookie", "tls.client_ca", "rules.track", "rules.set_path", "frontend.stats", "check.script"];
  expect([...claims, ...more].filter((name) => !marked.has(name))).toEqual([]);
});
