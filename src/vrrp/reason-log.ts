/**
 * Which refused packets get a line in the log: the first of a reason, then one a minute with the number left out.
 * Keyed by reason only: forged sources must not be able to reset it.
 */
import { later, type MonoMs } from "../lib/time.ts";

const REPEAT_MS = 60_000;

interface Entry {
  quietUntil: MonoMs;
  suppressed: number;
}

export class ReasonLog {
  private readonly entries = new Map<string, Entry>();

  /** How many were left out since the last line; null: this one is left out too. */
  admit(reason: string, now: MonoMs): number | null {
    const entry = this.entries.get(reason);
    if (entry !== undefined && now < entry.quietUntil) {
      entry.suppressed++;
      return null;
    }
    const suppressed = entry?.suppressed ?? 0;
    this.entries.set(reason, { quietUntil: later(now, REPEAT_MS), suppressed: 0 });
    return suppressed;
  }
}
