/** Rows of a health check, and its two small languages: "HEAD /path" and "200-399". */
import { DURATION_MS_MAX } from "../lib/units.ts";
import { later, row, table } from "./schema-table.ts";
import type { Type } from "./schema-type.ts";
import { boolean, booleanOr, duration, integer, mismatch, only, text } from "./schema-type.ts";

export interface HttpProbe {
  readonly method: string;
  readonly target: string;
}

export const httpProbe: Type<HttpProbe> = {
  words: 'a request such as "HEAD /index.html"',
  sections: [],
  decode: (value, at, sink) => {
    if (typeof value !== "string") return mismatch(httpProbe.words, value, at, sink);
    // oxlint-disable-next-line no-control-regex
    const found = /^(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+) )?(\/[^\s\u0000-\u001f\u007f]*|\*)$/.exec(value);
    if (found !== null) return { method: found[1] ?? "GET", target: found[2] };
    const help = / HTTP\/\d/.test(value)
      ? "leave out the version and what follows; the host has its own key"
      : undefined;
    return mismatch(httpProbe.words, value, at, sink, help);
  },
};

export type StatusRanges = readonly (readonly [low: number, high: number])[];

export const statusRanges: Type<StatusRanges> = {
  words: 'status codes such as "200-399" or "200, 301-302"',
  sections: [],
  decode: (value, at, sink) => {
    const written = typeof value === "number" ? String(value) : value;
    if (typeof written !== "string") return mismatch(statusRanges.words, value, at, sink);
    const ranges: (readonly [number, number])[] = [];
    for (const part of written.split(",")) {
      const found = /^\s*(\d{3})(?:-(\d{3}))?\s*$/.exec(part);
      const low = Number(found?.[1]);
      const high = Number(found?.[2] ?? found?.[1]);
      if (found === null || low < 100 || high > 599 || low > high) return mismatch(statusRanges.words, value, at, sink);
      ranges.push([low, high]);
    }
    return ranges;
  },
};

export const checkTlsRows = {
  verify: row(boolean, "the certificate must lead to an authority of this machine and carry the name", {
    default: false,
  }),
  name: row(text("a host name", /^[A-Za-z0-9._-]+$/), "name to ask for (SNI)", {
    defaultWords: "the check's host",
    was: ["sni", "check_sni", "enable_sni"],
  }),
} as const;

export const checkTls = booleanOr(table("check.tls", checkTlsRows));

/** Below this a check is a flood. */
const INTERVAL_MS_MIN = 10;
const interval = duration(INTERVAL_MS_MIN, DURATION_MS_MAX);
const other = text("a check that comes later");

export const checkRows = {
  tcp: row(only(true, boolean), "connect and close"),
  http: row(httpProbe, 'request to send: "METHOD /path"', { was: ["httpchk"] }),
  host: row(text("a host name", /^[A-Za-z0-9._:[\]-]+$/), "Host header of the request", {
    defaultWords: "the server's address",
  }),
  expect: row(statusRanges, "status codes that count as up", { default: "200-399" }),
  interval: row(interval, "time between two checks", { default: "2s", was: ["inter", "delay_loop"] }),
  fast_interval: row(interval, "the same while the state is changing", {
    defaultWords: "interval",
    was: ["fastinter"],
  }),
  down_interval: row(interval, "the same while the server is down", { defaultWords: "interval", was: ["downinter"] }),
  timeout: row(interval, "time for one check", { defaultWords: "timeouts.check, or the interval" }),
  tls: row(checkTls, "TLS; the certificate is not verified unless told so", { was: ["check_ssl", "ssl"] }),
  rise: row(integer(1, 255), "good checks until a server is up", { default: 2 }),
  fall: row(integer(1, 255), "bad checks until a server is down", { default: 3 }),
  ping: later(boolean, "ICMP echo"),
  smtp: later(other, "greeting and HELO"),
  mysql: later(other, "MySQL handshake"),
  redis: later(boolean, "Redis PING"),
  pgsql: later(other, "PostgreSQL start-up"),
  script: later(other, "a command's exit code"),
  dns: later(other, "a DNS query"),
} as const;

export const checkTable = table("check", checkRows);
export const checkOrBoolean = booleanOr(checkTable);
