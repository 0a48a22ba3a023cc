/**
 * What `npm start` and `npm test` share: packages, the Bun executable, a binary that is not stale.
 * Plain Node without dependencies: a fresh clone has neither node_modules nor Bun.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, linkSync, copyFileSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
export const binary = join(root, "dist/ballast");

/** Real runtimes are about 100 MB; what npm leaves when install scripts are blocked is a text of some hundred bytes. */
const RUNTIME_BYTES_MIN = 10_000_000;

/** What goes into the binary. */
const buildInputs = ["src", "tui", "scripts/build.ts", "scripts/build", "package.json", "package-lock.json"];

export function say(line) {
  process.stdout.write(`${line}\n`);
}

/** Ends the script with one line on stderr. */
export function fail(line) {
  process.stderr.write(`${line}\n`);
  process.exit(1);
}

/** Runs a program with its output on ours; ends the script when it fails. */
export function must(command, args, options = {}) {
  const done = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (done.error) fail(`${command}: ${done.error.message}`);
  if (done.status !== 0) fail(`${command} ${args.join(" ")}: ended with ${done.status ?? done.signal}`);
}

function readJson(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : null;
}

/** True when node_modules holds what package-lock.json names; compared by version, as file times mean nothing in a clone. */
export function packagesInstalled() {
  const wanted = readJson(join(root, "package-lock.json"))?.packages ?? {};
  const installed = readJson(join(root, "node_modules/.package-lock.json"))?.packages;
  if (!installed) return false;
  return Object.entries(wanted).every(
    ([path, entry]) =>
      path === "" || (installed[path] ? installed[path].version === entry.version : entry.optional === true),
  );
}

export function ensurePackages() {
  if (process.platform !== "linux") fail(`Ballast runs on Linux; this is ${process.platform}`);
  if (!packagesInstalled()) {
    say("installing packages (npm ci)");
    must("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  }
}

function isRuntime(path) {
  return existsSync(path) && statSync(path).size > RUNTIME_BYTES_MIN;
}

/**
 * The Bun executable of node_modules, never one of PATH. npm's policies may block the `bun` package's install script,
 * which only puts the platform package's executable in place of a placeholder: then that is done here.
 */
export function bunPath() {
  const bun = join(root, "node_modules/bun/bin/bun.exe");
  if (isRuntime(bun)) return bun;
  const platform = `bun-linux-${process.arch === "arm64" ? "aarch64" : "x64"}`;
  const folder = join(root, "node_modules/@oven");
  const names = [`${platform}`, `${platform}-baseline`].filter((name) => isRuntime(join(folder, name, "bin/bun")));
  const name = names.find((candidate) => runs(join(folder, candidate, "bin/bun")));
  if (!name) fail(`no Bun runtime for linux ${process.arch} in node_modules; remove node_modules and run again`);
  const runtime = join(folder, name, "bin/bun");
  rmSync(bun, { force: true });
  try {
    linkSync(runtime, bun);
  } catch {
    // Hard links are not to be had on every file system.
    copyFileSync(runtime, bun);
  }
  chmodSync(bun, 0o755);
  return bun;
}

/** A CPU without AVX2 kills the normal build with SIGILL; the baseline build runs everywhere. */
function runs(path) {
  chmodSync(path, 0o755);
  return spawnSync(path, ["--version"], { stdio: "ignore" }).status === 0;
}

function newestMs(path) {
  if (!existsSync(path)) return 0;
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return readdirSync(path).reduce((newest, name) => Math.max(newest, newestMs(join(path, name))), stat.mtimeMs);
}

export function ensureBinary(bun) {
  const builtMs = existsSync(binary) ? statSync(binary).mtimeMs : 0;
  if (buildInputs.every((path) => newestMs(join(root, path)) < builtMs)) return;
  must(bun, ["scripts/build.ts"]);
}
