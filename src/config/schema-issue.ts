/** Where something stands in the configuration, and what is wrong with it, before line and column are known. */

/** Keys and indexes from the top: ["frontend", "web", "bind", 0, "tls"]. */
export type Path = readonly (string | number)[];

export type Severity = "error" | "warning";

export interface IssueDraft {
  readonly severity: Severity;
  readonly at: Path;
  /** What of it the caret marks: the key itself, or its value. */
  readonly mark: "key" | "value";
  /** The path to name in the message when it is not `at`: the table that holds an unknown key. */
  readonly show?: Path;
  /** Part of a text value, as offsets into the decoded text; absent: all of it. */
  readonly part?: { readonly start: number; readonly end: number };
  readonly message: string;
  readonly found?: string;
  readonly wanted?: string;
  readonly help?: string;
}

export interface IssueDetails {
  readonly mark?: "key" | "value";
  readonly show?: Path;
  readonly part?: { readonly start: number; readonly end: number };
  readonly found?: string;
  readonly wanted?: string;
  readonly help?: string;
}

/** A file with thousands of mistakes is the wrong file: the first hundred say so. */
const ISSUE_COUNT_MAX = 100;

/** Collects everything that is wrong; the order is that of discovery. */
export class IssueSink {
  readonly #drafts: IssueDraft[] = [];
  #errorCount = 0;

  error(at: Path, message: string, details: IssueDetails = {}): void {
    this.#errorCount++;
    this.#add("error", at, message, details);
  }

  warn(at: Path, message: string, details: IssueDetails = {}): void {
    this.#add("warning", at, message, details);
  }

  #add(severity: Severity, at: Path, message: string, details: IssueDetails): void {
    if (this.#drafts.length >= ISSUE_COUNT_MAX) return;
    const last = this.#drafts.length === ISSUE_COUNT_MAX - 1;
    const text = last ? `${message} (and more: only the first ${ISSUE_COUNT_MAX} problems are shown)` : message;
    this.#drafts.push({ mark: "value", ...details, severity, at, message: text });
  }

  get drafts(): readonly IssueDraft[] {
    return this.#drafts;
  }

  get errorCount(): number {
    return this.#errorCount;
  }
}

/** `frontend.web.bind[0].tls`; keys that need quotes in TOML have them: `frontend."my web"`. */
export function formatPath(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += (text === "" ? "" : ".") + (/^[A-Za-z0-9_-]+$/.test(step) ? step : JSON.stringify(step));
  }
  return text;
}
