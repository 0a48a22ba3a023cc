/** Syslog numbers (RFC 5424 §6.2.1) under HAProxy's names. */
import type { EventLevel } from "../admin/api.ts";
import { type LogLevel, logLevels } from "../config/types.ts";
import { assert } from "../lib/result.ts";

/** In the order of their codes. */
const facilities = [
  "kern",
  "user",
  "mail",
  "daemon",
  "auth",
  "syslog",
  "lpr",
  "news",
  "uucp",
  "cron",
  "auth2",
  "ftp",
  "ntp",
  "audit",
  "alert",
  "cron2",
  "local0",
  "local1",
  "local2",
  "local3",
  "local4",
  "local5",
  "local6",
  "local7",
] as const;

const levelOfEvent = { info: "info", notice: "notice", warning: "warning", error: "err" } as const;

/** 0 (emerg) to 7 (debug). */
export function severityOf(level: LogLevel): number {
  return logLevels.indexOf(level);
}

/** PRI: facility × 8 + severity. The facility was checked with the configuration. */
export function priorityOf(facility: string, severity: number): number {
  const code = facilities.findIndex((name) => name === facility);
  assert(code >= 0, `log: unknown facility "${facility}"`);
  return code * 8 + severity;
}

export function logLevelOf(level: EventLevel): LogLevel {
  return levelOfEvent[level];
}
