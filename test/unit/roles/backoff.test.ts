import { expect, test } from "bun:test";
import { afterExit, type Backoff, noFailures } from "../../../src/roles/backoff.ts";

test("afterExit restarts at once after three crashes, then waits longer up to ten seconds", () => {
  let backoff: Backoff = noFailures;
  const delays = Array.from({ length: 12 }, () => {
    const { next, delayMs } = afterExit(backoff, 10);
    backoff = next;
    return delayMs;
  });
  expect(delays).toEqual([0, 0, 0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
});

test("afterExit forgets failures of a role that ran for a minute", () => {
  expect(afterExit({ failures: 7 }, 60_000)).toEqual({ next: { failures: 1 }, delayMs: 0 });
});
