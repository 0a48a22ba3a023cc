/**
 * What stands before the text of a line, as bytes kept for one second:
 *
 *   rfc3164  <134>Nov 20 23:22:22 lb1 ballast[4711]:␠        (no host on a Unix socket, as syslog(3) writes it)
 *   rfc5424  <134>1 2026-11-20T23:22:22.875+01:00 lb1 ballast 4711 - -␠
 *   plain    2026-11-20T23:22:22.875+01:00 notice␠           (access lines: nothing, they carry their own date)
 */
import type { LogFormat } from "../config/types.ts";
import { logLevels } from "../config/types.ts";
import { twoDigits } from "../lib/humanize.ts";
import { unreachable } from "../lib/result.ts";
import { civilDate } from "../lib/wall-time.ts";
import { priorityOf } from "./priority.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
const DAY_S = 86_400;
const ZERO = 0x30;

/** Who writes the lines. */
export interface LogIdentity {
  readonly tag: string;
  readonly pid: number;
  readonly host: string;
}

export interface HeaderStyle {
  readonly format: LogFormat;
  readonly facility: string;
  /** rfc3164 with the host's name: lines that travel to another machine. */
  readonly withHost: boolean;
}

interface Header {
  readonly second: number;
  readonly bytes: Uint8Array;
  /** Where the three digits of the millisecond stand; -1: there are none. */
  readonly millisecondAt: number;
}

interface LocalTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly clock: string;
  readonly offsetMinutes: number;
}

export class LogHeaders {
  private readonly style: HeaderStyle;
  private readonly identity: LogIdentity;
  private readonly offsetMinutesAt: (wallMs: number) => number;
  /** Indexed by severity. */
  private readonly headers: (Header | null)[] = logLevels.map(() => null);

  /** offsetMinutesAt: minutes east of UTC at an instant. */
  constructor(style: HeaderStyle, identity: LogIdentity, offsetMinutesAt: (wallMs: number) => number) {
    this.style = style;
    this.identity = identity;
    this.offsetMinutesAt = offsetMinutesAt;
  }

  /** The header for a line of this instant; valid until the next call. */
  at(wallMs: number, severity: number): Uint8Array {
    const second = Math.floor(wallMs / 1000);
    let header = this.headers[severity];
    if (header === null || header.second !== second) {
      header = this.build(second, severity);
      this.headers[severity] = header;
    }
    if (header.millisecondAt >= 0) putMillisecond(header.bytes, header.millisecondAt, wallMs - second * 1000);
    return header.bytes;
  }

  private build(second: number, severity: number): Header {
    const { format, facility, withHost } = this.style;
    const { tag, pid, host } = this.identity;
    const time = localTime(second, this.offsetMinutesAt(second * 1000));
    const pri = `<${priorityOf(facility, severity)}>`;
    switch (format) {
      case "rfc3164": {
        const day = String(time.day).padStart(2);
        const date = `${MONTHS[time.month - 1]} ${day} ${time.clock}`;
        return header(second, `${pri}${date} ${withHost ? `${host} ` : ""}${tag}[${pid}]: `, null);
      }
      case "rfc5424": {
        const date = isoDate(time);
        return header(second, `${pri}1 ${date}${zoneText(time)} ${host} ${tag} ${pid} - - `, `${pri}1 ${date}`);
      }
      case "plain": {
        const date = isoDate(time);
        return header(second, `${date}${zoneText(time)} ${logLevels[severity]} `, date);
      }
      default:
        return unreachable(format);
    }
  }
}

/** upToMillisecond: the beginning of `text` that ends with the milliseconds. */
function header(second: number, text: string, upToMillisecond: string | null): Header {
  const bytes = new TextEncoder().encode(text);
  return { second, bytes, millisecondAt: upToMillisecond === null ? -1 : upToMillisecond.length - 3 };
}

function putMillisecond(bytes: Uint8Array, at: number, fraction: number): void {
  const millisecond = Math.floor(fraction);
  bytes[at] = ZERO + Math.floor(millisecond / 100);
  bytes[at + 1] = ZERO + (Math.floor(millisecond / 10) % 10);
  bytes[at + 2] = ZERO + (millisecond % 10);
}

function localTime(second: number, offsetMinutes: number): LocalTime {
  const local = second + offsetMinutes * 60;
  const days = Math.floor(local / DAY_S);
  const ofDay = local - days * DAY_S;
  const parts = [Math.floor(ofDay / 3600), Math.floor(ofDay / 60) % 60, ofDay % 60];
  return { ...civilDate(days), clock: parts.map(twoDigits).join(":"), offsetMinutes };
}

function isoDate({ year, month, day, clock }: LocalTime): string {
  return `${year}-${twoDigits(month)}-${twoDigits(day)}T${clock}.000`;
}

function zoneText({ offsetMinutes }: LocalTime): string {
  if (offsetMinutes === 0) return "Z";
  const distance = Math.abs(offsetMinutes);
  return `${offsetMinutes < 0 ? "-" : "+"}${twoDigits(Math.floor(distance / 60))}:${twoDigits(distance % 60)}`;
}
