/**
 * Everything that can be said without running the product: types, format, lint, layers; and the unit tests.
 * Prints failures and one line per step.
 *
 *   bun scripts/check.ts [--static] [STEP …]      --static: without the unit tests
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dir, "..");
const bun = process.execPath;
const oxlint = join(root, "node_modules/.bin/oxlint");
/** oxlint's launcher wants Node; Bun runs it as well. */
const sources = ["src", "tui", "scripts", "test"].filter((folder) => existsSync(join(root, folder)));

interface Step {
  readonly name: string;
  readonly command: readonly string[];
}

/** Cheap ones side by side, then the tests alone: two at a time is what a small machine bears. */
const staticSteps: readonly Step[] = [
  // --no-script: package.json has scripts of these names, and Bun would run them instead.
  { name: "types", command: [bun, "check", "--no-script", "--no-pretty"] },
  { name: "format", command: [bun, "fmt", "--no-script", "--check", ...sources] },
  { name: "lint", command: [bun, oxlint, "--quiet", ...sources] },
  { name: "layers", command: [bun, "scripts/layers.ts"] },
];
const unitSteps: readonly Step[] = [{ name: "unit", command: [bun, "test", "--only-failures", "./test/unit"] }];

async function perform(step: Step): Promise<boolean> {
  const startedMs = performance.now();
  const child = Bun.spawn([...step.command], { cwd: root, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [code, stdout, stderr] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  if (code !== 0) console.log(`${stdout}${stderr}`.trimEnd());
  console.log(`${code === 0 ? "ok  " : "FAIL"} ${step.name} (${seconds} s)`);
  return code === 0;
}

const asked = process.argv.slice(2).filter((word) => word !== "--static");
const all = process.argv.includes("--static") ? staticSteps : [...staticSteps, ...unitSteps];
const steps = asked.length === 0 ? all : all.filter((step) => asked.includes(step.name));
if (steps.length === 0) {
  console.error(`check: unknown step ${asked.join(", ")}; wanted ${all.map((step) => step.name).join(", ")}`);
  process.exit(64);
}
const early = steps.filter((step) => staticSteps.includes(step));
const late = steps.filter((step) => unitSteps.includes(step));
const results = await Promise.all(early.map(perform));
for (const step of late) results.push(await perform(step));

const failed = results.filter((passed) => !passed).length;
// The words of bun test, so that one counter reads both.
console.log(` ${results.length - failed} pass\n ${failed} fail`);
process.exit(failed === 0 ? 0 : 1);
