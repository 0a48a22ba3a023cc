/** One word, one glyph meaning and one tone for every state, the same in `status`, `ls` and the TUI. */
import { unreachable } from "./result.ts";
import type { Tone } from "./text-table.ts";

/** up ●  changing ◐  down ○  drain ◌  maint ⊘  idle · */
export type Sign = "up" | "changing" | "down" | "drain" | "maint" | "idle";

export interface StateWord {
  readonly word: string;
  readonly sign: Sign;
  readonly tone: Tone;
}

export interface ServerFacts {
  readonly health: "up" | "down" | "unchecked";
  readonly admin: "ready" | "drain" | "maint";
  readonly weight: number;
  readonly progress: number;
}

/** Whether the balancer may send new work to this server. */
export function isActive(server: ServerFacts): boolean {
  return server.admin === "ready" && server.health !== "down" && server.weight > 0;
}

/** haproxy's precedence: the operator's order before the check's verdict, a weight of 0 counts as drain. */
export function serverWord(server: ServerFacts): StateWord {
  if (server.admin === "maint") return { word: "MAINT", sign: "maint", tone: "quiet" };
  if (server.health === "down") {
    return server.progress > 0
      ? { word: "DOWN rising", sign: "changing", tone: "warn" }
      : { word: "DOWN", sign: "down", tone: "bad" };
  }
  if (server.admin === "drain" || server.weight === 0) return { word: "DRAIN", sign: "drain", tone: "drain" };
  if (server.health === "unchecked") return { word: "no check", sign: "up", tone: "plain" };
  return server.progress > 0
    ? { word: "UP falling", sign: "changing", tone: "warn" }
    : { word: "UP", sign: "up", tone: "good" };
}

export interface BackendCount {
  readonly active: number;
  readonly total: number;
  /** Backup servers are doing the work because no other one is active. */
  readonly onBackup: boolean;
}

/** Who serves: the active servers, or the active backup servers when there is no other. Totals leave standby ones out. */
export function countServers(servers: readonly (ServerFacts & { readonly backup: boolean })[]): BackendCount {
  const main = servers.filter((server) => !server.backup);
  const active = main.filter(isActive).length;
  if (active > 0) return { active, total: main.length, onBackup: false };
  const backups = servers.filter((server) => server.backup);
  const standingIn = backups.filter(isActive).length;
  if (standingIn > 0) return { active: standingIn, total: backups.length, onBackup: true };
  return { active: 0, total: main.length > 0 ? main.length : backups.length, onBackup: false };
}

export function backendWord(count: BackendCount): StateWord {
  const word = count.onBackup ? `backup ${count.active}/${count.total}` : `${count.active}/${count.total} up`;
  if (count.active === 0) return { word, sign: "down", tone: "bad" };
  if (count.onBackup || count.active < count.total) return { word, sign: "changing", tone: "warn" };
  return { word, sign: "up", tone: "good" };
}

export function vrrpWord(state: "init" | "backup" | "master" | "fault" | "maint"): StateWord {
  switch (state) {
    case "master":
      return { word: "MASTER", sign: "up", tone: "good" };
    case "backup":
      return { word: "BACKUP", sign: "idle", tone: "quiet" };
    case "fault":
      return { word: "FAULT", sign: "down", tone: "bad" };
    case "maint":
      return { word: "MAINT", sign: "maint", tone: "quiet" };
    case "init":
      return { word: "INIT", sign: "changing", tone: "warn" };
    default:
      return unreachable(state);
  }
}
