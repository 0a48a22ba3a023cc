/**
 * VRRP state changes as keepalived tells them to scripts (keepalived.conf(5), notify): which programs run, with which
 * arguments, and the line for a FIFO.
 */
import type { BallastEvent, VrrpStateName } from "../admin/api.ts";
import type { NotifyConfig } from "../config/types-vrrp.ts";
import { unreachable } from "../lib/result.ts";
import type { Command } from "./command.ts";

/** keepalived's words. */
export type HookState = "MASTER" | "BACKUP" | "FAULT" | "STOP";

export interface HookCall {
  readonly instance: string;
  readonly state: HookState;
  /** Ballast's own word: it tells maintenance from backup. */
  readonly stateName: VrrpStateName;
  readonly priority: number;
}

/** A hook that ends with an error is asked to end before it is killed; it may hold a lock. */
const GRACE_MS = 2000;

/** What a `vrrp.state` event means for hooks; null for every other event. */
export function hookCall({ kind, object, fields }: BallastEvent): HookCall | null {
  if (kind !== "vrrp.state") return null;
  const stateName = fields["to"] as VrrpStateName;
  return { instance: object, state: hookState(stateName), stateName, priority: Number(fields["priority"] ?? 0) };
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
 * arguments more: INSTANCE, name, state, priority. `defaultUser`: for hooks that name none.
 */
export function hookCommands(notify: NotifyConfig, call: HookCall, defaultUser: string | null): readonly Command[] {
  const { instance, state, stateName, priority } = call;
  const own = { MASTER: notify.master, BACKUP: notify.backup, FAULT: notify.fault, STOP: notify.stop }[state];
  const any = notify.any === null ? null : [...notify.any, "INSTANCE", instance, state, String(priority)];
  const environment = {
    BALLAST_INSTANCE: instance,
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
export function fifoLine({ instance, state, priority }: HookCall): string {
  return `INSTANCE "${instance}" ${state} ${priority}\n`;
}
