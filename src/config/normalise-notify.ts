/** `notify` in [vrrp.NAME]. */
import type { NormaliseContext } from "./normalise-context.ts";
import { pick } from "./normalise-context.ts";
import { requireUser, warnMissing } from "./normalise-program.ts";
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
