/**
 * The rules of a frontend or a backend, compiled at load and run over each request (http) or connection (tcp).
 *
 *   redirect, deny     final: the request is answered here and nothing after it is looked at
 *   use_backend        final: the first one decides; what follows can only edit headers
 *   set/add/del_header go on
 *
 * As in HAProxy header rules apply wherever use_backend stands; unlike there a redirect or deny counts in file order.
 */
import type { RuleAction, RuleConfig } from "../config/types-proxy.ts";
import { type AnswerStatus, isAnswerStatus } from "../http/answers.ts";
import { deletableName, HeadEdits, headerLine, type HeaderLine } from "../http/edits.ts";
import type { HeaderName } from "../http/find.ts";
import { redirect, type Redirect } from "../http/redirect.ts";
import { type Result, unreachable } from "../lib/result.ts";
import { type CompiledCondition, compileCondition, conditionUses } from "./condition.ts";
import type { FetchEnvironment } from "./fetches.ts";
import type { RequestContext } from "./request-context.ts";

export const FINAL = { none: 0, useBackend: 1, redirect: 2, deny: 3 } as const;
export type Final = (typeof FINAL)[keyof typeof FINAL];

/** What the rules decided; one object a worker, cleared before each request. */
export class Outcome {
  final: Final = FINAL.none;
  /** FINAL.useBackend: its index. */
  backend = -1;
  /** FINAL.deny: the status to answer. */
  status: AnswerStatus = 403;
  /** FINAL.redirect: for `writeRedirect`. */
  redirect: Redirect | null = null;
  /** For the writer; received fields that go are marked in `head.drop` as the rules fire. */
  readonly edits: HeadEdits;

  /** edits: those of the `RequestForward` that the writer gets. */
  constructor(edits: HeadEdits = new HeadEdits()) {
    this.edits = edits;
  }

  clear(): void {
    this.final = FINAL.none;
    this.backend = -1;
    this.status = 403;
    this.redirect = null;
    this.edits.clear();
  }
}

type CompiledAction =
  | { readonly kind: "use_backend"; readonly backend: number }
  | { readonly kind: "redirect"; readonly redirect: Redirect }
  | { readonly kind: "deny"; readonly status: AnswerStatus }
  | { readonly kind: "set_header"; readonly lines: readonly HeaderLine[] }
  | { readonly kind: "add_header"; readonly lines: readonly HeaderLine[] }
  | { readonly kind: "del_header"; readonly names: readonly HeaderName[] };

interface CompiledRule {
  readonly when: CompiledCondition | null;
  readonly action: CompiledAction;
}

export class Rules {
  /** A condition asks for `dst` or `dst_port`: fill in `RequestContext.destination` first. */
  readonly needsDestination: boolean;
  private readonly rules: readonly CompiledRule[];

  constructor(rules: readonly CompiledRule[], needsDestination: boolean) {
    this.rules = rules;
    this.needsDestination = needsDestination;
  }

  /**
   * Runs the rules and adds to `out`, which the caller has cleared at the start of the request. A backend's rules
   * run after its frontend's on the same `out`; they hold no use_backend, so the backend stays as chosen.
   */
  evaluate(context: RequestContext, out: Outcome): void {
    let routed = false;
    for (const { when, action } of this.rules) {
      if (routed && isFinal(action)) continue;
      if (when !== null && !when(context)) continue;
      switch (action.kind) {
        case "set_header":
          for (const line of action.lines) out.edits.set(context.buf, context.head, line);
          break;
        case "add_header":
          for (const line of action.lines) out.edits.add(line);
          break;
        case "del_header":
          for (const name of action.names) out.edits.delete(context.buf, context.head, name);
          break;
        case "use_backend":
          out.final = FINAL.useBackend;
          out.backend = action.backend;
          routed = true;
          break;
        case "redirect":
          out.final = FINAL.redirect;
          out.redirect = action.redirect;
          return;
        case "deny":
          out.final = FINAL.deny;
          out.status = action.status;
          return;
        default:
          unreachable(action);
      }
    }
  }
}

function isFinal({ kind }: CompiledAction): boolean {
  return kind === "use_backend" || kind === "redirect" || kind === "deny";
}

/**
 * Compiles the rules of one section. Fails on what the configuration's check should have refused: the message names
 * the rule, and the caller refuses the configuration with it.
 */
export function compileRules(rules: readonly RuleConfig[], environment: FetchEnvironment): Rules {
  const compiled = rules.map((rule) => {
    try {
      return compileRule(rule, environment);
    } catch (error) {
      throw new Error(`${rule.path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  });
  return new Rules(compiled, rules.some(usesDestination));
}

function usesDestination({ when }: RuleConfig): boolean {
  return when !== null && (conditionUses(when, "dst") || conditionUses(when, "dst_port"));
}

function compileRule(rule: RuleConfig, environment: FetchEnvironment): CompiledRule {
  const when = rule.when === null ? null : compileCondition(rule.when, environment);
  return { when, action: compileAction(rule.action, environment) };
}

function compileAction(action: RuleAction, environment: FetchEnvironment): CompiledAction {
  switch (action.kind) {
    case "use_backend":
      return { kind: "use_backend", backend: environment.backendIndex(action.backend) };
    case "redirect":
      return { kind: "redirect", redirect: must(redirect(action.to, action.code)) };
    case "deny":
      if (!isAnswerStatus(action.status)) throw new Error(`deny: there is no answer for status ${action.status}`);
      return { kind: "deny", status: action.status };
    case "set_header":
    case "add_header":
      return { kind: action.kind, lines: action.headers.map(([name, value]) => must(headerLine(name, value))) };
    case "del_header":
      return { kind: "del_header", names: action.names.map((name) => must(deletableName(name))) };
    default:
      return unreachable(action);
  }
}

function must<T>(result: Result<T, string>): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}
