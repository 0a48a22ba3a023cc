/**
 * How long a backtracking engine can take over a hostile request: bounded here, before anything is compiled.
 *
 * The estimate is a polynomial: `degree` counts the loops whose end is a guess (the loop's byte may also be what
 * follows it), `ways` the combinations of optional parts and overlapping alternatives. Inside a loop no guess is
 * allowed at all, since each turn would multiply: that is where (a+)+ and (a|ab)* explode.
 */
import { emptySet, overlaps, union } from "./byte-set.ts";
import type { ByteSet } from "./byte-set.ts";
import { unreachable } from "../lib/result.ts";
import { RegexStop } from "./regex-parser.ts";
import type { RegexNode } from "./regex-parser.ts";

/** Quadratic over a target of 8 KiB is tens of milliseconds at the very worst; cubic would be minutes. */
const DEGREE_MAX = 2;
const WAYS_MAX = 1000;

interface Cost {
  readonly degree: number;
  readonly ways: number;
}

const free: Cost = { degree: 0, ways: 1 };

/** Why this expression is not safe, or null. */
export function regexProblem(node: RegexNode): { readonly message: string; readonly help: string | null } | null {
  try {
    const { degree, ways } = cost(node, emptySet, false);
    const total = degree + (isAnchored(node) ? 0 : 1);
    if (total > DEGREE_MAX) {
      return {
        message: "can take cubic time on a hostile request",
        help: 'begin it with "^", or replace ".*" by a class that excludes what follows, such as [^/]*',
      };
    }
    if (ways > WAYS_MAX)
      return { message: `can match in more than ${WAYS_MAX} ways`, help: "write fewer optional parts" };
    return null;
  } catch (error) {
    if (error instanceof RegexStop) return { message: error.message, help: error.help };
    throw error;
  }
}

/** `follow`: bytes that can come right after the node; empty at the end of the expression, where all is decided. */
function cost(node: RegexNode, follow: ByteSet, inLoop: boolean): Cost {
  switch (node.kind) {
    case "set":
    case "start":
    case "nothing":
    case "end":
      return free;
    case "sequence":
      return sequenceCost(node.items, follow, inLoop);
    case "choice":
      return choiceCost(node.branches, follow, inLoop);
    case "repeat":
      return repeatCost(node, follow, inLoop);
    default:
      return unreachable(node);
  }
}

function sequenceCost(items: readonly RegexNode[], follow: ByteSet, inLoop: boolean): Cost {
  let total = free;
  let after = follow;
  for (const item of items.toReversed()) {
    total = both(total, cost(item, after, inLoop));
    after = startOf(item, after);
  }
  return total;
}

function choiceCost(branches: readonly RegexNode[], follow: ByteSet, inLoop: boolean): Cost {
  const costs = branches.map((branch) => cost(branch, follow, inLoop));
  const degree = Math.max(...costs.map((branch) => branch.degree));
  let seen = emptySet;
  let guessed = false;
  for (const branch of branches) {
    const start = startOf(branch, follow);
    guessed ||= overlaps(seen, start);
    seen = union(seen, start);
  }
  if (guessed && inLoop) refuse("repeats alternatives that begin alike");
  const ways = costs.map((branch) => branch.ways);
  return { degree, ways: guessed ? ways.reduce((sum, n) => sum + n, 0) : Math.max(...ways) };
}

function repeatCost(node: RegexNode & { readonly kind: "repeat" }, follow: ByteSet, inLoop: boolean): Cost {
  const { item, min, max } = node;
  const start = startOf(item, emptySet);
  const isLoop = max > 1;
  if (isLoop && isNullable(item)) refuse("repeats something that can be empty");
  const fixed = min === max;
  const inner = cost(item, isLoop ? union(start, follow) : follow, inLoop || (isLoop && !fixed));
  const turns = Number.isFinite(max) ? max : 1;
  const body: Cost = { degree: inner.degree * turns, ways: Math.min(inner.ways ** turns, WAYS_MAX + 1) };
  if (fixed || (!overlaps(start, follow) && !isNullable(item))) return body;
  if (inLoop) refuse("repeats a repetition whose end is a guess");
  return isLoop ? { degree: body.degree + 1, ways: body.ways } : { degree: body.degree, ways: body.ways * 2 };
}

function refuse(what: string): never {
  throw new RegexStop(
    `${what}: a hostile request could take it exponential time`,
    "make each repeated part begin and end in a way that nothing else in it does",
  );
}

function both(a: Cost, b: Cost): Cost {
  return { degree: a.degree + b.degree, ways: Math.min(a.ways * b.ways, WAYS_MAX + 1) };
}

/** Bytes that the node can begin with, including those of what follows when it can be empty. */
function startOf(node: RegexNode, follow: ByteSet): ByteSet {
  switch (node.kind) {
    case "set":
      return node.set;
    case "start":
    case "nothing":
      return follow;
    case "end":
      return emptySet;
    case "sequence":
      return node.items.reduceRight((after, item) => startOf(item, after), follow);
    case "choice":
      return union(...node.branches.map((branch) => startOf(branch, follow)));
    case "repeat":
      return node.min === 0 ? union(startOf(node.item, follow), follow) : startOf(node.item, follow);
    default:
      return unreachable(node);
  }
}

function isNullable(node: RegexNode): boolean {
  switch (node.kind) {
    case "set":
    case "end":
      return false;
    case "start":
    case "nothing":
      return true;
    case "sequence":
      return node.items.every(isNullable);
    case "choice":
      return node.branches.some(isNullable);
    case "repeat":
      return node.min === 0 || isNullable(node.item);
    default:
      return unreachable(node);
  }
}

/** Whether a match can begin at the first byte only: then the engine does not try every position. */
function isAnchored(node: RegexNode): boolean {
  switch (node.kind) {
    case "start":
      return true;
    case "sequence":
      return node.items.length > 0 && isAnchored(node.items[0]);
    case "choice":
      return node.branches.every(isAnchored);
    case "set":
    case "nothing":
    case "end":
    case "repeat":
      return false;
    default:
      return unreachable(node);
  }
}
