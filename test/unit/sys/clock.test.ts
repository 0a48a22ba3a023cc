import { expect, test } from "bun:test";
import { sleepClockMs } from "../../../src/sys/clock.ts";

test("sleepClockMs stands still while the machine is awake", async () => {
  const before = sleepClockMs();
  await Bun.sleep(20);
  expect(Math.abs(sleepClockMs() - before)).toBeLessThan(5);
});
