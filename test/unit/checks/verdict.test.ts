/** The health counter, as a table and against a model that counts runs of results. */
import { describe, expect, test } from "bun:test";
import type { CheckConfig } from "../../../src/config/types-proxy.ts";
import { firstDelayMs, nextDelayMs } from "../../../src/checks/schedule.ts";
import { afterCheck, initialHealth, intervalFor, isUp, progressOf } from "../../../src/checks/verdict.ts";

const RISE_2_FALL_3 = { rise: 2, fall: 3 };

/** States after each result: `+` passed, `-` failed. */
function run(initial: "unknown" | "up" | "down", results: string, thresholds = RISE_2_FALL_3): string {
  let health = initialHealth(initial, thresholds);
  let states = "";
  for (const result of results) {
    health = afterCheck(health, result === "+", thresholds);
    states += isUp(health, thresholds) ? "U" : "d";
  }
  return states;
}

describe("afterCheck", () => {
  test.each([
    ["unknown", "-", "d"],
    ["unknown", "+---", "UUUd"],
    ["unknown", "+--+---", "UUUUUUd"],
    ["up", "---", "UUd"],
    ["down", "++", "dU"],
    ["down", "+-++", "dddU"],
    ["down", "++--+--", "dUUUUUU"],
    ["down", "----", "dddd"],
  ] as const)("from %s, %s gives %s", (initial, results, states) => {
    expect(run(initial, results)).toBe(states);
  });

  test("rise 1 and fall 1 follow every result", () => {
    expect(run("unknown", "-+-+", { rise: 1, fall: 1 })).toBe("dUdU");
  });

  test("changes after exactly rise successes or fall failures in a row, for seeded histories", () => {
    let seed = 11;
    const next = (limit: number): number => (seed = (seed * 48271) % 2147483647) % limit;
    for (let round = 0; round < 50; round++) {
      const thresholds = { rise: 1 + next(4), fall: 1 + next(4) };
      let health = initialHealth("up", thresholds);
      let up = true;
      let against = 0;
      for (let i = 0; i < 200; i++) {
        const passed = next(3) > 0;
        health = afterCheck(health, passed, thresholds);
        // The model: results against the state count, others forget them.
        against = passed === up ? 0 : against + 1;
        if (up && passed) against = 0;
        if (against === (up ? thresholds.fall : thresholds.rise)) {
          up = !up;
          against = 0;
        }
        expect(isUp(health, thresholds)).toBe(up);
        expect(health).toBeLessThan(thresholds.rise + thresholds.fall);
      }
    }
  });
});

test("progressOf counts towards the next change", () => {
  expect([4, 3, 2, 1, 0].map((health) => progressOf(health, RISE_2_FALL_3))).toEqual([0, 1, 2, 1, 0]);
});

test("intervalFor is fast in transition and slow when down", () => {
  const check = { intervalMs: 10, fastIntervalMs: 2, downIntervalMs: 30, ...RISE_2_FALL_3 } as CheckConfig;
  expect([4, 3, 2, 1, 0].map((health) => intervalFor(health, check))).toEqual([10, 2, 2, 2, 30]);
});

test("firstDelayMs divides the interval among the servers", () => {
  expect([0, 1, 2, 3].map((position) => firstDelayMs(2000, position, 4))).toEqual([0, 500, 1000, 1500]);
});

test("nextDelayMs moves by the percentage either way", () => {
  expect([0, 0.5, 0.999999].map((random) => Math.round(nextDelayMs(2000, 5, random)))).toEqual([2100, 2000, 1900]);
  expect(nextDelayMs(2000, 0, 0.3)).toBe(2000);
});
