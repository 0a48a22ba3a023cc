/**
 * The date of access-log lines, `20/Nov/2026:23:22:22.875` in local time, as bytes.
 * Everything down to the second is kept from line to line; a busy worker writes three digits.
 */
import { asciiBytes } from "../http/ascii.ts";
import { civilDate } from "../lib/wall-time.ts";

export const DATE_BYTES = 24;

const MONTHS = asciiBytes("JanFebMarAprMayJunJulAugSepOctNovDec");
const MINUTE_MS = 60_000;
const DAY_S = 86_400;
const ZERO = 0x30;

export class LogDate {
  private readonly offsetMinutesAt: (wallMs: number) => number;
  private readonly text = asciiBytes("00/Jan/0000:00:00:00.000");
  private second = Number.NaN;
  private minute = Number.NaN;
  private offsetMinutes = 0;

  /** offsetMinutesAt: minutes east of UTC at that instant; asked once a minute, since summer time may begin. */
  constructor(offsetMinutesAt: (wallMs: number) => number) {
    this.offsetMinutesAt = offsetMinutesAt;
  }

  /** Writes DATE_BYTES bytes at `at`; answers the offset behind them. wallMs: since the epoch, not negative. */
  write(target: Uint8Array, at: number, wallMs: number): number {
    const second = Math.floor(wallMs / 1000);
    if (second !== this.second) this.setSecond(second);
    const { text } = this;
    for (let i = 0; i < 21; i++) target[at + i] = text[i];
    const millisecond = Math.floor(wallMs - second * 1000);
    target[at + 21] = ZERO + Math.floor(millisecond / 100);
    target[at + 22] = ZERO + (Math.floor(millisecond / 10) % 10);
    target[at + 23] = ZERO + (millisecond % 10);
    return at + DATE_BYTES;
  }

  private setSecond(second: number): void {
    this.second = second;
    const minute = Math.floor(second / 60);
    if (minute !== this.minute) {
      this.minute = minute;
      this.offsetMinutes = this.offsetMinutesAt(minute * MINUTE_MS);
    }
    const local = second + this.offsetMinutes * 60;
    const { year, month, day } = civilDate(Math.floor(local / DAY_S));
    const ofDay = local - Math.floor(local / DAY_S) * DAY_S;
    this.twoDigits(0, day);
    for (let i = 0; i < 3; i++) this.text[3 + i] = MONTHS[3 * (month - 1) + i];
    this.twoDigits(7, Math.floor(year / 100));
    this.twoDigits(9, year % 100);
    this.twoDigits(12, Math.floor(ofDay / 3600));
    this.twoDigits(15, Math.floor(ofDay / 60) % 60);
    this.twoDigits(18, ofDay % 60);
  }

  private twoDigits(at: number, value: number): void {
    this.text[at] = ZERO + Math.floor(value / 10);
    this.text[at + 1] = ZERO + (value % 10);
  }
}
