/**
 * Durations and sizes as people write them: "2s", "500ms", "1m30s", "10us"; "64k", "2m".
 * The suffixes are HAProxy's (configuration.txt, sections 2.5 and 2.6).
 */
import { err, ok } from "./result.ts";
import type { Result } from "./result.ts";

const unitUs = {
  us: 1,
  ms: 1_000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
  d: 86_400_000_000,
} as const;

type DurationUnit = keyof typeof unitUs;

/** 2^31 − 1 ms, about 24 days: HAProxy's limit, and the longest delay that a JavaScript timer takes. */
export const DURATION_MS_MAX = 2_147_483_647;

const durationForm = /^(?:\d+(?:us|ms|s|m|h|d))+$/;
const durationPart = /(\d+)(us|ms|s|m|h|d)/g;

/**
 * Milliseconds of a duration; what is shorter than one is rounded up, so that a wish for some time is never none.
 * Parts add up: "1m30s" is 90 000. Error: what is wrong, as a clause to follow the found text.
 */
export function parseDurationMs(text: string): Result<number, string> {
  if (/^\d+$/.test(text)) return err(`has no unit; write "${text}ms" or "${text}s"`);
  if (/^\d*\.\d+/.test(text)) return err('has a fraction; use a smaller unit, such as "100ms"');
  if (!durationForm.test(text)) return err('is not a duration such as "500ms", "2s" or "1m30s"');
  let totalUs = 0;
  for (const [, digits, unit] of text.matchAll(durationPart)) {
    totalUs += Number(digits) * unitUs[unit as DurationUnit];
  }
  const totalMs = Math.ceil(totalUs / unitUs.ms);
  if (totalMs > DURATION_MS_MAX) return err("is longer than 24 days");
  return ok(totalMs);
}

/** The shortest text that parses to the same number of milliseconds: 90 000 → "1m30s", 0 → "0s". */
export function formatDurationMs(durationMs: number): string {
  if (durationMs === 0) return "0s";
  let rest = durationMs;
  let text = "";
  for (const unit of ["d", "h", "m", "s", "ms"] as const) {
    const stepMs = unitUs[unit] / unitUs.ms;
    const count = Math.floor(rest / stepMs);
    rest -= count * stepMs;
    if (count > 0) text += `${count}${unit}`;
  }
  return text;
}

const sizeFactor = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 } as const;

/** Bytes of a size: "64k" is 65 536. Error: what is wrong, as a clause to follow the found text. */
export function parseSizeBytes(text: string): Result<number, string> {
  const found = /^(\d+)([kmg]?)$/i.exec(text);
  if (found === null) return err('is not a size such as "16384", "64k" or "2m"');
  const bytes = Number(found[1]) * sizeFactor[found[2].toLowerCase() as keyof typeof sizeFactor];
  if (!Number.isSafeInteger(bytes)) return err("is too large");
  return ok(bytes);
}
