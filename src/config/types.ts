/**
 * The configuration after parsing, validation and normalisation: the one shape that every role reads.
 * Plain data (it travels between processes as JSON): durations in milliseconds, names resolved,
 * defaults applied, `listen` sections split into a frontend and a backend of the same name.
 */
import type { LvsConfig, RealserverConfig } from "./types-lvs.ts";
import type { BackendConfig, FrontendConfig, SocketAddress } from "./types-proxy.ts";
import type { VrrpConfig } from "./types-vrrp.ts";

export interface Config {
  readonly global: GlobalConfig;
  readonly admin: AdminConfig;
  readonly frontends: readonly FrontendConfig[];
  readonly backends: readonly BackendConfig[];
  readonly vrrp: readonly VrrpConfig[];
  /** Messages to people; absent: none. */
  readonly alerts?: AlertsConfig;
  /** The LVS director; absent: this node is none. */
  readonly lvs?: LvsConfig;
  /** This machine behind an LVS director, for `ballast realserver`; absent: not said. */
  readonly realserver?: RealserverConfig;
}

/** [alerts]. Only the notify role gets it. */
export interface AlertsConfig {
  /** Kinds of events, whole or their first words: "server" is "server.state", "server.admin", …. */
  readonly events: readonly string[];
  readonly email: EmailConfig | null;
  readonly webhook: WebhookConfig | null;
}

/** Certificates of authorities, read with the configuration: the role may not be allowed to. */
export interface Authorities {
  readonly path: string;
  readonly pem: string;
}

export interface EmailConfig {
  readonly from: string;
  readonly to: readonly string[];
  readonly host: string;
  readonly port: number;
  /** none: in clear; starttls: encrypted or not sent; implicit: TLS from the first byte (port 465). */
  readonly tls: "none" | "starttls" | "implicit";
  readonly auth: { readonly user: string; readonly password: string } | null;
  /** Whom to trust; null: the usual authorities. */
  readonly ca: Authorities | null;
}

export interface WebhookConfig {
  readonly url: string;
  /** Sent as Authorization: Bearer. */
  readonly token: string | null;
  /** Whom to trust; null: the usual authorities. */
  readonly ca: Authorities | null;
}

export interface GlobalConfig {
  readonly node: string;
  readonly user: string;
  readonly group: string;
  /** Worker processes; "auto" is resolved to the CPU count. */
  readonly workers: number;
  /** Client connections of the whole appliance (haproxy: global maxconn). */
  readonly maxconn: number;
  readonly log: readonly LogTarget[];
  readonly hardStopAfterMs: number;
  /** Percent of the interval by which checks are spread (haproxy: spread-checks). */
  readonly spreadChecksPercent: number;
  readonly pidfile: string | null;
}

export type LogFormat = "rfc3164" | "rfc5424" | "plain";

/** RFC 5424 §6.2.1 under HAProxy's names, in the order of their codes. */
export const logFacilities = [
  "kern",
  "user",
  "mail",
  "daemon",
  "auth",
  "syslog",
  "lpr",
  "news",
  "uucp",
  "cron",
  "auth2",
  "ftp",
  "ntp",
  "audit",
  "alert",
  "cron2",
  "local0",
  "local1",
  "local2",
  "local3",
  "local4",
  "local5",
  "local6",
  "local7",
] as const;

export const logLevels = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"] as const;

export type LogLevel = (typeof logLevels)[number];

export type LogSink =
  | { readonly kind: "stderr" }
  | { readonly kind: "stdout" }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "syslog"; readonly address: SocketAddress }
  | { readonly kind: "unix"; readonly path: string };

export interface LogTarget {
  readonly sink: LogSink;
  readonly facility: string;
  /** The least severe level that is written. */
  readonly level: LogLevel;
  readonly format: LogFormat;
}

export interface AdminConfig {
  readonly socket: string;
  /** Group whose members may change things through the socket; null: root and the daemon's own user only. */
  readonly adminGroup: string | null;
}
