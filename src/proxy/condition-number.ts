/** Integer patterns as functions: comparisons and inclusive ranges. NaN, a value that is absent, matches nothing. */
import type { Pattern } from "../acl/ast.ts";
import { assert, unreachable } from "../lib/result.ts";

export type NumberTest = (value: number) => boolean;

function patternTest(pattern: Pattern): NumberTest {
  if (pattern.kind === "range") {
    const { low, high } = pattern;
    return (value) => value >= low && value <= high;
  }
  assert(pattern.kind === "integer", `condition: a ${pattern.kind} pattern stands where an integer belongs`);
  const { comparison, value: wanted } = pattern;
  switch (comparison) {
    case "eq":
      return (value) => value === wanted;
    case "lt":
      return (value) => value < wanted;
    case "le":
      return (value) => value <= wanted;
    case "gt":
      return (value) => value > wanted;
    case "ge":
      return (value) => value >= wanted;
    default:
      return unreachable(comparison);
  }
}

/** Holds when any pattern does. */
export function compileNumber(patterns: readonly Pattern[]): NumberTest {
  const tests = patterns.map(patternTest);
  if (tests.length === 1) return tests[0];
  return (value) => {
    for (const test of tests) if (test(value)) return true;
    return false;
  };
}
