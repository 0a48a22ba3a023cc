/** TOML text → configuration, or everything that is wrong with it. Pure: the surroundings are passed in. */
import { assert } from "../lib/result.ts";
import type { ConfigEnvironment } from "./environment.ts";
import { includedPaths, isIssue, mergeTrees, parseSource } from "./include.ts";
import type { ParsedSource } from "./include.ts";
import { fileIssue, placeIssue } from "./issue.ts";
import type { ConfigIssue } from "./issue.ts";
import { lint } from "./lint.ts";
import { type FailoverLine, lintFailover } from "./lint-failover.ts";
import { maskText } from "./mask.ts";
import { normalise } from "./normalise.ts";
import { documentTable } from "./schema.ts";
import { IssueSink, type Path } from "./schema-issue.ts";
import type { Config } from "./types.ts";
import { validate } from "./validate.ts";

export interface ParsedConfig {
  /** Frozen; null when there is any error. */
  readonly config: Config | null;
  /** In the order of the files' lines. */
  readonly issues: readonly ConfigIssue[];
  /** The files as written, comments and all, with secrets replaced: what `show config` prints. */
  readonly masked: string;
  /** With a peer's configuration: what becomes of each VIP when something fails. */
  readonly failover?: readonly FailoverLine[];
}

/**
 * Parses the main file's text and what it includes. Never throws for anything that a file can contain. `peer`: the other
 * node's configuration, to be compared with.
 */
export function parseConfig(text: string, environment: ConfigEnvironment, peer: Config | null = null): ParsedConfig {
  const main = parseSource(environment.path, text);
  if (isIssue(main)) return { config: null, issues: [main], masked: "" };
  const sink = new IssueSink();
  const { sources, issues } = includeAll(main, environment, sink);
  const tree = mergeTrees(sources, sink);
  const document = documentTable.decode(tree, [], sink);
  assert(document !== undefined, "a table always decodes");
  const normalised = normalise(document, tree, environment, sink);
  validate(normalised, sink);
  // Advice about a file that does not even load would bury what matters.
  if (sink.errorCount === 0 && issues.length === 0) lint(normalised, document, environment, sink);
  const originOf = (object: object): Path => normalised.origins.get(object) ?? [];
  const compares = peer !== null && sink.errorCount === 0;
  const failover = compares ? { failover: lintFailover(normalised.config, peer, originOf, sink) } : {};
  const placed = sink.drafts.map((draft) => placeIssue(draft, sources));
  const all = inFileOrder([...issues, ...placed], sources);
  const failed = all.some((issue) => issue.severity === "error");
  const masked = sources.map((source) => maskText(source.locations)).join("\n");
  return { config: failed ? null : deepFreeze(normalised.config), issues: all, masked, ...failover };
}

function includeAll(
  main: ParsedSource,
  environment: ConfigEnvironment,
  sink: IssueSink,
): { readonly sources: readonly ParsedSource[]; readonly issues: readonly ConfigIssue[] } {
  const sources = [main];
  const issues: ConfigIssue[] = [];
  for (const path of includedPaths(main, environment, sink)) {
    const read = environment.readFile(path);
    if (!read.ok) {
      issues.push(fileIssue(path, `cannot be read: ${read.error}`, `it is named by include in ${main.path}`));
      continue;
    }
    const parsed = parseSource(path, read.value);
    if (isIssue(parsed)) issues.push(parsed);
    else sources.push(parsed);
  }
  return { sources, issues };
}

function inFileOrder(issues: readonly ConfigIssue[], sources: readonly ParsedSource[]): readonly ConfigIssue[] {
  const order = new Map(sources.map((source, index) => [source.path, index] as const));
  const file = (issue: ConfigIssue): number => order.get(issue.file) ?? sources.length;
  return issues.toSorted((a, b) => file(a) - file(b) || a.line - b.line || a.column - b.column);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
