/** Problems of a configuration with their place in the text: what the operator sees. */
import { characterCount, lineStartOf, placeAt } from "./locate.ts";
import type { Extent, Locations } from "./locate.ts";
import { formatPath } from "./schema-issue.ts";
import type { IssueDraft, Path, Severity } from "./schema-issue.ts";
import { secretExtents } from "./mask.ts";
import { scanString } from "./toml-string.ts";

export interface ConfigIssue {
  readonly severity: Severity;
  readonly file: string;
  /** Key path, `frontend.web.bind[0]`; empty for the file as a whole. */
  readonly path: string;
  /** From 1; 0 when the problem has no place in a text. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  /** Characters that the caret marks, at least 1. */
  readonly length: number;
  /** The line, secrets replaced by asterisks. */
  readonly sourceLine: string;
  readonly message: string;
  readonly found?: string;
  readonly wanted?: string;
  readonly help?: string;
}

/** One file of the configuration. */
export interface Source {
  readonly path: string;
  readonly locations: Locations;
}

/** An issue about a file that has no text to point at. */
export function fileIssue(file: string, message: string, help?: string): ConfigIssue {
  const base = { severity: "error", file, path: "", line: 0, column: 0, length: 1, sourceLine: "", message } as const;
  return help === undefined ? base : { ...base, help };
}

/** Finds the place of a draft in the file that holds the longest part of its path. */
export function placeIssue(draft: IssueDraft, sources: readonly Source[]): ConfigIssue {
  const { source, extent } = findExtent(draft, sources);
  return issueAt(source, extent, {
    severity: draft.severity,
    path: formatPath(draft.show ?? draft.at),
    message: draft.message,
    ...(draft.found === undefined ? {} : { found: draft.found }),
    ...(draft.wanted === undefined ? {} : { wanted: draft.wanted }),
    ...(draft.help === undefined ? {} : { help: draft.help }),
  });
}

type IssueText = Pick<ConfigIssue, "severity" | "path" | "message" | "found" | "wanted" | "help">;

export function issueAt(source: Source, extent: Extent, text: IssueText): ConfigIssue {
  const whole = source.locations.text;
  const { line, column, sourceLine } = placeAt(whole, extent.start);
  const firstLine = whole.slice(extent.start, Math.max(extent.end, extent.start + 1)).split(/\r?\n/, 1)[0];
  return {
    ...text,
    file: source.path,
    line,
    column,
    length: Math.max(1, characterCount(firstLine)),
    sourceLine: withoutSecrets(source, lineStartOf(whole, extent.start), sourceLine),
  };
}

/** The same length with every secret of the line as asterisks, so that the caret still fits. */
function withoutSecrets(source: Source, start: number, line: string): string {
  let shown = line;
  for (const extent of secretExtents(source.locations)) {
    const from = Math.max(extent.start - start, 0);
    const to = Math.min(extent.end - start, line.length);
    if (to > from) shown = shown.slice(0, from) + "*".repeat(to - from) + shown.slice(to);
  }
  return shown;
}

function findExtent(draft: IssueDraft, sources: readonly Source[]): { source: Source; extent: Extent } {
  for (let length = draft.at.length; length > 0; length--) {
    const path: Path = draft.at.slice(0, length);
    for (const source of sources) {
      const location = source.locations.find(path);
      if (location === null) continue;
      // A parent stands in for what is not there: its key, not its whole value.
      const marksKey = draft.mark === "key" || length < draft.at.length;
      const extent = marksKey ? location.key : location.value;
      return { source, extent: draft.part === undefined ? extent : partOf(source.locations.text, extent, draft.part) };
    }
  }
  return { source: sources[0], extent: { start: 0, end: 0 } };
}

/** The part of a string literal that holds these units of its value. */
function partOf(text: string, extent: Extent, part: { readonly start: number; readonly end: number }): Extent {
  if (text[extent.start] !== '"' && text[extent.start] !== "'") return extent;
  const { offsets } = scanString(text, extent.start);
  const last = offsets.length - 1;
  const start = offsets[Math.min(part.start, last)];
  return { start, end: Math.max(offsets[Math.min(part.end, last)], start + 1) };
}
