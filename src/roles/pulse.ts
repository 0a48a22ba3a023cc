/** Whether a role's loop still turns, told from its heartbeat in the shared counters (pure). */

/** How often the supervisor looks. */
export const PULSE_INTERVAL_MS = 500;
/** A heartbeat that stands still over this many looks belongs to a hung role. */
const STILL_LOOKS_MAX = 4;
export const SILENCE_MAX_MS = PULSE_INTERVAL_MS * STILL_LOOKS_MAX;
/** A start takes a tenth of a second; this long, even on a machine that swaps, only one that hangs. */
export const START_WITHIN_MS = 15_000;

export interface Pulse {
  readonly heartbeat: number;
  readonly stillLooks: number;
}

export const freshPulse: Pulse = { heartbeat: 0, stillLooks: 0 };

/** The pulse after one more look at the heartbeat's count. */
export function takePulse(pulse: Pulse, heartbeat: number): Pulse {
  return { heartbeat, stillLooks: heartbeat === pulse.heartbeat ? pulse.stillLooks + 1 : 0 };
}

export function isSilent(pulse: Pulse): boolean {
  return pulse.stillLooks >= STILL_LOOKS_MAX;
}
