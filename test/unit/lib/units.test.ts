import { expect, test } from "bun:test";
import { formatDurationMs, parseDurationMs, parseSizeBytes } from "../../../src/lib/units.ts";

const durations: readonly (readonly [string, number])[] = [
  ["2s", 2000],
  ["500ms", 500],
  ["1m30s", 90_000],
  ["10us", 1],
  ["1001us", 2],
  ["0s", 0],
  ["1h", 3_600_000],
  ["1d12h", 129_600_000],
];

test.each(durations)("parseDurationMs reads %s", (text, durationMs) => {
  expect(parseDurationMs(text)).toEqual({ ok: true, value: durationMs });
});

test.each(["", "s", "2", "2 s", "-1s", "1.5s", "2sec", "1s1", "25d", "99999999999999999999d"])(
  "parseDurationMs refuses %j",
  (text) => {
    expect(parseDurationMs(text).ok).toBe(false);
  },
);

test("parseDurationMs names the unit that a bare number lacks", () => {
  expect(parseDurationMs("5000")).toEqual({ ok: false, error: 'has no unit; write "5000ms" or "5000s"' });
});

test("formatDurationMs writes what parseDurationMs reads", () => {
  for (const durationMs of [0, 1, 999, 1000, 1500, 60_000, 90_000, 3_600_000, 90_061_001]) {
    expect(parseDurationMs(formatDurationMs(durationMs))).toEqual({ ok: true, value: durationMs });
  }
});

test("parseSizeBytes reads plain numbers and binary suffixes", () => {
  expect(parseSizeBytes("16384")).toEqual({ ok: true, value: 16_384 });
  expect(parseSizeBytes("64k")).toEqual({ ok: true, value: 65_536 });
  expect(parseSizeBytes("2M")).toEqual({ ok: true, value: 2_097_152 });
  expect(parseSizeBytes("64kb").ok).toBe(false);
  expect(parseSizeBytes("9999999999999g").ok).toBe(false);
});
