/** Conditions compiled once, at load, into functions over the bytes of a request. */
import type { Condition, Match } from "../acl/ast.ts";
import { assert, unreachable } from "../lib/result.ts";
import { compileAddress } from "./condition-address.ts";
import { compileNumber } from "./condition-number.ts";
import { compileText } from "./condition-text.ts";
import { compileFetch, type FetchEnvironment } from "./fetches.ts";
import type { RequestContext } from "./request-context.ts";

export type CompiledCondition = (context: RequestContext) => boolean;

const always: CompiledCondition = () => true;
const never: CompiledCondition = () => false;

/** The condition as one function. Conditions come from a validated configuration: a shape that cannot be is a bug. */
export function compileCondition(condition: Condition, environment: FetchEnvironment): CompiledCondition {
  switch (condition.kind) {
    case "constant":
      return condition.value ? always : never;
    case "not": {
      const term = compileCondition(condition.term, environment);
      return (context) => !term(context);
    }
    case "and": {
      const terms = condition.terms.map((term) => compileCondition(term, environment));
      return (context) => {
        for (const term of terms) if (!term(context)) return false;
        return true;
      };
    }
    case "or": {
      const terms = condition.terms.map((term) => compileCondition(term, environment));
      return (context) => {
        for (const term of terms) if (term(context)) return true;
        return false;
      };
    }
    case "match":
      return compileMatch(condition, environment);
    default:
      return unreachable(condition);
  }
}

function compileMatch(match: Match, environment: FetchEnvironment): CompiledCondition {
  const fetch = compileFetch(match.fetch, match.args, environment);
  switch (fetch.kind) {
    case "absent":
      return never;
    case "text": {
      const { any } = fetch;
      const test = compileText(match);
      return (context) => any(context, test);
    }
    case "number": {
      const { read } = fetch;
      if (match.method === "found") return always;
      if (match.method === "bool") return (context) => read(context) !== 0;
      const test = compileNumber(match.patterns);
      return (context) => test(read(context));
    }
    case "boolean": {
      const { read } = fetch;
      if (match.method === "found") return always;
      if (match.patterns.length === 0) return read;
      const test = compileNumber(match.patterns);
      return (context) => test(read(context) ? 1 : 0);
    }
    case "address": {
      const { read } = fetch;
      if (match.method === "found") return always;
      assert(match.method === "ip", `condition: ${match.fetch} -m ${match.method} is not an address match`);
      const test = compileAddress(match.patterns);
      return (context) => test(read(context));
    }
    default:
      return unreachable(fetch);
  }
}

/** Whether any part of the condition asks for that fetch. */
export function conditionUses(condition: Condition, fetch: string): boolean {
  switch (condition.kind) {
    case "constant":
      return false;
    case "not":
      return conditionUses(condition.term, fetch);
    case "and":
    case "or":
      return condition.terms.some((term) => conditionUses(term, fetch));
    case "match":
      return condition.fetch === fetch;
    default:
      return unreachable(condition);
  }
}
