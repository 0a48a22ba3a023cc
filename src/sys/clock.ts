/** The two clocks. Deadlines use the monotonic one; wall time is for people. */
import type { MonoMs } from "../lib/time.ts";
import { libc } from "./libc.ts";
import { pinned } from "./memory.ts";

/** linux/time.h */
const CLOCK = { MONOTONIC: 1, BOOTTIME: 7 } as const;
/** struct timespec: seconds i64, nanoseconds i64. */
const timespec = pinned(16);

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

/** How long the machine has slept since it was booted: CLOCK_BOOTTIME goes on in a suspend, CLOCK_MONOTONIC does not. */
export function sleepClockMs(): number {
  const monotonicMs = readClockMs(CLOCK.MONOTONIC);
  return readClockMs(CLOCK.BOOTTIME) - monotonicMs;
}

function readClockMs(clock: number): number {
  libc.clock_gettime(clock, timespec.pointer);
  return Number(timespec.view.getBigInt64(0, true)) * 1000 + Number(timespec.view.getBigInt64(8, true)) / 1e6;
}
