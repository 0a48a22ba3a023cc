/**
 * Enforces the architecture by path: imports point down, cores are pure, bun:ffi stays in src/sys, no forbidden forms,
 * nothing that names this machine. Prints `file:line: what is wrong`, ends with 1 when anything is.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { checkImports } from "./layers/imports.ts";
import { type Finding, sourceFile } from "./layers/source.ts";
import { checkMachine, checkText, machineRules } from "./layers/text.ts";

const root = resolve(import.meta.dir, "..");
const folders = ["src", "tui", "scripts", "test", ".ci"];
/** Pages that one may read; larger files are fixtures. */
const TEXT_BYTES_MAX = 1_000_000;

function projectFiles(): string[] {
  const inFolders = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`),
  );
  return [...readdirSync(root), ...inFolders]
    .filter((path) => {
      const stat = statSync(join(root, path), { throwIfNoEntry: false });
      return stat?.isFile() === true && stat.size <= TEXT_BYTES_MAX;
    })
    .sort();
}

/** What stands at the top of the tree; a new name there is a decision, not a habit. Dot files are for tools. */
const topLevel = [
  "LICENSE README.md bunfig.toml package.json package-lock.json tsconfig.json",
  "src tui scripts test dist node_modules",
].flatMap((names) => names.split(" "));

const findings: Finding[] = readdirSync(root)
  .filter((name) => !name.startsWith(".") && !topLevel.includes(name))
  .map((name) => ({ path: name, line: 1, message: `${name} does not belong at the top level` }));
const rules = machineRules(root);
for (const path of projectFiles()) {
  const text = readFileSync(join(root, path), "utf8");
  findings.push(...checkMachine(path, text, rules));
  if (!/\.(ts|tsx|mjs)$/.test(path)) continue;
  const file = sourceFile(path, text);
  findings.push(...checkText(file), ...checkImports(file));
}
for (const { path, line, message } of findings) console.log(`${path}:${line}: ${message}`);
if (findings.length > 0) console.log(`layers: ${findings.length} findings`);
process.exit(findings.length > 0 ? 1 : 0);
