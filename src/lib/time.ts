/**
 * Instants on the monotonic clock. Only `sys/clock.ts` makes one; everything else receives it.
 * Wall time exists for people (log lines, events) and is a plain number of milliseconds since the epoch.
 */
declare const monoBrand: unique symbol;
export type MonoMs = number & { readonly [monoBrand]: true };

/** No deadline. */
export const NEVER = Number.POSITIVE_INFINITY as MonoMs;

export function later(instant: MonoMs, delayMs: number): MonoMs {
  return (instant + delayMs) as MonoMs;
}
