/**
 * HAProxy's health counter (check.c; features 2f), one number from 0 to rise + fall - 1:
 *
 *   0 … rise-1             down; successes so far
 *   rise … rise+fall-1     up; the top minus the failures so far
 *
 * A server begins up with health = rise: it serves at once, and the first failed check takes it down.
 */
import type { CheckConfig } from "../config/types-proxy.ts";

export type Thresholds = Pick<CheckConfig, "rise" | "fall">;

/** What is left of a server's past when it is checked for the first time. */
export type InitialHealth = "unknown" | "up" | "down";

export function topHealth({ rise, fall }: Thresholds): number {
  return rise + fall - 1;
}

export function initialHealth(initial: InitialHealth, thresholds: Thresholds): number {
  if (initial === "unknown") return thresholds.rise;
  return initial === "up" ? topHealth(thresholds) : 0;
}

export function isUp(health: number, { rise }: Thresholds): boolean {
  return health >= rise;
}

/** The counter after a check. A failure forgets all successes of a server that is down; success number `rise` forgets all failures. */
export function afterCheck(health: number, passed: boolean, thresholds: Thresholds): number {
  const { rise } = thresholds;
  if (passed) return health + 1 >= rise ? topHealth(thresholds) : health + 1;
  return health > rise ? health - 1 : 0;
}

/** Consecutive results towards the next change: failures while up, successes while down. */
export function progressOf(health: number, thresholds: Thresholds): number {
  return isUp(health, thresholds) ? topHealth(thresholds) - health : health;
}

/** Milliseconds to the next check: down_interval when fully down, fast_interval in transition (srv_getinter). */
export function intervalFor(health: number, check: CheckConfig): number {
  if (health === topHealth(check)) return check.intervalMs;
  return health === 0 ? check.downIntervalMs : check.fastIntervalMs;
}
