/** Wall time in words. The zone's offset comes in as an argument, so that the result depends on nothing else. */
import { twoDigits } from "./humanize.ts";

const MINUTE_MS = 60_000;
const DAY_S = 86_400;

/** Time of day, `21:34:58`. offsetMinutes: east of UTC positive. */
export function clockText(wallMs: number, offsetMinutes: number): string {
  const seconds = Math.floor((wallMs + offsetMinutes * MINUTE_MS) / 1000);
  const ofDay = ((seconds % DAY_S) + DAY_S) % DAY_S;
  return `${twoDigits(Math.floor(ofDay / 3600))}:${twoDigits(Math.floor((ofDay % 3600) / 60))}:${twoDigits(ofDay % 60)}`;
}

/** Date and time, `2026-11-20 21:34:58`. offsetMinutes: east of UTC positive. */
export function dateTimeText(wallMs: number, offsetMinutes: number): string {
  const seconds = Math.floor((wallMs + offsetMinutes * MINUTE_MS) / 1000);
  const { year, month, day } = civilDate(Math.floor(seconds / DAY_S));
  return `${year}-${twoDigits(month)}-${twoDigits(day)} ${clockText(wallMs, offsetMinutes)}`;
}

/** Days since 1970-01-01 to a date of the proleptic Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms"). */
export function civilDate(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  };
}
