import { expect, test } from "bun:test";
import { freshPulse, isSilent, PULSE_INTERVAL_MS, SILENCE_MAX_MS, takePulse } from "../../../src/roles/pulse.ts";

test("takePulse finds a role silent when its heartbeat stood still for two seconds", () => {
  let pulse = takePulse(freshPulse, 7);
  for (let waitedMs = 0; waitedMs < SILENCE_MAX_MS; waitedMs += PULSE_INTERVAL_MS) {
    expect(isSilent(pulse)).toBe(false);
    pulse = takePulse(pulse, 7);
  }
  expect(isSilent(pulse)).toBe(true);
  expect(SILENCE_MAX_MS).toBe(2000);
});

test("takePulse forgets the silence at the first beat, a wrapped count included", () => {
  let pulse = takePulse(freshPulse, 0x7fffffff);
  for (let looks = 0; looks < 3; looks++) pulse = takePulse(pulse, 0x7fffffff);
  pulse = takePulse(pulse, -0x80000000);
  expect(pulse).toEqual({ heartbeat: -0x80000000, stillLooks: 0 });
});
