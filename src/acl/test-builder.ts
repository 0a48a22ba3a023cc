/** One test of a condition: fetch, flags, operator and pattern words → a Match with typed patterns. */
import { maskIp, formatIp, parseIp, parseNetwork } from "../lib/ip.ts";
import { err, ok, unreachable } from "../lib/result.ts";
import type { Result } from "../lib/result.ts";
import { didYouMean, suggest } from "../lib/suggest.ts";
import type { Comparison, Condition, MatchMethod, Pattern } from "./ast.ts";
import { matchMethods } from "./ast.ts";
import type { FetchName, SampleKind } from "./fetches.ts";
import type { ConditionError, Span } from "./lexer.ts";
import type { ConditionScope } from "./parser.ts";
import { translateRegex } from "./regex.ts";

export interface TestWord extends Span {
  readonly text: string;
  readonly quoted: boolean;
}

export interface TestParts {
  readonly fetch: FetchName;
  /** Text between the parentheses, null without them. */
  readonly args: string | null;
  /** ",lower" and the like behind the fetch, null without. */
  readonly converter: string | null;
  readonly head: Span;
  readonly words: readonly TestWord[];
}

type Outcome<T> = Result<T, ConditionError>;

function fail(span: Span, message: string, help: string | null = null): Outcome<never> {
  return err({ start: span.start, end: span.end, message, help });
}

const nativeMethod = { text: "exact", integer: "int", ip: "ip", boolean: "bool" } as const;
const methodsOf: Readonly<Record<SampleKind, readonly MatchMethod[]>> = {
  text: ["exact", "beg", "end", "sub", "dir", "dom", "reg", "len", "found"],
  integer: ["int", "found"],
  ip: ["ip", "found"],
  boolean: ["bool", "found"],
};

/** The test as a condition, or the word that is wrong. */
export function buildTest(parts: TestParts, scope: ConditionScope): Outcome<Condition> {
  const { fetch, head } = parts;
  if (fetch.row.since !== "supported") return fail(head, `fetch "${fetch.name}" is not supported yet`);
  if (parts.converter !== null) return fail(head, `converter "${parts.converter.slice(1)}" is not supported yet`);
  if (fetch.row.layer === "http" && scope.mode === "tcp") {
    return fail(head, `fetch "${fetch.name}" reads HTTP, but this is mode "tcp"`, 'set mode = "http"');
  }
  const args = argsOf(parts, scope);
  if (!args.ok) return args;
  const flags = readFlags(parts);
  if (!flags.ok) return flags;
  const { method, ignoreCase, rest } = flags.value;
  const patterns = patternsOf(method, rest, head);
  if (!patterns.ok) return patterns;
  if (method === "bool") return ok(booleanTest(fetch.name, args.value, patterns.value));
  return ok({ kind: "match", fetch: fetch.name, args: args.value, ignoreCase, method, patterns: patterns.value });
}

function argsOf(parts: TestParts, scope: ConditionScope): Outcome<readonly string[]> {
  const { fetch, head } = parts;
  const given = parts.args === null || parts.args.trim() === "" ? [] : parts.args.split(",").map((arg) => arg.trim());
  const name = fetch.name;
  switch (fetch.row.args) {
    case "none":
      return given.length === 0 ? ok([]) : fail(head, `fetch "${name}" takes nothing in parentheses`);
    case "optional":
      return ok(given);
    case "name":
      if (given.length === 0) return fail(head, `fetch "${name}" needs a name: ${name}(host)`);
      if (given.length > 1) return fail(head, `an occurrence, as in ${name}(${parts.args}), is not supported yet`);
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(given[0])) return fail(head, `"${given[0]}" is no header name`);
      return ok([given[0].toLowerCase()]);
    case "backend": {
      const backend = given[0] ?? scope.ownBackend;
      if (backend === null) return fail(head, `in a frontend "${name}" needs the backend: ${name}(NAME)`);
      if (scope.backends.includes(backend)) return ok([backend]);
      return fail(head, `no backend is named "${backend}"${didYouMean(backend, scope.backends)}`);
    }
    default:
      return unreachable(fetch.row.args);
  }
}

interface Flags {
  readonly method: MatchMethod;
  readonly ignoreCase: boolean;
  readonly rest: readonly TestWord[];
}

/** Flags stand before the patterns (section 7.1): -i, -m METHOD, -n (nothing is resolved here anyway), --. */
function readFlags(parts: TestParts): Outcome<Flags> {
  const { fetch, words } = parts;
  let method: MatchMethod = fetch.suffix ?? nativeMethod[fetch.row.sample];
  let ignoreCase = false;
  let index = 0;
  for (; index < words.length; index++) {
    const word = words[index];
    if (word.quoted || !/^-[^\d]/.test(word.text)) break;
    if (word.text === "-i") ignoreCase = true;
    else if (word.text === "-m") {
      index++;
      if (index >= words.length)
        return fail(word, "-m needs a method", `one of ${methodsOf[fetch.row.sample].join(", ")}`);
      const chosen = methodNamed(words[index], fetch);
      if (!chosen.ok) return chosen;
      method = chosen.value;
    } else if (word.text === "--") {
      index++;
      break;
    } else if (word.text !== "-n") {
      const known = ["-f", "-M", "-u"].includes(word.text);
      const what = known ? "is not supported yet" : "is no flag of a test";
      return fail(word, `"${word.text}" ${what}`, "flags: -i, -m METHOD, -- before a pattern that begins with a dash");
    }
  }
  return ok({ method, ignoreCase, rest: words.slice(index) });
}

function methodNamed(word: TestWord, fetch: FetchName): Outcome<MatchMethod> {
  const wanted = word.text === "str" ? "exact" : word.text;
  const allowed = methodsOf[fetch.row.sample];
  const method = allowed.find((name) => name === wanted);
  if (method !== undefined) return ok(method);
  const help = `${fetch.name} takes ${allowed.join(", ")}`;
  if ((matchMethods as readonly string[]).includes(wanted)) {
    return fail(word, `method "${word.text}" does not fit fetch "${fetch.name}"`, help);
  }
  return fail(word, `"${word.text}" is no match method${didYouMean(word.text, allowed)}`, help);
}

function patternsOf(method: MatchMethod, words: readonly TestWord[], head: Span): Outcome<readonly Pattern[]> {
  switch (method) {
    case "found":
      return words.length === 0 ? ok([]) : fail(words[0], '"-m found" takes no patterns');
    case "int":
      // Without a pattern an integer counts as true when it is not zero.
      return words.length === 0 ? ok([{ kind: "integer", comparison: "gt", value: 0 }]) : integerPatterns(words);
    case "len":
      return words.length === 0 ? needsPattern(head) : integerPatterns(words);
    case "bool":
      return words.length === 0 ? ok([]) : booleanPatterns(words);
    case "ip":
      return words.length === 0 ? needsPattern(head) : collect(words, networkPattern);
    case "reg":
      return words.length === 0 ? needsPattern(head) : collect(words, regexPattern);
    case "exact":
    case "beg":
    case "end":
    case "sub":
    case "dir":
    case "dom":
      return words.length === 0 ? needsPattern(head) : collect(words, textPattern);
    default:
      return unreachable(method);
  }
}

function needsPattern(head: Span): Outcome<never> {
  return fail(head, "the test has no pattern", 'add one, or "-m found" to ask whether it is there');
}

function collect(words: readonly TestWord[], parse: (word: TestWord) => Outcome<Pattern>): Outcome<readonly Pattern[]> {
  const patterns: Pattern[] = [];
  for (const word of words) {
    const parsed = parse(word);
    if (!parsed.ok) return parsed;
    patterns.push(parsed.value);
  }
  return ok(patterns);
}

function textPattern(word: TestWord): Outcome<Pattern> {
  const unbalanced = word.text.split("(").length !== word.text.split(")").length;
  if (!word.quoted && unbalanced) {
    return fail(
      word,
      `"${word.text}" has a parenthesis too many or too few`,
      "put && before a group, or quote the pattern",
    );
  }
  return ok({ kind: "text", text: word.text });
}

function regexPattern(word: TestWord): Outcome<Pattern> {
  const translated = translateRegex(word.text);
  if (translated.ok) return ok({ kind: "text", text: translated.value });
  return fail(word, `regular expression "${word.text}" ${translated.error.message}`, translated.error.help);
}

function networkPattern(word: TestWord): Outcome<Pattern> {
  const network = parseNetwork(dottedMaskToLength(word.text));
  if (network === null)
    return fail(word, `"${word.text}" is no address or network`, "such as 192.0.2.7, 10.0.0.0/8, 2001:db8::/32");
  const { address, prefixLength } = network;
  return ok({
    kind: "network",
    family: address.family,
    address: formatIp(maskIp(address, prefixLength)),
    prefixLength,
  });
}

/** "10.0.0.0/255.0.0.0" → "10.0.0.0/8"; anything else as it is. */
function dottedMaskToLength(text: string): string {
  const [host, mask] = text.split("/");
  const parsed = mask === undefined ? null : parseIp(mask);
  if (parsed === null || parsed.family !== 4) return text;
  const bits = [...parsed.bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return /^1*0*$/.test(bits) ? `${host}/${bits.lastIndexOf("1") + 1}` : text;
}

const comparisons: readonly Comparison[] = ["lt", "le", "gt", "ge", "eq"];
const foreignComparison: Readonly<Record<string, string>> = {
  "<": "lt",
  "<=": "le",
  ">": "gt",
  ">=": "ge",
  "=": "eq",
  "==": "eq",
};

/** An operator holds for the numbers after it until the next one. */
function integerPatterns(words: readonly TestWord[]): Outcome<readonly Pattern[]> {
  const patterns: Pattern[] = [];
  let comparison: Comparison = "eq";
  let operator: TestWord | null = null;
  for (const word of words) {
    const found = comparisons.find((name) => name === word.text);
    if (found !== undefined) {
      comparison = found;
      operator = word;
      continue;
    }
    const pattern = integerPattern(word, comparison, operator !== null);
    if (!pattern.ok) return pattern;
    patterns.push(pattern.value);
  }
  if (patterns.length > 0) return ok(patterns);
  return fail(operator ?? words[0], `"${words[0].text}" needs a number after it`);
}

function integerPattern(word: TestWord, comparison: Comparison, compared: boolean): Outcome<Pattern> {
  if (/^-?\d{1,15}$/.test(word.text)) return ok({ kind: "integer", comparison, value: Number(word.text) });
  const range = /^(-?\d{1,15})?:(-?\d{1,15})?$/.exec(word.text);
  if (range !== null && !(range[1] === undefined && range[2] === undefined)) {
    if (compared) return fail(word, `a range does not go with "${comparison}"`, "leave the operator out");
    const low = range[1] === undefined ? Number.MIN_SAFE_INTEGER : Number(range[1]);
    const high = range[2] === undefined ? Number.MAX_SAFE_INTEGER : Number(range[2]);
    if (low > high) return fail(word, `the range ${word.text} is upside down`);
    return ok({ kind: "range", low, high });
  }
  const meant = foreignComparison[word.text] ?? suggest(word.text, comparisons);
  const help = meant === null ? "a number, or a range such as 1:1024" : `did you mean "${meant}"?`;
  return fail(word, `"${word.text}" is no number`, help);
}

function booleanPatterns(words: readonly TestWord[]): Outcome<readonly Pattern[]> {
  const values: Pattern[] = [];
  for (const word of words) {
    const value = { "1": 1, true: 1, "0": 0, false: 0 }[word.text];
    if (value === undefined) return fail(word, `"${word.text}" is neither true nor false`);
    values.push({ kind: "integer", comparison: "eq", value });
  }
  return ok(values);
}

/** `ssl_fc`, `ssl_fc 1` and `ssl_fc 0`: the Match itself never carries patterns. */
function booleanTest(fetch: string, args: readonly string[], patterns: readonly Pattern[]): Condition {
  const match: Condition = { kind: "match", fetch, args, ignoreCase: false, method: "bool", patterns: [] };
  if (patterns.length === 0) return match;
  const values = new Set(patterns.map((pattern) => pattern.kind === "integer" && pattern.value === 1));
  if (values.size === 2) return { kind: "constant", value: true };
  return values.has(true) ? match : { kind: "not", term: match };
}
