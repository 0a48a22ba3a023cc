/** [alerts]. */
import { parseIp } from "../lib/ip.ts";
import type { NormaliseContext } from "./normalise-context.ts";
import { isWritten, pick } from "./normalise-context.ts";
import { resolveSecret } from "./normalise-vrrp.ts";
import { alertsRows, emailRows, type webhookRows } from "./schema-alerts.ts";
import type { Path } from "./schema-issue.ts";
import { plain } from "./schema-table.ts";
import type { Decoded } from "./schema-type.ts";
import type { AlertsConfig, Authorities, EmailConfig, WebhookConfig } from "./types.ts";

/** Submission over implicit TLS (RFC 8314, section 3.3). */
const IMPLICIT_TLS_PORT = 465;

export function normaliseAlerts(context: NormaliseContext): AlertsConfig | undefined {
  const written = context.document.alerts;
  if (written === undefined) return undefined;
  const at = ["alerts"];
  if (!isWritten(context, [...at, "email"]) && !isWritten(context, [...at, "webhook"])) {
    context.sink.error(at, "tells nobody: name email or webhook", { mark: "key" });
  }
  return {
    events: plain(pick(alertsRows.events, written.events)),
    email: written.email === undefined ? null : normaliseEmail(written.email, [...at, "email"], context),
    webhook: written.webhook === undefined ? null : normaliseWebhook(written.webhook, [...at, "webhook"], context),
  };
}

function normaliseEmail(value: Decoded<typeof emailRows>, at: Path, context: NormaliseContext): EmailConfig | null {
  const { from, server } = value;
  const to = plain(value.to);
  if (value.to !== undefined && to.length === 0 && !isWritten(context, [...at, "to", 0])) {
    context.sink.error([...at, "to"], "names nobody");
  }
  const auth = emailAuth(value, at, context);
  const ca = readAuthorities(value.ca, [...at, "ca"], context);
  if (from === undefined || server === undefined) return null;
  if (context.virtualAddresses.has(server.host)) {
    const help = "name an address that does not move";
    context.sink.warn([...at, "server"], `${server.host} is a virtual address: mail fails just when it moves`, {
      help,
    });
  }
  const starttls = pick(emailRows.starttls, value.starttls);
  const tls = server.port === IMPLICIT_TLS_PORT ? "implicit" : starttls ? "starttls" : "none";
  if (tls === "none" && auth !== null && !isLoopback(server.host)) {
    context.sink.error([...at, "starttls"], "the password would cross the network in clear", {
      help: "starttls = true, or a server on this machine",
    });
  }
  return { from, to, host: server.host, port: server.port, tls, auth, ca };
}

function emailAuth(
  { user, password }: Decoded<typeof emailRows>,
  at: Path,
  context: NormaliseContext,
): EmailConfig["auth"] {
  const hasUser = isWritten(context, [...at, "user"]);
  const hasPassword = isWritten(context, [...at, "password"]);
  if (hasUser !== hasPassword) {
    context.sink.error([...at, hasUser ? "user" : "password"], `needs ${hasUser ? "password" : "user"} as well`);
  }
  if (user === undefined || password === undefined) return null;
  const text = resolveSecret(password, [...at, "password"], context);
  return text === null ? null : { user, password: text };
}

function isLoopback(host: string): boolean {
  const address = parseIp(host);
  if (address === null) return host === "localhost";
  return address.family === 4 ? address.bytes[0] === 127 : host === "::1";
}

function normaliseWebhook(
  value: Decoded<typeof webhookRows>,
  at: Path,
  context: NormaliseContext,
): WebhookConfig | null {
  const token = value.token === undefined ? null : resolveSecret(value.token, [...at, "token"], context);
  if (token !== null && !/^[\u0021-\u007e]+$/.test(token)) {
    context.sink.error([...at, "token"], "has characters that a header cannot carry");
  }
  const ca = readAuthorities(value.ca, [...at, "ca"], context);
  return value.url === undefined ? null : { url: value.url, token, ca };
}

function readAuthorities(path: string | undefined, at: Path, context: NormaliseContext): Authorities | null {
  if (path === undefined) return null;
  const read = context.environment.readFile(path);
  if (read.ok && read.value.includes("-----BEGIN CERTIFICATE-----")) return { path, pem: read.value };
  const why = read.ok ? "it has no certificate" : read.error;
  context.sink.error(at, `cannot take authorities from ${path}: ${why}`, { found: path });
  return null;
}
