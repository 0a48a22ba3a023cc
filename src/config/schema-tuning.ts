/** Rows and words that frontends and backends share: timeouts and options. */
import { didYouMean } from "../lib/suggest.ts";
import { DURATION_MS_MAX } from "../lib/units.ts";
import { row, table } from "./schema-table.ts";
import type { At, Type } from "./schema-type.ts";
import { duration, list, mismatch } from "./schema-type.ts";

export type Side = "frontend" | "backend";

/** 0 would mean "for ever", which no timeout here does. */
const timeout = duration(1, DURATION_MS_MAX);

export const timeoutRows = {
  connect: row(timeout, "connecting to a server", { default: "5s", was: ["contimeout"] }),
  client: row(timeout, "silence of the client", { default: "50s", was: ["clitimeout"] }),
  server: row(timeout, "silence of the server", { default: "50s", was: ["srvtimeout"] }),
  check: row(timeout, "a health check", { defaultWords: "the check's interval" }),
  http_request: row(timeout, "a complete request head", { default: "10s" }),
  http_keep_alive: row(timeout, "the next request on a kept connection", { defaultWords: "http_request" }),
  queue: row(timeout, "waiting for a free server", { defaultWords: "connect" }),
  tunnel: row(timeout, "silence of both sides after an upgrade", {
    defaultWords: "1h in http, client and server in tcp",
  }),
  client_fin: row(timeout, "a client that has closed its side", { defaultWords: "client" }),
  tls_handshake: row(timeout, "the TLS handshake of a client", { defaultWords: "http_request" }),
} as const;

export const timeoutTable = table("timeouts", timeoutRows);

interface OptionRow {
  readonly sides: readonly Side[];
  readonly doc: string;
  readonly since: "supported" | "not supported yet";
}

const now = "supported" as const;
const later = "not supported yet" as const;

export const optionRows = {
  forwardfor: { sides: ["frontend"], doc: "append the client's address to X-Forwarded-For", since: now },
  dontlognull: { sides: ["frontend"], doc: "do not log connections on which the client sent nothing", since: now },
  httplog: { sides: ["frontend"], doc: "log in HAProxy's HTTP form (the default in mode http)", since: now },
  tcplog: { sides: ["frontend"], doc: "log in HAProxy's TCP form (the default in mode tcp)", since: now },
  http_close: { sides: ["frontend", "backend"], doc: "no keep-alive", since: now },
  redispatch: { sides: ["backend"], doc: "a retry may go to another server", since: now },
  abortonclose: {
    sides: ["backend"],
    doc: "drop queued requests of clients that left (the default in mode http)",
    since: now,
  },
  accept_invalid_http_request: { sides: ["frontend"], doc: "take requests that break the grammar", since: later },
  allbackups: { sides: ["backend"], doc: "use all backup servers, not the first", since: later },
  log_separate_errors: { sides: ["frontend"], doc: "log errors at a higher level", since: later },
  dontlog_normal: { sides: ["frontend"], doc: "log errors only", since: later },
} as const satisfies Readonly<Record<string, OptionRow>>;

export type OptionName = keyof typeof optionRows;

export interface OptionWish {
  readonly name: OptionName;
  /** false: written "no NAME", which takes back what [defaults] says. */
  readonly on: boolean;
}

/** Names of options for these sides; own ones are added to those of [defaults], "no NAME" takes one away. */
export function optionList(sides: readonly Side[]): Type<readonly At<OptionWish>[]> {
  return list(optionWish(sides));
}

function optionWish(sides: readonly Side[]): Type<OptionWish> {
  const words = 'an option such as "forwardfor"';
  return {
    words,
    sections: [],
    decode: (value, at, sink) => {
      if (typeof value !== "string") return mismatch(words, value, at, sink);
      const off = /^no[ _]/.test(value);
      const written = off ? value.slice(3) : value;
      const name = optionNamed(written);
      if (name === null) {
        sink.error(at, `unknown option "${written}"${didYouMean(written, Object.keys(optionRows))}`, {
          found: written,
        });
        return undefined;
      }
      const option: OptionRow = optionRows[name];
      if (option.since !== "supported") {
        sink.error(at, `option "${name}" is not supported yet`);
        return undefined;
      }
      if (!option.sides.some((side) => sides.includes(side))) {
        sink.error(at, `option "${name}" belongs to a ${option.sides[0]}`, {
          help: `put it there, or into [defaults]`,
        });
        return undefined;
      }
      return { name, on: !off };
    },
  };
}

function optionNamed(written: string): OptionName | null {
  return (Object.keys(optionRows) as OptionName[]).find((name) => name === written) ?? null;
}
