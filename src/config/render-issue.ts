/** A problem as text: place, message, the line with a caret, help. */
import { safeText } from "../lib/safe-text.ts";
import type { ConfigIssue } from "./issue.ts";

/** A longer line is cut around the place that matters. */
const LINE_LENGTH_MAX = 160;

/**
 *   ballast.toml:12:10: error: frontend.web.bind[0]: port 70000 is outside 1–65535
 *    12 | bind = [ "*:70000" ]
 *       |          ^^^^^^^^^
 *       help: …
 */
export function renderIssue(issue: ConfigIssue): string {
  const place = issue.line === 0 ? issue.file : `${issue.file}:${issue.line}:${issue.column}`;
  const subject = issue.path === "" ? "" : `${issue.path}: `;
  const lines = [safeText(`${place}: ${issue.severity}: ${subject}${issue.message}`)];
  const number = issue.line === 0 ? "" : String(issue.line);
  if (issue.line > 0) lines.push(...excerpt(issue, number));
  if (issue.help !== undefined) lines.push(safeText(`${" ".repeat(number.length + 2)}  help: ${issue.help}`));
  return lines.join("\n");
}

function excerpt(issue: ConfigIssue, number: string): readonly string[] {
  const characters = Array.from(issue.sourceLine);
  const from = issue.column > LINE_LENGTH_MAX - 40 ? issue.column - 40 : 0;
  const shown = characters.slice(from, from + LINE_LENGTH_MAX);
  const before = shown.slice(0, issue.column - 1 - from);
  const marked = shown.slice(issue.column - 1 - from, issue.column - 1 - from + issue.length);
  const indent = before.map((character) => (character === "\t" ? "\t" : " ".repeat(shownText(character).length)));
  const caret = "^".repeat(Math.max(1, shownText(marked.join("")).length));
  const lead = from > 0 ? "…" : "";
  return [
    ` ${number} | ${lead}${shownText(shown.join(""))}`,
    ` ${" ".repeat(number.length)} | ${" ".repeat(lead.length)}${indent.join("")}${caret}`,
  ];
}

/** Tabs stay, so that the caret's line lines up. */
function shownText(text: string): string {
  return text.split("\t").map(safeText).join("\t");
}
