/**
 * keepalived's checkers, one number of state: attempts that have failed in a row. A success counts at once; a failure
 * counts after `retry` further attempts, `delay_before_retry` apart; the next round begins after the interval.
 */
import type { LvsCheckConfig } from "../config/types-lvs.ts";

/** What one attempt means. `up` null: it is tried again first. */
export interface AttemptOutcome {
  readonly up: boolean | null;
  readonly failures: number;
  readonly delayMs: number;
}

export function afterAttempt(failures: number, passed: boolean, check: LvsCheckConfig): AttemptOutcome {
  if (passed) return { up: true, failures: 0, delayMs: check.intervalMs };
  if (failures < check.retry) return { up: null, failures: failures + 1, delayMs: check.retryDelayMs };
  return { up: false, failures: 0, delayMs: check.intervalMs };
}

/**
 * An exit code of a check script (keepalived, MISC_CHECK): 0 is up; with `dynamic`, 2–255 are up with a weight of
 * 0–253. Null code: killed, or never started.
 */
export function scriptVerdict(
  code: number | null,
  dynamic: boolean,
): { readonly passed: boolean; readonly weight: number | null } {
  if (code === 0) return { passed: true, weight: null };
  if (dynamic && code !== null && code >= 2 && code <= 255) return { passed: true, weight: code - 2 };
  return { passed: false, weight: null };
}
