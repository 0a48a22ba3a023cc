/** Waiting for a condition instead of for time: the only clock that tests need. */

const POLL_MS = 10;
/** Conditions hold within milliseconds on an idle machine. Where they take a second on a loaded one, that is no failure. */
export const PATIENCE_MS = 15_000;
/** For setDefaultTimeout in files whose tests wait for programs; `npm test` gives all files as much. */
export const TEST_LIMIT_MS = 60_000;

/** Resolves with the first value that is not false, null or undefined; fails after `timeoutMs` and says what was awaited. */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeoutMs = PATIENCE_MS,
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value !== false && value !== null && value !== undefined) return value as NonNullable<Exclude<T, false>>;
      lastError = undefined;
    } catch (error) {
      // A condition that throws (connection refused, file not there yet) is one that does not hold yet.
      lastError = error;
    }
    if (performance.now() >= deadline) {
      const reason = lastError instanceof Error ? `: ${lastError.message}` : "";
      throw new Error(`waited ${timeoutMs} ms for ${what}${reason}`);
    }
    await Bun.sleep(POLL_MS);
  }
}

/** True when the condition stays true over `durationMs`: for "nothing happens", the one thing that needs time. */
export async function holdsFor(condition: () => boolean | Promise<boolean>, durationMs: number): Promise<boolean> {
  const deadline = performance.now() + durationMs;
  while (performance.now() < deadline) {
    if (!(await condition())) return false;
    await Bun.sleep(POLL_MS);
  }
  return true;
}
