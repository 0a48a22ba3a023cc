/** The check of a real server: the virtual server's keys under its own. */
import { didYouMean } from "../lib/suggest.ts";
import type { NormaliseContext } from "./normalise-context.ts";
import { pick } from "./normalise-context.ts";
import type { Path } from "./schema-issue.ts";
import { dnsRows, lvsCheckRows } from "./schema-lvs.ts";
import type { Decoded } from "./schema-type.ts";
import type { LvsCheckConfig } from "./types.ts";

type WrittenCheck = Decoded<typeof lvsCheckRows>;

const kinds = ["tcp", "http", "ping", "udp", "dns", "smtp", "script"] as const;

export interface CheckTarget {
  readonly family: 4 | 6;
  readonly host: string;
  readonly port: number;
}

/** Levels from the outermost; a probe of the server's own replaces the virtual server's. Null: no check. */
export function lvsCheck(
  levels: readonly (boolean | WrittenCheck | undefined)[],
  server: CheckTarget,
  at: Path,
  context: NormaliseContext,
): LvsCheckConfig | null {
  let merged: WrittenCheck | null = null;
  for (const level of levels) {
    if (level === undefined) continue;
    if (typeof level === "boolean") merged = level ? (merged ?? {}) : null;
    else merged = { ...withoutProbe(merged ?? {}, level), ...level };
  }
  return merged === null ? null : resolved(merged, server, at, context);
}

function withoutProbe(inherited: WrittenCheck, own: WrittenCheck): WrittenCheck {
  if (kinds.every((kind) => own[kind] === undefined)) return inherited;
  const {
    tcp: _tcp,
    http: _http,
    ping: _ping,
    udp: _udp,
    dns: _dns,
    smtp: _smtp,
    script: _script,
    ...rest
  } = inherited;
  return rest;
}

function resolved(written: WrittenCheck, server: CheckTarget, at: Path, context: NormaliseContext): LvsCheckConfig {
  const place = [...at, "check"];
  const found = kinds.filter((kind) => written[kind] !== undefined);
  if (found.length > 1) context.sink.error(place, `probes in several ways: ${found.join(" and ")}; one is wanted`);
  requireUser(written.user, place, context);
  const family = written.address === undefined ? server.family : written.address.includes(":") ? 6 : 4;
  const port = written.port ?? server.port;
  const probe = probeOf(written);
  if (port === 0 && probe.kind !== "script" && probe.kind !== "ping") {
    context.sink.error(place, "has no port to connect to", { help: "name one: check = { port = 80 }" });
  }
  return {
    probe,
    target: { kind: "inet", family, host: written.address ?? server.host, port },
    intervalMs: pick(lvsCheckRows.interval, written.interval),
    timeoutMs: pick(lvsCheckRows.timeout, written.timeout),
    retry: pick(lvsCheckRows.retry, written.retry),
    retryDelayMs: pick(lvsCheckRows.delay_before_retry, written.delay_before_retry),
  };
}

function probeOf(written: WrittenCheck): LvsCheckConfig["probe"] {
  const { http, ping, udp, dns, smtp, script, host, user } = written;
  if (script !== undefined) {
    const dynamic = pick(lvsCheckRows.dynamic, written.dynamic);
    return { kind: "script", script: { command: script, user: user ?? null }, dynamic };
  }
  if (ping !== undefined) return { kind: "ping" };
  if (udp !== undefined) return { kind: "udp" };
  if (dns !== undefined) return { kind: "dns", name: pick(dnsRows.name, dns.name), type: pick(dnsRows.type, dns.type) };
  if (smtp !== undefined) return { kind: "smtp", helo: smtp };
  if (http === undefined) return { kind: "tcp" };
  return { kind: "http", ...http, host: host ?? null, expect: pick(lvsCheckRows.expect, written.expect) };
}

export function requireUser(user: string | undefined, at: Path, context: NormaliseContext): void {
  const { users, isRoot } = context.environment;
  if (user === undefined || users === undefined || isRoot !== true || users.includes(user)) return;
  context.sink.error(at, `there is no user "${user}" on this machine${didYouMean(user, users)}`, { found: user });
}
