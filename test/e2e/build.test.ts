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

test("ballast version costs less than 30 ms, or on a slow machine six times what an empty program does", () => {
  const binary = ballastBinary();
  /** Processor time, the best of some: what the program costs, not what else the machine is doing. */
  const costMs = (words: readonly string[], env: Readonly<Record<string, string>> = {}): number => {
    const costs = Array.from({ length: 15 }, () => {
      const { resourceUsage } = Bun.spawnSync([binary, ...words], { env: { ...process.env, ...env } });
      return Number(resourceUsage.cpuTime.total) / 1000;
    });
    return Math.min(...costs);
  };
  // 18 ms against 4 ms as a rule; a part of the program that is loaded without need makes it 35 ms.
  expect(costMs(["version"])).toBeLessThan(Math.max(30, 6 * costMs(["-e", "0"], { BUN_BE_BUN: "1" })));
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
