/**
 * HAProxy's condition language → Condition (configuration.txt, sections 7.1 and 7.2).
 *
 *   condition  = all { ( "||" | "or" ) all }
 *   all        = term { [ "&&" | "and" ] term }
 *   term       = { "!" } ( "(" condition ")" | "{" test "}" | ACL name | TRUE | FALSE | test )
 *   test       = fetch[(args)] { flag } [ lt | le | gt | ge | eq ] { pattern }
 *
 * Wider than HAProxy in one way: a test may stand without braces; its patterns then end at an operator.
 */
import { didYouMean, suggest } from "../lib/suggest.ts";
import { err, ok } from "../lib/result.ts";
import type { Result } from "../lib/result.ts";
import type { Condition } from "./ast.ts";
import { constantWords, fetchWords, findFetch, predefinedAcls } from "./fetches.ts";
import { readToken } from "./lexer.ts";
import type { ConditionError, LexerPlace, Span, Token } from "./lexer.ts";
import { buildTest } from "./test-builder.ts";
import type { TestWord } from "./test-builder.ts";

/** What a condition may refer to, and where it stands. */
export interface ConditionScope {
  readonly mode: "tcp" | "http";
  /** The backend whose rule this is (the default of nbsrv()), or null in a frontend. */
  readonly ownBackend: string | null;
  readonly backends: readonly string[];
  readonly aclNames: readonly string[];
  /** The condition behind an ACL's name; the caller keeps its errors and answers a constant for a broken one. */
  readonly acl: (name: string) => Condition | null;
}

/** Deeper groups are a mistake, and would exhaust the stack of whoever walks the result. */
const GROUP_DEPTH_MAX = 50;
/** ACLs that name ACLs can double at each step; a condition of this size is a mistake. */
const NODE_COUNT_MAX = 10_000;

/** A parsed condition, or the first thing that is wrong with it, by offset into the text. */
export function parseCondition(text: string, scope: ConditionScope): Result<Condition, ConditionError> {
  const parser = new Parser(text, scope);
  try {
    return ok(parser.parse());
  } catch (error) {
    if (error instanceof ParseStop) return err(error.problem);
    throw error;
  }
}

/** Unwinds the recursion to parseCondition; never leaves this file. */
class ParseStop extends Error {
  readonly problem: ConditionError;
  constructor(problem: ConditionError) {
    super(problem.message);
    this.problem = problem;
  }
}

class Parser {
  readonly #text: string;
  readonly #scope: ConditionScope;
  #at = 0;
  #depth = 0;
  #nodes = 0;

  constructor(text: string, scope: ConditionScope) {
    this.#text = text;
    this.#scope = scope;
  }

  parse(): Condition {
    const first = this.#peek(termPlace(""));
    if (first.kind === "end") this.#fail(first, "the condition is empty", "leave it out to match always");
    const condition = this.#any("");
    const rest = this.#peek(termPlace(""));
    if (rest.kind !== "end") this.#fail(rest, `unexpected "${this.#source(rest)}"`, null);
    return condition;
  }

  #any(closer: LexerPlace["closer"]): Condition {
    const terms = [this.#all(closer)];
    while (this.#skipOperator("or", closer)) terms.push(this.#all(closer));
    return join("or", terms);
  }

  #all(closer: LexerPlace["closer"]): Condition {
    const terms = [this.#term(closer)];
    for (;;) {
      const explicit = this.#skipOperator("and", closer);
      if (!explicit && !this.#startsTerm(closer)) return join("and", terms);
      terms.push(this.#term(closer));
    }
  }

  #startsTerm(closer: LexerPlace["closer"]): boolean {
    const token = this.#peek(termPlace(closer));
    if (token.kind === "operator") return ["not", "(", "{"].includes(token.operator);
    return token.kind === "word" || token.kind === "error";
  }

  #term(closer: LexerPlace["closer"]): Condition {
    const token = this.#take(termPlace(closer));
    switch (token.kind) {
      case "end":
        return this.#fail(token, "the condition ends where a test is expected", null);
      case "error":
        return this.#fail(token, token.message, token.help);
      case "word":
        return this.#named(token, closer);
      case "operator":
        if (token.operator === "not") return { kind: "not", term: this.#nested(token, () => this.#term(closer)) };
        if (token.operator === "(") return this.#group(token);
        if (token.operator === "{") return this.#braces(token);
        return this.#fail(token, `"${this.#source(token)}" stands where a test is expected`, null);
    }
  }

  #nested(token: Span, parse: () => Condition): Condition {
    this.#depth++;
    if (this.#depth > GROUP_DEPTH_MAX) this.#fail(token, `groups nest deeper than ${GROUP_DEPTH_MAX}`, null);
    const condition = parse();
    this.#depth--;
    return condition;
  }

  #group(open: Span): Condition {
    const inner = this.#nested(open, () => this.#any(")"));
    if (!this.#skipOperator(")", ")")) this.#fail(open, '"(" is never closed', null);
    return inner;
  }

  #braces(open: Span): Condition {
    const token = this.#take(termPlace("}"));
    if (token.kind === "error") this.#fail(token, token.message, token.help);
    if (token.kind !== "word") this.#fail(token, '"{" must be followed by a test such as { ssl_fc }', null);
    if (this.#scope.aclNames.includes(token.text)) {
      this.#fail(token, `"${token.text}" is an ACL; braces hold a test`, `write ${token.text} without braces`);
    }
    const condition = Object.hasOwn(constantWords, token.text) ? this.#constant(token.text) : this.#test(token, "}");
    const close = this.#take(termPlace("}"));
    if (close.kind === "operator" && close.operator === "}") return condition;
    if (close.kind === "end") this.#fail(open, '"{" is never closed', null);
    return this.#fail(close, `unexpected "${this.#source(close)}" in braces`, "braces hold one test; combine outside");
  }

  #named(word: Token & { readonly kind: "word" }, closer: LexerPlace["closer"]): Condition {
    const name = word.text;
    const acl = this.#scope.acl(name);
    if (acl !== null) {
      this.#grow(word, nodeCount(acl, NODE_COUNT_MAX));
      return acl;
    }
    if (Object.hasOwn(constantWords, name)) return this.#constant(name);
    if (Object.hasOwn(predefinedAcls, name)) return this.#predefined(word);
    return this.#test(word, closer);
  }

  #constant(name: string): Condition {
    return { kind: "constant", value: constantWords[name] };
  }

  #predefined(word: Token & { readonly kind: "word" }): Condition {
    const parsed = parseCondition(predefinedAcls[word.text], this.#scope);
    if (!parsed.ok) this.#fail(word, `${word.text}: ${parsed.error.message}`, parsed.error.help);
    return parsed.value;
  }

  #test(word: Token & { readonly kind: "word" }, closer: LexerPlace["closer"]): Condition {
    const bare = closer !== "}";
    const head = /^([^(,\s]+)(?:\((.*)\))?(,.*)?$/s.exec(word.text);
    const fetch = head === null ? null : findFetch(head[1]);
    if (head === null || fetch === null) return this.#unknown(word, head?.[1] ?? word.text);
    this.#grow(word, 1);
    const words: TestWord[] = [];
    const last = (): TestWord | undefined => words.at(-1);
    for (;;) {
      const token = this.#peek({ expects: "pattern", closer });
      if (token.kind === "error") this.#fail(token, token.message, token.help);
      if (token.kind !== "word") break;
      // A yes-or-no fetch takes no words, so the next one is the next term.
      if (
        bare &&
        fetch.row.sample === "boolean" &&
        !/^(?:-.|[01]$|true$|false$)/.test(token.text) &&
        last()?.text !== "-m"
      ) {
        break;
      }
      if (bare && !token.quoted) this.#refuseAmbiguous(token, last()?.text);
      words.push(token);
      this.#at = token.end;
    }
    const built = buildTest(
      { fetch, args: head[2] ?? null, converter: head[3] ?? null, head: word, words },
      this.#scope,
    );
    if (!built.ok) throw new ParseStop(built.error);
    return built.value;
  }

  /** A pattern without quotes that is also a name: in HAProxy's braces the question cannot come up. */
  #refuseAmbiguous(token: Token & { readonly kind: "word" }, before: string | undefined): void {
    if (before === "-m") return;
    const isName =
      this.#scope.aclNames.includes(token.text) ||
      Object.hasOwn(constantWords, token.text) ||
      Object.hasOwn(predefinedAcls, token.text);
    const isFetch = findFetch(token.text.replace(/\(.*$/s, "")) !== null;
    if (!isName && !isFetch) return;
    this.#fail(
      token,
      `"${token.text}" can be a pattern or the next ${isName ? "ACL" : "test"}`,
      `write "&& ${token.text}", or quote the pattern: '${token.text}'`,
    );
  }

  #unknown(word: Span, name: string): never {
    const acl = suggest(name, this.#scope.aclNames);
    const hint =
      acl === null ? didYouMean(name, [...fetchWords(), ...Object.keys(constantWords)]) : `; did you mean "${acl}"?`;
    const known = this.#scope.aclNames.length > 0 ? `ACLs here: ${this.#scope.aclNames.slice(0, 20).join(", ")}` : null;
    return this.#fail(word, `"${name}" is neither an ACL nor a fetch${hint}`, hint === "" ? known : null);
  }

  #grow(at: Span, nodes: number): void {
    this.#nodes += nodes;
    if (this.#nodes > NODE_COUNT_MAX) this.#fail(at, `the condition has more than ${NODE_COUNT_MAX} tests`, null);
  }

  #skipOperator(operator: "and" | "or" | ")", closer: LexerPlace["closer"]): boolean {
    const token = this.#peek(termPlace(closer));
    if (token.kind !== "operator" || token.operator !== operator) return false;
    this.#at = token.end;
    return true;
  }

  #peek(place: LexerPlace): Token {
    return readToken(this.#text, this.#at, place);
  }

  #take(place: LexerPlace): Token {
    const token = this.#peek(place);
    this.#at = token.end;
    return token;
  }

  #source(span: Span): string {
    return this.#text.slice(span.start, span.end);
  }

  #fail(span: Span, message: string, help: string | null): never {
    throw new ParseStop({ start: span.start, end: Math.max(span.end, span.start + 1), message, help });
  }
}

function termPlace(closer: LexerPlace["closer"]): LexerPlace {
  return { expects: "term", closer };
}

/** One list for "a && b && c", the term itself when it is alone. */
function join(kind: "and" | "or", terms: readonly Condition[]): Condition {
  if (terms.length === 1) return terms[0];
  return { kind, terms: terms.flatMap((term) => (term.kind === kind ? term.terms : [term])) };
}

/** Tests in a condition; stops counting beyond `max`, since shared parts can make it exponential. */
function nodeCount(condition: Condition, max: number): number {
  const stack = [condition];
  let count = 0;
  for (let term = stack.pop(); term !== undefined && count <= max; term = stack.pop()) {
    count++;
    if (term.kind === "and" || term.kind === "or") stack.push(...term.terms);
    else if (term.kind === "not") stack.push(term.term);
  }
  return count;
}
