/** Timeouts, options and health checks: what is written in three places becomes one. */
import { tlsOf } from "./normalise-check-tls.ts";
import type { NormaliseContext } from "./normalise-context.ts";
import { pick } from "./normalise-context.ts";
import { checkRows } from "./schema-check.ts";
import type { Path } from "./schema-issue.ts";
import { timeoutRows } from "./schema-tuning.ts";
import type { OptionName, OptionWish } from "./schema-tuning.ts";
import type { At, Decoded } from "./schema-type.ts";
import type { BackendTimeouts, CheckConfig, FrontendOptions, FrontendTimeouts, Mode } from "./types-proxy.ts";

export type WrittenTimeouts = Decoded<typeof timeoutRows>;
export type WrittenCheck = Decoded<typeof checkRows>;
export type WrittenOptions = readonly At<OptionWish>[];

const TUNNEL_HTTP_MS = 3_600_000;

/** HAProxy's fall-backs: http-keep-alive to http-request, client-fin to client. */
export function frontendTimeouts(mode: Mode, timeouts: WrittenTimeouts): FrontendTimeouts {
  const clientMs = pick(timeoutRows.client, timeouts.client);
  const httpRequestMs = pick(timeoutRows.http_request, timeouts.http_request);
  return {
    clientMs,
    httpRequestMs,
    httpKeepAliveMs: timeouts.http_keep_alive ?? httpRequestMs,
    clientFinMs: timeouts.client_fin ?? clientMs,
    // In mode tcp every session is a tunnel: without a timeout of its own the client's holds.
    tunnelMs: timeouts.tunnel ?? (mode === "http" ? TUNNEL_HTTP_MS : clientMs),
    tlsHandshakeMs: timeouts.tls_handshake ?? httpRequestMs,
  };
}

export function backendTimeouts(mode: Mode, timeouts: WrittenTimeouts): BackendTimeouts {
  const connectMs = pick(timeoutRows.connect, timeouts.connect);
  const serverMs = pick(timeoutRows.server, timeouts.server);
  return {
    connectMs,
    serverMs,
    queueMs: timeouts.queue ?? connectMs,
    tunnelMs: timeouts.tunnel ?? (mode === "http" ? TUNNEL_HTTP_MS : serverMs),
    checkMs: timeouts.check ?? null,
  };
}

/** Wishes in order: [defaults] first, then the section's own; the last one about an option decides. */
export function optionIs(name: OptionName, wishes: WrittenOptions, otherwise: boolean): boolean {
  return wishes.findLast((wish) => wish.value.name === name)?.value.on ?? otherwise;
}

export function frontendOptions(mode: Mode, wishes: WrittenOptions): FrontendOptions {
  return {
    forwardfor: mode === "http" && optionIs("forwardfor", wishes, false),
    dontlognull: optionIs("dontlognull", wishes, false),
    httpClose: optionIs("http_close", wishes, false),
    log: logForm(mode, wishes),
  };
}

/**
 * The form asked for last, the mode's own without a wish; "no NAME" takes that one away and leaves the other.
 * Without HTTP there is nothing for httplog to show: like HAProxy, tcplog is written then, and "no tcplog" ends it.
 */
function logForm(mode: Mode, wishes: WrittenOptions): FrontendOptions["log"] {
  if (mode === "tcp") return optionIs("tcplog", wishes, true) ? "tcplog" : null;
  const http = optionIs("httplog", wishes, true);
  if (!optionIs("tcplog", wishes, false)) return http ? "httplog" : null;
  const last = wishes.findLast(({ value }) => value.on && (value.name === "httplog" || value.name === "tcplog"));
  return http && last?.value.name === "httplog" ? "httplog" : "tcplog";
}

/** From [defaults] over the backend to the server: keys add up, a new probe replaces the inherited one, false ends it. */
export function mergeChecks(levels: readonly (boolean | WrittenCheck | undefined)[]): WrittenCheck | null {
  let merged: WrittenCheck | null = null;
  for (const level of levels) {
    if (level === undefined) continue;
    if (typeof level === "boolean") merged = level ? (merged ?? {}) : null;
    else merged = { ...withoutProbe(merged ?? {}, level), ...level };
  }
  return merged;
}

function withoutProbe(inherited: WrittenCheck, own: WrittenCheck): WrittenCheck {
  if (own.tcp === undefined && own.http === undefined) return inherited;
  const { tcp: _tcp, http: _http, ...rest } = inherited;
  return rest;
}

/** Times as HAProxy derives them: fastinter and downinter from inter, the timeout from "timeout check" or inter. */
export function normaliseCheck(
  written: WrittenCheck,
  timeouts: WrittenTimeouts,
  at: Path,
  context: Pick<NormaliseContext, "sink">,
): CheckConfig {
  const intervalMs = pick(checkRows.interval, written.interval);
  const probe: CheckConfig["probe"] =
    written.http === undefined
      ? { kind: "tcp" }
      : { kind: "http", ...written.http, host: written.host ?? null, expect: pick(checkRows.expect, written.expect) };
  const tls = tlsOf(written.tls, written.host ?? null, at, context);
  return {
    ...(tls === null ? {} : { tls }),
    probe,
    intervalMs,
    fastIntervalMs: written.fast_interval ?? intervalMs,
    downIntervalMs: written.down_interval ?? intervalMs,
    timeoutMs: written.timeout ?? timeouts.check ?? intervalMs,
    rise: pick(checkRows.rise, written.rise),
    fall: pick(checkRows.fall, written.fall),
  };
}
