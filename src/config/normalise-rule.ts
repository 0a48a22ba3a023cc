/** Rules and ACLs of one frontend or backend. */
import type { Condition } from "../acl/ast.ts";
import { parseAcls } from "../acl/named.ts";
import type { NamedAcls } from "../acl/named.ts";
import { parseCondition } from "../acl/parser.ts";
import type { ConditionScope } from "../acl/parser.ts";
import type { NormaliseContext } from "./normalise-context.ts";
import { isWritten, pick } from "./normalise-context.ts";
import { formatPath } from "./schema-issue.ts";
import type { Path } from "./schema-issue.ts";
import { denyRows, isHeaderName, ownedHeaders, redirectRows, ruleRows } from "./schema-rule.ts";
import type { At, Decoded, NamedAt } from "./schema-type.ts";
import type { HeaderPairs, Mode, RuleAction, RuleConfig } from "./types-proxy.ts";

type WrittenRule = Decoded<typeof ruleRows>;
type WrittenAcls = readonly NamedAt<readonly At<string>[]>[];

export interface RuleSection {
  readonly at: Path;
  readonly mode: Mode;
  readonly side: "frontend" | "backend";
  /** The backend that nbsrv() without a name means; null in a frontend. */
  readonly ownBackend: string | null;
  readonly acl: WrittenAcls | undefined;
  readonly rules: readonly At<WrittenRule>[] | undefined;
}

/** What a rule may do, in words of the file. */
const actionKeys = ["use_backend", "redirect", "deny", "set_header", "add_header", "del_header"] as const;
const finalKinds: readonly RuleAction["kind"][] = ["use_backend", "redirect", "deny"];
const tcpKinds: readonly RuleAction["kind"][] = ["use_backend", "deny"];

export function normaliseRules(section: RuleSection, context: NormaliseContext): readonly RuleConfig[] {
  const { mode, ownBackend } = section;
  const scope = { mode, ownBackend, backends: context.backendNames };
  const acls = normaliseAcls(section, scope, context);
  const rules: RuleConfig[] = [];
  for (const item of section.rules ?? []) {
    const when = normaliseWhen(item, { ...scope, aclNames: acls.names, acl: acls.find }, context);
    const action = normaliseAction(item, section, context);
    if (when === "broken" || action === null) continue;
    const rule: RuleConfig = { when, action, path: formatPath(item.at) };
    context.origins.set(rule, item.at);
    rules.push(rule);
  }
  warnUnreachable(rules, context);
  return rules;
}

function normaliseAcls(
  section: RuleSection,
  scope: Omit<ConditionScope, "acl" | "aclNames">,
  context: NormaliseContext,
): NamedAcls {
  const written = section.acl ?? [];
  const definitions = Object.fromEntries(written.map((acl) => [acl.name, acl.value.map((item) => item.value)]));
  const acls = parseAcls(definitions, scope);
  for (const { name, index, start, end, message, help } of acls.errors) {
    const entry = written.find((acl) => acl.name === name);
    const more = help === null ? {} : { help };
    if (index === null) context.sink.error([...section.at, "acl", name], message, { mark: "key", ...more });
    else context.sink.error(entry?.value[index].at ?? section.at, message, { part: { start, end }, ...more });
  }
  return acls;
}

function normaliseWhen(
  item: At<WrittenRule>,
  scope: ConditionScope,
  context: NormaliseContext,
): Condition | null | "broken" {
  const text = item.value.when;
  // A `when` that is there but wrong must not turn into "always".
  if (text === undefined) return isWritten(context, [...item.at, "when"]) ? "broken" : null;
  const parsed = parseCondition(text, scope);
  if (parsed.ok) return parsed.value.kind === "constant" && parsed.value.value ? null : parsed.value;
  const { start, end, message, help } = parsed.error;
  context.sink.error([...item.at, "when"], message, { part: { start, end }, ...(help === null ? {} : { help }) });
  return "broken";
}

function normaliseAction(item: At<WrittenRule>, section: RuleSection, context: NormaliseContext): RuleAction | null {
  const { at, value } = item;
  const written = actionKeys.filter((key) => isWritten(context, [...at, key]));
  if (written.length > 1) {
    const help = "write one rule for each";
    context.sink.error(at, `has ${written.length} actions (${written.join(", ")}); a rule has one`, { help });
    return null;
  }
  if (written.length === 0) {
    // Only an unknown or later action, which has been reported.
    const keys = Object.keys(value).filter((key) => key !== "when");
    if (keys.length === 0 && !isReported(at, context))
      context.sink.error(at, `has no action; one of ${actionKeys.join(", ")}`);
    return null;
  }
  const action = actionOf(value, at, context);
  return action !== null && isAllowed(action, [...at, written[0]], section, context) ? action : null;
}

function actionOf(rule: WrittenRule, at: Path, context: NormaliseContext): RuleAction | null {
  if (rule.use_backend !== undefined) return { kind: "use_backend", backend: rule.use_backend };
  if (rule.redirect !== undefined) return redirectOf(rule.redirect, [...at, "redirect"], context);
  if (rule.deny !== undefined) return denyOf(rule.deny, [...at, "deny"], context);
  for (const key of ["set_header", "add_header", "del_header"] as const) {
    const place = [...at, key];
    if (rule[key]?.length !== 0 || isReported(place, context)) continue;
    context.sink.error(place, "names no header: the rule does nothing");
  }
  if (rule.set_header !== undefined) return { kind: "set_header", headers: headersOf(rule.set_header, context) };
  if (rule.add_header !== undefined) return { kind: "add_header", headers: headersOf(rule.add_header, context) };
  if (rule.del_header === undefined) return null;
  for (const name of rule.del_header) checkHeader(name.value, name.at, "value", context);
  return { kind: "del_header", names: rule.del_header.map((name) => name.value) };
}

/** Something in there is wrong, and was left out. */
function isReported(at: Path, context: NormaliseContext): boolean {
  return context.sink.drafts.some((draft) => formatPath(draft.at).startsWith(`${formatPath(at)}.`));
}

function redirectOf(
  written: NonNullable<WrittenRule["redirect"]>,
  at: Path,
  context: NormaliseContext,
): RuleAction | null {
  const { scheme, location, prefix } = written;
  const given = ["scheme", "location", "prefix"].filter((key) => isWritten(context, [...at, key]));
  if (given.length !== 1) {
    const found = given.length === 0 ? "has none" : `has ${given.join(" and ")}`;
    context.sink.error(at, `needs exactly one of scheme, location, prefix; ${found}`);
    return null;
  }
  const code = pick(redirectRows.code, written.code);
  if (scheme !== undefined) return { kind: "redirect", to: { scheme }, code };
  if (location !== undefined) return { kind: "redirect", to: { location }, code };
  return prefix === undefined ? null : { kind: "redirect", to: { prefix }, code };
}

function denyOf(written: NonNullable<WrittenRule["deny"]>, at: Path, context: NormaliseContext): RuleAction | null {
  if (written === false) {
    context.sink.error(at, "deny = false does nothing", { help: "leave the rule out" });
    return null;
  }
  const status = written === true ? undefined : written.status;
  return { kind: "deny", status: pick(denyRows.status, status) };
}

function headersOf(written: readonly NamedAt<string>[], context: NormaliseContext): HeaderPairs {
  for (const header of written) checkHeader(header.name, header.at, "key", context);
  return written.map((header) => [header.name, header.value] as const);
}

function checkHeader(name: string, at: Path, mark: "key" | "value", context: NormaliseContext): void {
  if (!isHeaderName(name)) context.sink.error(at, `"${name}" is no header name`, { mark });
  const owned = (ownedHeaders as readonly string[]).includes(name.toLowerCase());
  if (owned) context.sink.error(at, `header "${name}" is written by the proxy itself`, { mark });
}

function isAllowed(action: RuleAction, at: Path, section: RuleSection, context: NormaliseContext): boolean {
  if (section.side === "backend" && action.kind === "use_backend") {
    context.sink.error(at, "use_backend belongs to a frontend's rules", { mark: "key" });
    return false;
  }
  if (section.mode === "tcp" && !tcpKinds.includes(action.kind)) {
    const help = 'set mode = "http"';
    context.sink.error(at, `${action.kind} changes HTTP, but this is mode "tcp"`, { mark: "key", help });
    return false;
  }
  return true;
}

/** A header rule still runs behind a use_backend, as in HAProxy; behind an answer nothing does. */
function warnUnreachable(rules: readonly RuleConfig[], context: NormaliseContext): void {
  const last = rules.findIndex((rule) => rule.when === null && finalKinds.includes(rule.action.kind));
  if (last === -1) return;
  const goesOn = rules[last].action.kind === "use_backend";
  for (const rule of rules.slice(last + 1)) {
    if (goesOn && !finalKinds.includes(rule.action.kind)) continue;
    const help = `add "when" to ${rules[last].path}, or put it last`;
    const message = `is never reached: ${rules[last].path} applies to everything`;
    context.sink.warn(context.origins.get(rule) ?? [], message, { help });
  }
}
