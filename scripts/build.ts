/**
 * Builds dist/ballast: one executable with the runtime, the code as bytecode, version and commit inside.
 *
 *   bun scripts/build.ts [--target=x64|arm64] [--entry=FILE] [--out=FILE]
 *
 * For another CPU the runtime comes from its npm package (`npm pack`, checked against package-lock.json), kept under
 * dist/runtime; Bun's own download is not used, so a build needs the package registry and nothing else.
 */
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { BunPlugin } from "bun";
import { foreignRuntime, runtimeTargets, type TargetName } from "./build/runtime.ts";

const root = resolve(import.meta.dir, "..");

/** Ink imports it in development only; marking it external would build and then die at start. */
const withoutReactDevtools: BunPlugin = {
  name: "without react-devtools-core",
  setup(build) {
    build.onResolve({ filter: /^react-devtools-core$/ }, () => ({ path: "react-devtools-core", namespace: "empty" }));
    build.onLoad({ filter: /.*/, namespace: "empty" }, () => ({
      contents: "export default { initialize() {}, connectToDevTools() {} };",
      loader: "js",
    }));
  },
};

function hostTarget(): TargetName {
  return process.arch === "arm64" ? "arm64" : "x64";
}

/** The commit that is built, with `+` when tracked files differ from it; "unknown" outside a git checkout. */
function commitName(): string {
  const head = Bun.spawnSync(["git", "rev-parse", "--short=9", "HEAD"], { cwd: root, stderr: "ignore" });
  if (head.exitCode !== 0) return "unknown";
  const dirty = Bun.spawnSync(["git", "status", "--porcelain", "--untracked-files=no"], {
    cwd: root,
    stderr: "ignore",
  });
  return head.stdout.toString().trim() + (dirty.stdout.length > 0 ? "+" : "");
}

async function build(target: TargetName, entry: string, outfile: string): Promise<void> {
  const manifest = (await Bun.file(join(root, "package.json")).json()) as { readonly version: string };
  const executablePath = target === hostTarget() ? null : await foreignRuntime(root, target);
  mkdirSync(dirname(outfile), { recursive: true });
  // Written beside and renamed: a running binary cannot be overwritten (ETXTBSY), and nobody sees half a file.
  const unfinished = `${outfile}.${process.pid}`;
  const result = await Bun.build({
    entrypoints: [entry],
    minify: true,
    bytecode: true,
    format: "esm",
    plugins: [withoutReactDevtools],
    define: {
      "process.env.NODE_ENV": '"production"',
      BALLAST_VERSION: JSON.stringify(manifest.version),
      BALLAST_COMMIT: JSON.stringify(commitName()),
    },
    compile: {
      outfile: unfinished,
      target: runtimeTargets[target].bunTarget,
      // Otherwise the binary runs preloads of ./bunfig.toml and reads ./.env of wherever it is started.
      autoloadBunfig: false,
      autoloadDotenv: false,
      ...(executablePath === null ? {} : { executablePath }),
    },
    throw: false,
  });
  if (!result.success) {
    rmSync(unfinished, { force: true });
    throw new Error(result.logs.map(String).join("\n"));
  }
  chmodSync(unfinished, 0o755);
  renameSync(unfinished, outfile);
}

const { values } = parseArgs({
  options: { target: { type: "string" }, entry: { type: "string" }, out: { type: "string" } },
});
const target = values.target ?? hostTarget();
if (!Object.hasOwn(runtimeTargets, target)) {
  console.error(`build: unknown target "${target}"; wanted ${Object.keys(runtimeTargets).join(" or ")}`);
  process.exit(64);
}
const entry = resolve(values.entry ?? join(root, "src/main.ts"));
const suffix = target === hostTarget() ? "" : `-${target}`;
const outfile = resolve(values.out ?? join(root, `dist/ballast${suffix}`));
if (!existsSync(entry)) {
  console.error(`build: ${entry} does not exist`);
  process.exit(66);
}
const startedMs = performance.now();
try {
  await build(target as TargetName, entry, outfile);
} catch (error) {
  console.error(`build: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
const megabytes = (statSync(outfile).size / 1e6).toFixed(0);
console.log(`built ${outfile}: ${target}, ${megabytes} MB, ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
