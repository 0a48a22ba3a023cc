/** Whether the machine slept (suspended, or a virtual machine that was frozen): the monotonic clock does not tell. */
import { sleepClockMs } from "../../sys/clock.ts";

/** Shorter is the resolution of two clocks read one after the other, and no neighbour has forgotten anything. */
const SLEEP_MS_MIN = 500;

export class SleepWatch {
  /** How long the machine had slept since it was booted, when we looked last. */
  private sleptBeforeMs = sleepClockMs();

  /** Since the last look, in milliseconds; 0: it did not sleep. */
  look(): number {
    const sleptMs = sleepClockMs() - this.sleptBeforeMs;
    if (sleptMs < SLEEP_MS_MIN) return 0;
    this.sleptBeforeMs += sleptMs;
    return sleptMs;
  }
}
