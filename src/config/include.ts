/** `include = ["conf.d/*.toml"]`: which files, and one document out of all of them. */
import { parse, TomlError } from "smol-toml";
import type { ConfigEnvironment } from "./environment.ts";
import { fileIssue, issueAt } from "./issue.ts";
import type { ConfigIssue, Source } from "./issue.ts";
import { locateToml } from "./locate.ts";
import type { IssueSink, Path } from "./schema-issue.ts";
import { isTable } from "./schema-table.ts";

type Tree = Readonly<Record<string, unknown>>;

/** A configuration with 3,000 servers is a few hundred kilobytes; IPC frames end at 32 MiB. */
const FILE_CHARACTERS_MAX = 8 * 1024 * 1024;
const FILE_COUNT_MAX = 1000;
/** Arrays in arrays in arrays: nothing in the language goes deeper. */
const DEPTH_MAX = 32;

export interface ParsedSource extends Source {
  readonly tree: Tree;
}

/** One text, or the place where its syntax is broken. */
export function parseSource(path: string, text: string): ParsedSource | ConfigIssue {
  if (text.length > FILE_CHARACTERS_MAX) return fileIssue(path, `is larger than ${FILE_CHARACTERS_MAX} characters`);
  try {
    const tree = parse(text, { unsafeKeyBehaviour: "throw", maxDepth: DEPTH_MAX });
    return { path, tree, locations: locateToml(text) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    return syntaxIssue(path, text, error);
  }
}

export function isIssue(value: ParsedSource | ConfigIssue): value is ConfigIssue {
  return "severity" in value;
}

function syntaxIssue(path: string, text: string, error: TomlError): ConfigIssue {
  const lines = text.split("\n");
  const line = Math.min(Math.max(error.line, 1), lines.length);
  const lineLength = lines[line - 1].length;
  const before = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  const start = before + Math.min(Math.max(error.column - 1, 0), lineLength);
  // The first line of smol-toml's message; the rest is its own excerpt.
  const reason = error.message.split("\n", 1)[0].replace(/^Invalid TOML document: /, "");
  // What is broken cannot be located, so everything behind a word for a secret is hidden.
  const shown = text.replace(
    /((?:pass|auth|secret)[^\n=]*=[ \t]*)([^\n]*)/gi,
    (_, before: string, rest: string) => before + "*".repeat(rest.length),
  );
  const message = `TOML syntax: ${reason}`;
  const foreign = foreignProduct(text);
  const help =
    foreign !== null
      ? { help: `this looks like a file of ${foreign}; Ballast's is TOML, and \`ballast schema\` has every key` }
      : reason.includes("control characters")
        ? { help: "is a closing quote missing?" }
        : {};
  const extent = { start, end: start + 1 };
  return issueAt({ path, locations: locateToml(shown) }, extent, { severity: "error", path: "", message, ...help });
}

/** Whose configuration this is by its section lines; null: nobody's that we know. */
function foreignProduct(text: string): "haproxy" | "keepalived" | null {
  if (/^[ \t]*(vrrp_instance|virtual_server|global_defs|vrrp_script)\b[^\n=]*\{/m.test(text)) return "keepalived";
  if (/^(global|defaults|(frontend|backend|listen)[ \t]+[\w.:-]+)[ \t]*\r?$/m.test(text)) return "haproxy";
  return null;
}

/** Files that the patterns name, in their order; within a pattern by name. */
export function includedPaths(main: ParsedSource, environment: ConfigEnvironment, sink: IssueSink): readonly string[] {
  const patterns = main.tree["include"];
  if (!Array.isArray(patterns)) return [];
  const paths: string[] = [];
  for (const [index, pattern] of patterns.entries()) {
    if (typeof pattern !== "string" || pattern === "") continue;
    const path = pattern.startsWith("/") ? pattern : `${directoryOf(environment.path)}${pattern}`;
    if (!/[*?]/.test(path)) paths.push(path);
    else paths.push(...matching(path, ["include", index], environment, sink));
  }
  if (paths.length > FILE_COUNT_MAX) {
    sink.error(["include"], `names ${paths.length} files; at most ${FILE_COUNT_MAX} are taken`);
  }
  return [...new Set(paths)].slice(0, FILE_COUNT_MAX);
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

/** Wildcards stand in the last component only. A pattern without any file is fine: conf.d may be empty, but it is there. */
function matching(path: string, at: Path, environment: ConfigEnvironment, sink: IssueSink): readonly string[] {
  const directory = directoryOf(path);
  if (/[*?]/.test(directory)) {
    sink.error(at, "* and ? may stand in the file's name only, not in its directory");
    return [];
  }
  const names = environment.listDirectory?.(directory === "" ? "." : directory);
  if (names === null) sink.warn(at, `there is no directory ${directory}: nothing is included`);
  const form = path.slice(directory.length).replace(/[.+^${}()|[\]\\]/g, "\\$&");
  const regex = new RegExp(`^${form.replaceAll("*", "[^/]*").replaceAll("?", "[^/]")}$`);
  // As in a shell, names that begin with a dot are not meant: editors leave such files behind.
  const hidden = path.slice(directory.length).startsWith(".");
  const found = (names ?? []).filter((name) => regex.test(name) && (hidden || !name.startsWith(".")));
  return found.toSorted().map((name) => `${directory}${name}`);
}

/** All trees as one. A key that two files set is an error at the second. */
export function mergeTrees(sources: readonly ParsedSource[], sink: IssueSink): Tree {
  const merged: Record<string, unknown> = {};
  for (const [index, source] of sources.entries()) {
    const { include, ...sections } = source.tree;
    if (index === 0 && include !== undefined) merged["include"] = include;
    if (index > 0 && include !== undefined) {
      sink.error(["include"], `${source.path}: an included file cannot include others`, { mark: "key" });
    }
    mergeInto(merged, sections, [], source, sink);
  }
  return merged;
}

function mergeInto(target: Record<string, unknown>, tree: Tree, at: Path, source: ParsedSource, sink: IssueSink): void {
  for (const [key, value] of Object.entries(tree)) {
    const existing = target[key];
    if (isTable(existing) && isTable(value)) {
      mergeInto(existing as Record<string, unknown>, value, [...at, key], source, sink);
    } else if (Object.hasOwn(target, key)) {
      sink.error([...at, key], `is set again in ${source.path}`, { mark: "key" });
    } else {
      target[key] = isTable(value) ? structuredClone(value) : value;
    }
  }
}
