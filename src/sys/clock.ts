/** The two clocks. Deadlines use the monotonic one; wall time is for people. */
import type { MonoMs } from "../lib/time.ts";

/** CLOCK_MONOTONIC as Bun reads it: milliseconds with a fraction since the process began, never steps. */
export function monoNow(): MonoMs {
  return performance.now() as MonoMs;
}

export function wallNow(): number {
  return Date.now();
}

/** Minutes east of UTC that local time is at that instant. */
export function zoneOffsetMinutes(wallMs: number): number {
  return -new Date(wallMs).getTimezoneOffset();
}
