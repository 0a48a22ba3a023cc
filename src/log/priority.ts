/** Syslog numbers (RFC 5424 §6.2.1) under HAProxy's names. */
import type { EventLevel } from "../admin/api.ts";
import { logFacilities, type LogLevel, logLevels } from "../config/types.ts";
import { assert } from "../lib/result.ts";

const levelOfEvent = { info: "info", notice: "notice", warning: "warning", error: "err" } as const;

/** 0 (emerg) to 7 (debug). */
export function severityOf(level: LogLevel): number {
  return logLevels.indexOf(level);
}

/** PRI: facility × 8 + severity. The facility was checked with the configuration. */
export function priorityOf(facility: string, severity: number): number {
  const code = logFacilities.findIndex((name) => name === facility);
  assert(code >= 0, `log: unknown facility "${facility}"`);
  return code * 8 + severity;
}

export function logLevelOf(level: EventLevel): LogLevel {
  return levelOfEvent[level];
}
