import { expect, test } from "bun:test";
import {
  formatAge,
  formatBytes,
  formatCount,
  formatRate,
  formatShort,
  formatSpan,
  plural,
} from "../../../src/lib/humanize.ts";

test.each([
  [0, "0"],
  [999, "999"],
  [1_000, "1 000"],
  [20_000, "20 000"],
  [1_234_567.4, "1 234 567"],
  [-1_500, "-1 500"],
  [-0.2, "0"],
])("formatCount groups %p by thousands", (value, text) => {
  expect(formatCount(value)).toBe(text);
});

test.each([
  [null, "-"],
  [0, "0"],
  [0.01, "<0.1"],
  [3.04, "3.0"],
  [9.96, "10"],
  [7_940, "7 940"],
])("formatRate keeps one decimal below ten for %p", (value, text) => {
  expect(formatRate(value)).toBe(text);
});

test.each([
  [999, "999"],
  [1_234, "1.2k"],
  [9_960, "10k"],
  [999_600, "1.0M"],
  [38_000_000, "38M"],
])("formatShort says %p in five characters", (value, text) => {
  expect(formatShort(value)).toBe(text);
});

test("formatBytes puts the prefix with the unit", () => {
  expect(formatBytes(12)).toBe("12 B");
  expect(formatBytes(1_200_000)).toBe("1.2 MB");
});

test.each([
  [-5, "0s", "00:00:00"],
  [12_000, "12s", "00:00:12"],
  [240_000, "4m", "00:04:00"],
  [47 * 3_600_000, "47h", "1d 23:00"],
  [1_051_860_000, "12d", "12d 04:11"],
])("formatAge and formatSpan of %p ms", (spanMs, age, span) => {
  expect(formatAge(spanMs)).toBe(age);
  expect(formatSpan(spanMs)).toBe(span);
});

test("plural counts one apart", () => {
  expect(plural(1, "server")).toBe("1 server");
  expect(plural(0, "server")).toBe("0 servers");
});
