/** ACLs by name: several definitions of one name are alternatives; one may name another, but not itself. */
import type { Condition } from "./ast.ts";
import { constantWords, findFetch, predefinedAcls } from "./fetches.ts";
import type { ConditionError } from "./lexer.ts";
import { parseCondition } from "./parser.ts";
import type { ConditionScope } from "./parser.ts";

export interface AclError extends ConditionError {
  readonly name: string;
  /** Which of its definitions; null when the name itself is wrong. */
  readonly index: number | null;
}

export interface NamedAcls {
  readonly errors: readonly AclError[];
  readonly names: readonly string[];
  /** null for a name that is not defined; a constant for one whose definition is broken (already reported). */
  readonly find: (name: string) => Condition | null;
}

const broken: Condition = { kind: "constant", value: false };
const keywords = ["and", "or", "AND", "OR"];

/** Parses every definition, whether it is used or not, so that all mistakes show at once. */
export function parseAcls(
  definitions: Readonly<Record<string, readonly string[]>>,
  scope: Omit<ConditionScope, "acl" | "aclNames">,
): NamedAcls {
  const errors: AclError[] = [];
  const names = Object.keys(definitions);
  const done = new Map<string, Condition>();
  const open = new Set<string>();

  const find = (name: string): Condition | null => {
    if (!Object.hasOwn(definitions, name)) return null;
    const known = done.get(name);
    if (known !== undefined) return known;
    if (open.has(name)) {
      errors.push({ name, index: null, start: 0, end: 0, message: `ACL "${name}" is defined by itself`, help: null });
      return broken;
    }
    open.add(name);
    const condition = resolve(name);
    open.delete(name);
    done.set(name, condition);
    return condition;
  };

  const resolve = (name: string): Condition => {
    const problem = nameProblem(name);
    if (problem !== null) {
      errors.push({ name, index: null, start: 0, end: 0, message: problem, help: null });
      return broken;
    }
    const terms: Condition[] = [];
    for (const [index, text] of definitions[name].entries()) {
      const parsed = parseCondition(text, { ...scope, aclNames: names, acl: find });
      if (parsed.ok) terms.push(parsed.value);
      else errors.push({ name, index, ...parsed.error });
    }
    if (terms.length === 0) return broken;
    return terms.length === 1 ? terms[0] : { kind: "or", terms };
  };

  for (const name of names) find(name);
  return { errors, names, find };
}

function nameProblem(name: string): string | null {
  if (!/^[A-Za-z0-9_.:-]+$/.test(name)) return `ACL name "${name}" may have letters, digits and - _ . : only`;
  if (keywords.includes(name)) return `ACL name "${name}" is an operator`;
  if (findFetch(name) !== null) return `ACL name "${name}" is a fetch`;
  if (Object.hasOwn(constantWords, name) || Object.hasOwn(predefinedAcls, name))
    return `ACL name "${name}" is predefined`;
  return null;
}
