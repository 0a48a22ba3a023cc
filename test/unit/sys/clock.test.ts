import { expect, test } from "bun:test";
import { sleepClockMs } from "../../../src/sys/clock.ts";

test("sleepClockMs stands still while the machine is awake", async () => {
  const before = sleepClockMs();
  await Bun.sleep(20);
  // Read from two clocks, one after the other, with whatever else the machine does in between.
  expect(Math.abs(sleepClockMs() - before)).toBeLessThan(500);
});
