/** One role process over its restarts, as the supervisor keeps it in its table. */
import type { ProcessStatus } from "../admin/api.ts";
import type { RoleName } from "../ipc/messages.ts";
import type { LoopTimer } from "../sys/loop.ts";
import { type Backoff, noFailures } from "./backoff.ts";
import type { Child } from "./child.ts";
import { freshPulse, type Pulse } from "./pulse.ts";

export interface RoleProcess {
  /** `worker/0`, `vrrp`, `director`, `admin`. */
  readonly name: string;
  readonly role: RoleName;
  /** Index of this process among its role. */
  readonly index: number;
  /** null between its end and its next start. */
  child: Child | null;
  state: ProcessStatus["state"];
  restarts: number;
  sinceWallMs: number;
  startedAtMs: number;
  backoff: Backoff;
  /** The pending restart. */
  restart: LoopTimer | null;
  pulse: Pulse;
  /** With which it was started. */
  rights: string;
  /** It ends by order and is not to come back. */
  leaving: boolean;
}

export function newProcess(role: RoleName, index: number, wallMs: number): RoleProcess {
  return {
    name: processName(role, index),
    role,
    index,
    child: null,
    state: "starting",
    restarts: 0,
    sinceWallMs: wallMs,
    startedAtMs: 0,
    backoff: noFailures,
    restart: null,
    pulse: freshPulse,
    rights: "",
    leaving: false,
  };
}

export function processName(role: RoleName, index: number): string {
  return role === "worker" ? `worker/${index}` : role;
}

/** What the admin API shows of it; pid 0: it does not run at the moment. */
export function processStatus({ name, child, state, restarts, sinceWallMs }: RoleProcess): ProcessStatus {
  return { name, pid: child?.pid ?? 0, state, restarts, sinceWallMs };
}
