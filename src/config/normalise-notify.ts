/** `notify` in [vrrp.NAME]. */
import { didYouMean } from "../lib/suggest.ts";
import type { NormaliseContext } from "./normalise-context.ts";
import { pick } from "./normalise-context.ts";
import type { Path } from "./schema-issue.ts";
import { notifyRows } from "./schema-notify.ts";
import type { Decoded } from "./schema-type.ts";
import type { NotifyConfig } from "./types-vrrp.ts";

const hooks = ["master", "backup", "fault", "stop", "any"] as const;

export function normaliseNotify(
  value: Decoded<typeof notifyRows> | undefined,
  at: Path,
  context: NormaliseContext,
): NotifyConfig | undefined {
  if (value === undefined) return undefined;
  requireUser(value.user, [...at, "user"], context);
  for (const hook of hooks) warnMissing(value[hook], [...at, hook], context);
  return {
    master: value.master ?? null,
    backup: value.backup ?? null,
    fault: value.fault ?? null,
    stop: value.stop ?? null,
    any: value.any ?? null,
    fifo: value.fifo ?? null,
    user: value.user ?? null,
    timeoutMs: pick(notifyRows.timeout, value.timeout),
  };
}

function requireUser(user: string | undefined, at: Path, context: NormaliseContext): void {
  const { users, isRoot } = context.environment;
  if (user === undefined || users === undefined || isRoot !== true || users.includes(user)) return;
  context.sink.error(at, `there is no user "${user}" on this machine${didYouMean(user, users)}`, { found: user });
}

/** It would be found missing in the moment when it is needed. */
function warnMissing(argv: readonly string[] | undefined, at: Path, context: NormaliseContext): void {
  const { isProgram } = context.environment;
  if (argv === undefined || isProgram === undefined || isProgram(argv[0]!)) return;
  context.sink.warn(at, `${argv[0]} is no program that can be run`, {
    found: argv[0]!,
    help: "chmod +x, or another path",
  });
}
