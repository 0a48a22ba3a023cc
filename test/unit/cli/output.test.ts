import { expect, test } from "bun:test";
import { join } from "node:path";

const cli = join(import.meta.dir, "../../../src/main.ts");

/** Output of a shell command line; `ballast` is the program from its sources. */
async function shell(line: string): Promise<string> {
  const script = `ballast() { "${process.execPath}" "${cli}" "$@"; }; ${line}`;
  const child = Bun.spawn(["bash", "-c", script], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return stdout + stderr;
}

test("printText loses nothing when a pipe is full and its reader is slow", async () => {
  const many = "for i in 1 2 3 4 5 6; do ballast schema --json; done";
  const whole = Number(await shell(`ballast schema --json | wc -c`));
  expect(whole).toBeGreaterThan(64 * 1024 * 0.5);
  expect(Number(await shell(`{ ${many}; } | { sleep 1; wc -c; }`))).toBe(6 * whole);
});

test("printText ends the program quietly when nobody reads any more", async () => {
  expect(await shell("ballast schema --json | head -c 10 | wc -c; echo ${PIPESTATUS[0]}")).toMatch(/^10\n0\n$/);
});
