/** When a role that ended is started again (pure). */

/** The first restarts are at once: a few crashes must not be felt. Then the pause doubles up to the last value. */
const DELAYS_MS = [0, 0, 0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000] as const;
/** A role that ran this long is healthy again. */
const HEALTHY_AFTER_MS = 60_000;

export interface Backoff {
  readonly failures: number;
}

export const noFailures: Backoff = { failures: 0 };

/** The pause before the next start and the state to keep, after a role ended that had run for `ranMs`. */
export function afterExit(backoff: Backoff, ranMs: number): { readonly next: Backoff; readonly delayMs: number } {
  const failures = ranMs >= HEALTHY_AFTER_MS ? 0 : backoff.failures;
  const delayMs = DELAYS_MS[Math.min(failures, DELAYS_MS.length - 1)]!;
  return { next: { failures: failures + 1 }, delayMs };
}
