/** Condition → text that parses to the same Condition: for `show config` and `plan`. */
import { unreachable } from "../lib/result.ts";
import type { Condition, Match, Pattern } from "./ast.ts";

export function formatCondition(condition: Condition): string {
  switch (condition.kind) {
    case "and":
      return condition.terms.map((term) => formatTerm(term)).join(" && ");
    case "or":
      return condition.terms
        .map((term) => (term.kind === "or" ? formatTerm(term) : formatCondition(term)))
        .join(" || ");
    case "not":
      return `!${formatTerm(condition.term)}`;
    case "constant":
      return condition.value ? "TRUE" : "FALSE";
    case "match":
      return formatMatch(condition);
    default:
      return unreachable(condition);
  }
}

function formatTerm(term: Condition): string {
  const grouped = term.kind === "and" || term.kind === "or";
  return grouped ? `(${formatCondition(term)})` : formatCondition(term);
}

const nativeMethods = ["exact", "int", "ip", "bool"];

function formatMatch(match: Match): string {
  const args = match.args.length === 0 ? "" : `(${match.args.join(",")})`;
  const suffix = nativeMethods.includes(match.method) ? "" : ` -m ${match.method}`;
  const fold = match.ignoreCase ? " -i" : "";
  return `${match.fetch}${args}${suffix}${fold}${patternWords(match)}`;
}

function patternWords(match: Match): string {
  let text = "";
  let comparison = "eq";
  for (const pattern of match.patterns) {
    if (pattern.kind === "integer" && pattern.comparison !== comparison) {
      comparison = pattern.comparison;
      text += ` ${comparison}`;
    }
    text += ` ${formatPattern(pattern)}`;
  }
  return text;
}

function formatPattern(pattern: Pattern): string {
  switch (pattern.kind) {
    case "text":
      return quoteWord(pattern.text);
    case "integer":
      return String(pattern.value);
    case "range": {
      const low = pattern.low === Number.MIN_SAFE_INTEGER ? "" : String(pattern.low);
      const high = pattern.high === Number.MAX_SAFE_INTEGER ? "" : String(pattern.high);
      return `${low}:${high}`;
    }
    case "network":
      return `${pattern.address}/${pattern.prefixLength}`;
    default:
      return unreachable(pattern);
  }
}

/** Plain when nothing in it could be read as an operator, a flag or another test. */
function quoteWord(text: string): string {
  if (/^[/.][\w/.~%=+,:@-]*$/.test(text)) return text;
  return text.includes("'") ? `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"` : `'${text}'`;
}
