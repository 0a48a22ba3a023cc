/**
 * VRRP state changes as keepalived tells them to scripts (keepalived.conf(5), notify): which programs run, with which
 * arguments, and the line for a FIFO.
 */
import type { BallastEvent, VrrpStateName } from "../admin/api.ts";
import type { NotifyConfig } from "../config/types-vrrp.ts";
import { unreachable } from "../lib/result.ts";
import type { Command } from "./command.ts";
import type { GroupChange } from "./group-state.ts";

/** keepalived's words. */
export type HookState = "MASTER" | "BACKUP" | "FAULT" | "STOP";

export interface HookCall {
  /** keepalived's word for what changes. */
  readonly subject: "INSTANCE" | "GROUP";
  readonly name: string;
  readonly state: HookState;
  /** Ballast's own word: it tells maintenance from backup. */
  readonly stateName: VrrpStateName;
  readonly priority: number;
}

/** A hook that ends with an error is asked to end before it is killed; it may hold a lock. */
const GRACE_MS = 2000;

/** keepalived has none for a group and prints this. */
const GROUP_PRIORITY = 0;

/** What a `vrrp.state` event means for hooks; null for every other event. */
export function hookCall({ kind, object, fields }: BallastEvent): HookCall | null {
  if (kind !== "vrrp.state") return null;
  const stateName = fields["to"] as VrrpStateName;
  const priority = Number(fields["priority"] ?? 0);
  return { subject: "INSTANCE", name: object, state: hookState(stateName), stateName, priority };
}

/** What the change of a group means for its hooks. */
export function groupCall({ group, to }: GroupChange): HookCall {
  return { subject: "GROUP", name: group, state: hookState(to), stateName: to, priority: GROUP_PRIORITY };
}

/** Calls of one key run one after the other; an instance and a group may have the same name. */
export function hookKey({ subject, name }: Pick<HookCall, "subject" | "name">): string {
  return `${subject} ${name}`;
}

/** A node in maintenance takes no part and is well: for a script it is a backup. */
function hookState(state: VrrpStateName): HookState {
  switch (state) {
    case "master":
      return "MASTER";
    case "backup":
    case "maint":
      return "BACKUP";
    case "fault":
      return "FAULT";
    case "init":
      return "STOP";
    default:
      return unreachable(state);
  }
}

/**
 * The programs for one change, in keepalived's order: that of the state as it stands in the file, then `any` with four
 * arguments more: INSTANCE or GROUP, name, state, priority. `defaultUser`: for hooks that name none.
 */
export function hookCommands(notify: NotifyConfig, call: HookCall, defaultUser: string | null): readonly Command[] {
  const { subject, name, state, stateName, priority } = call;
  const own = { MASTER: notify.master, BACKUP: notify.backup, FAULT: notify.fault, STOP: notify.stop }[state];
  const any = notify.any === null ? null : [...notify.any, subject, name, state, String(priority)];
  const environment = {
    [`BALLAST_${subject}`]: name,
    BALLAST_STATE: stateName,
    BALLAST_PRIORITY: String(priority),
  };
  const { timeoutMs } = notify;
  const user = notify.user ?? defaultUser;
  return [own, any].flatMap((argv): readonly Command[] =>
    argv === null ? [] : [{ argv, user, timeoutMs, graceMs: GRACE_MS, environment, output: "inherit" }],
  );
}

/** The line that keepalived writes to a notify FIFO. */
export function fifoLine({ subject, name, state, priority }: HookCall): string {
  return `${subject} "${name}" ${state} ${priority}\n`;
}
