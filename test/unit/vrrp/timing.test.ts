import { expect, test } from "bun:test";
import { adoptedDownMs, downMs, skewMs } from "../../../src/vrrp/timing.ts";

test("skewMs is in 1/256 seconds for version 2 and in 1/256 intervals for version 3", () => {
  expect(skewMs(2, 100, 3000)).toBe(609.375);
  expect(skewMs(3, 100, 3000)).toBe(1828.125);
  expect(skewMs(3, 254, 100)).toBe(0.78125);
});

test("downMs is three intervals and the skew", () => {
  expect(downMs(2, 100, 1000)).toBe(3609.375);
  expect(downMs(3, 100, 100)).toBe(360.9375);
});

test("adoptedDownMs keeps a foreign interval from falling under 300 ms, an own one not", () => {
  expect(adoptedDownMs(3, 100, 10, 1000)).toBe(300);
  expect(adoptedDownMs(3, 100, 10, 10)).toBe(downMs(3, 100, 10));
  expect(adoptedDownMs(3, 100, 3000, 1000)).toBe(downMs(3, 100, 3000));
});
