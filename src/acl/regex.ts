/**
 * HAProxy's regular expressions (PCRE as its users write them) → the source of a JavaScript RegExp with the same
 * meaning over a byte string (one character a byte, no flags but "i"). What would mean something else, or could be
 * made to run for seconds by whoever chooses the request, is refused with the reason.
 */
import { err, ok } from "../lib/result.ts";
import type { Result } from "../lib/result.ts";
import { parseRegex, RegexStop } from "./regex-parser.ts";
import type { RegexNode } from "./regex-parser.ts";
import { regexProblem } from "./regex-safety.ts";

export interface RegexError {
  /** A clause that follows the quoted expression. */
  readonly message: string;
  readonly help: string | null;
}

/** Longer ones are lists in disguise. */
const REGEX_LENGTH_MAX = 4096;

/** The source for `new RegExp(source, ignoreCase ? "i" : "")`. Translating a translation changes nothing. */
export function translateRegex(text: string): Result<string, RegexError> {
  if (text.length > REGEX_LENGTH_MAX)
    return err({ message: `is longer than ${REGEX_LENGTH_MAX} characters`, help: null });
  const parsed = parsedOrProblem(text);
  if (!parsed.ok) return parsed;
  const problem = regexProblem(parsed.value.node);
  if (problem !== null) return err(problem);
  try {
    void new RegExp(parsed.value.source);
  } catch (error) {
    return err({ message: `does not compile: ${error instanceof Error ? error.message : String(error)}`, help: null });
  }
  return ok(parsed.value.source);
}

function parsedOrProblem(text: string): Result<{ node: RegexNode; source: string }, RegexError> {
  try {
    return ok(parseRegex(text));
  } catch (error) {
    if (error instanceof RegexStop) return err({ message: error.message, help: error.help });
    throw error;
  }
}
