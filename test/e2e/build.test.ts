import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ballastBinary, projectRoot } from "../support/binary.ts";
import { mustRun, run, stopAllProcesses } from "../support/process.ts";

const folder = mkdtempSync(join(tmpdir(), "ballast-build-test-"));
afterAll(async () => {
  await stopAllProcesses();
  rmSync(folder, { recursive: true, force: true });
});

test("ballast version --json names the version of package.json and the commit", async () => {
  const manifest = (await Bun.file(join(projectRoot, "package.json")).json()) as { version: string };
  const said = JSON.parse(await mustRun([ballastBinary(), "version", "--json"])) as Record<string, string>;
  expect(said["version"]).toBe(manifest.version);
  expect(said["commit"]).toMatch(/^([0-9a-f]{9}\+?|unknown)$/);
});

test("ballast version starts in under 30 ms, or in four times what an empty program takes", async () => {
  const binary = ballastBinary();
  /** The best of some: what the program costs, not what else the machine is doing. */
  const startMs = (words: readonly string[], env: Readonly<Record<string, string>>): number => {
    const tookMs = Array.from({ length: 15 }, () => {
      const startedMs = performance.now();
      Bun.spawnSync([binary, ...words], { env: { ...process.env, ...env } });
      return performance.now() - startedMs;
    });
    return Math.min(...tookMs);
  };
  const emptyMs = startMs(["-e", "0"], { BUN_BE_BUN: "1" });
  expect(startMs(["version"], {})).toBeLessThan(Math.max(30, 4 * emptyMs));
});

test("the binary runs no preload of ./bunfig.toml and reads no ./.env", async () => {
  writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./evil.ts"]\n');
  writeFileSync(join(folder, "evil.ts"), 'console.log("evil ran");\n');
  writeFileSync(join(folder, ".env"), "NO_COLOR=evil\nBUN_OPTIONS=--preload=./evil.ts\n");
  const said = await run([ballastBinary(), "version"], 30_000, { cwd: folder });
  expect(said.code).toBe(0);
  expect(said.stdout + said.stderr).not.toContain("evil");
});

test("the binary does not need the checkout or node_modules", async () => {
  const said = await run([ballastBinary(), "help"], 30_000, {
    cwd: "/",
    env: { PATH: "/nonexistent", HOME: "/nonexistent" },
  });
  expect(said.code).toBe(0);
});
