/** Rows of [alerts]: messages to people by mail and by HTTP. */
import { formatIp, parseIp } from "../lib/ip.ts";
import { row, table } from "./schema-table.ts";
import type { Type } from "./schema-type.ts";
import { boolean, list, mismatch, text } from "./schema-type.ts";
import { secret } from "./schema-vrrp.ts";

export interface MailServer {
  /** Name or address. */
  readonly host: string;
  readonly port: number;
}

/** Message submission (RFC 6409). */
const SUBMISSION_PORT = 587;

/** More than a list for a team; a mailing list serves more. */
const RECIPIENTS_MAX = 100;

const hostName =
  /^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?)*$/;

const mailServer: Type<MailServer> = {
  words: 'a mail server such as "smtp.example.com:587"',
  sections: [],
  decode: (value, at, sink) => {
    const server = typeof value === "string" ? parseMailServer(value) : null;
    return server ?? mismatch(mailServer.words, value, at, sink);
  },
};

function parseMailServer(value: string): MailServer | null {
  const found = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(value);
  if (found === null) return null;
  const port = found[3] === undefined ? SUBMISSION_PORT : Number(found[3]);
  if (port < 1 || port > 65_535) return null;
  const literal = parseIp(found[1] ?? found[2]!);
  if (literal !== null && (literal.family === 6) === (found[1] !== undefined)) return { host: formatIp(literal), port };
  return found[2] !== undefined && /[A-Za-z]/.test(found[2]) && hostName.test(found[2])
    ? { host: found[2], port }
    : null;
}

/** One mailbox without display name or comment (RFC 5321, section 4.1.2: dot-string or nothing). */
const mailAddress = text(
  'a mail address such as "ops@example.com"',
  /^(?=.{3,254}$)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/,
);

const pemFile = text("an absolute path", /^\/[^\0]*$/);

export const emailRows = {
  from: row(mailAddress, "sender", { required: true, was: ["notification_email_from"] }),
  to: row(list(mailAddress, RECIPIENTS_MAX), "who gets the messages", { required: true, was: ["notification_email"] }),
  server: row(mailServer, "mail server and port; 587 without one, TLS from the first byte on port 465", {
    required: true,
    was: ["smtp_server"],
  }),
  starttls: row(boolean, "encrypt, or send nothing", { default: true }),
  user: row(text("a user name", /^[^\0\r\n]+$/), "name to log in with"),
  password: row(secret, "its password"),
  ca: row(pemFile, "PEM file with the authorities to trust", { defaultWords: "the usual ones" }),
} as const;

const url: Type<string> = {
  words: 'an address such as "https://hooks.example.com/lb"',
  sections: [],
  decode: (value, at, sink) => {
    const parsed = typeof value === "string" && URL.canParse(value) ? new URL(value) : null;
    const isWeb = parsed !== null && (parsed.protocol === "https:" || parsed.protocol === "http:");
    // Its path is often a secret of its own: not shown.
    if (!isWeb) {
      sink.error(at, `must be ${url.words}`, { wanted: url.words });
      return undefined;
    }
    if (parsed.username === "" && parsed.password === "") return parsed.href;
    sink.error(at, "has a user name or password in it", { help: "use token" });
    return undefined;
  },
};

export const webhookRows = {
  url: row(url, "gets a POST with JSON", { required: true }),
  token: row(secret, "sent as Authorization: Bearer"),
  ca: row(pemFile, "PEM file with the authorities to trust", { defaultWords: "the usual ones" }),
} as const;

/** Kinds of events as `ballast events` shows them, whole or their first words: "server" is all of "server.state", …. */
const topic = text('a kind of event such as "vrrp.state", or its first word', /^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*$/);

export const alertsRows = {
  email: row(table("alerts.email", emailRows), "mail", { was: ["smtp_alert"] }),
  webhook: row(table("alerts.webhook", webhookRows), "HTTP request"),
  events: row(list(topic, 100), "what is reported", {
    default: [
      "vrrp.state",
      "vrrp.split_brain",
      "vrrp.heartbeat",
      "server.state",
      "quorum",
      "proxy.health",
      "role.exit",
      "role.hung",
    ],
  }),
} as const;

export const alertsTable = table("alerts", alertsRows);
