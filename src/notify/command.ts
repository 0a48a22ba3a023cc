/** One run of a program: what is asked for and what came of it. */
import { formatDurationMs } from "../lib/units.ts";

export interface Command {
  /** Absolute path and arguments; no shell. */
  readonly argv: readonly string[];
  /** Account to run as; null: the daemon's own, which is not root. */
  readonly user: string | null;
  /** Killed with its whole process group then. */
  readonly timeoutMs: number;
  /** Between SIGTERM and SIGKILL when it is late; 0: SIGKILL at once. */
  readonly graceMs: number;
  /** Besides PATH; nothing else is in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where its output goes: away, or to the daemon's own standard error. */
  readonly output: "ignore" | "inherit";
}

export interface CommandResult {
  /** Ended by itself with exit code 0. */
  readonly ok: boolean;
  /** null: killed by a signal, or never started. */
  readonly code: number | null;
  readonly timedOut: boolean;
  readonly durationMs: number;
  /** Why it is not ok, as words to follow "COMMAND: "; empty when it is. */
  readonly reason: string;
}

/** It was not even started. */
export function notStarted(reason: string): CommandResult {
  return { ok: false, code: null, timedOut: false, durationMs: 0, reason };
}

/** It ended; `code` null: by a signal of this name. */
export function ended(code: number | null, signal: string, durationMs: number): CommandResult {
  const reason = code === 0 ? "" : code === null ? `killed by ${signal}` : `exit code ${code}`;
  return { ok: code === 0, code, timedOut: false, durationMs, reason };
}

/** It was killed for being late; whatever it said at its end does not count. */
export function late(command: Command, durationMs: number): CommandResult {
  const reason = `still ran after ${formatDurationMs(command.timeoutMs)} and was killed`;
  return { ok: false, code: null, timedOut: true, durationMs, reason };
}
