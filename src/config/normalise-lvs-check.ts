/** The check of a real server: the virtual server's keys under its own. */
import type { NormaliseContext } from "./normalise-context.ts";
import { pick } from "./normalise-context.ts";
import { requireUser } from "./normalise-program.ts";
import type { Path } from "./schema-issue.ts";
import { dnsRows, fileRows, lvsCheckRows } from "./schema-lvs.ts";
import type { Decoded } from "./schema-type.ts";
import { tlsOf } from "./normalise-check-tls.ts";
import type { LvsCheckConfig, LvsPageConfig } from "./types-lvs.ts";

type WrittenCheck = Decoded<typeof lvsCheckRows>;
type WrittenPage = NonNullable<WrittenCheck["http"]>[number]["value"];

/** Nobody connects to a port for these. */
const portless: ReadonlySet<string> = new Set(["script", "ping", "file"]);

const kinds = ["tcp", "http", "ping", "udp", "dns", "smtp", "script", "file"] as const;
/** A file says what somebody decided: it is looked at often, and what it says counts at once. */
const FILE_INTERVAL_MS = 1000;
const FILE_RETRY = 0;

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

/** What goes with an inherited probe goes away with it. */
function withoutProbe(inherited: WrittenCheck, own: WrittenCheck): WrittenCheck {
  if (kinds.every((kind) => own[kind] === undefined)) return inherited;
  const ofPages = own.http === undefined ? (["digest", "regex", "regex_no_match"] as const) : [];
  const ofTls = own.http === undefined && own.tcp === undefined ? (["tls"] as const) : [];
  const gone = new Set<string>([...kinds, ...ofPages, ...ofTls]);
  return Object.fromEntries(Object.entries(inherited).filter(([key]) => !gone.has(key)));
}

function resolved(written: WrittenCheck, server: CheckTarget, at: Path, context: NormaliseContext): LvsCheckConfig {
  const place = [...at, "check"];
  const found = kinds.filter((kind) => written[kind] !== undefined);
  if (found.length > 1) context.sink.error(place, `probes in several ways: ${found.join(" and ")}; one is wanted`);
  requireUser(written.user, place, context);
  const family = written.address === undefined ? server.family : written.address.includes(":") ? 6 : 4;
  const port = written.port ?? server.port;
  const probe = probeOf(written);
  if (port === 0 && !portless.has(probe.kind)) {
    context.sink.error(place, "has no port to connect to", { help: "name one: check = { port = 80 }" });
  }
  requireProbe(written, probe.kind, place, context);
  const isFile = probe.kind === "file";
  return {
    probe,
    target: { kind: "inet", family, host: written.address ?? server.host, port },
    tls: tlsOf(written.tls, probe.kind === "http" ? (probe.pages[0]?.host ?? null) : null, place, context),
    intervalMs: isFile ? (written.interval ?? FILE_INTERVAL_MS) : pick(lvsCheckRows.interval, written.interval),
    timeoutMs: pick(lvsCheckRows.timeout, written.timeout),
    retry: isFile ? (written.retry ?? FILE_RETRY) : pick(lvsCheckRows.retry, written.retry),
    retryDelayMs: pick(lvsCheckRows.delay_before_retry, written.delay_before_retry),
  };
}

function probeOf(written: WrittenCheck): LvsCheckConfig["probe"] {
  const { http, ping, udp, dns, smtp, script, file, user } = written;
  if (script !== undefined) {
    const dynamic = pick(lvsCheckRows.dynamic, written.dynamic);
    return { kind: "script", script: { command: script, user: user ?? null }, dynamic };
  }
  if (ping !== undefined) return { kind: "ping" };
  if (udp !== undefined) return { kind: "udp" };
  if (dns !== undefined) return { kind: "dns", name: pick(dnsRows.name, dns.name), type: pick(dnsRows.type, dns.type) };
  if (smtp !== undefined) return { kind: "smtp", helo: smtp };
  if (file !== undefined) return { kind: "file", path: file.path ?? "", weight: pick(fileRows.weight, file.weight) };
  if (http === undefined) return { kind: "tcp" };
  return { kind: "http", pages: http.flatMap(({ value }) => pageOf(value, written)) };
}

/** What a page does not say itself holds for all pages of the check. */
function pageOf(page: WrittenPage, written: WrittenCheck): readonly LvsPageConfig[] {
  const { request } = page;
  if (request === undefined) return [];
  const regex = page.regex ?? written.regex ?? null;
  const mustMatch = !pick(lvsCheckRows.regex_no_match, page.regex_no_match, written.regex_no_match);
  return [
    {
      ...request,
      host: page.host ?? written.host ?? null,
      expect: pick(lvsCheckRows.expect, page.expect, written.expect),
      digest: (page.digest ?? written.digest ?? null)?.toLowerCase() ?? null,
      regex: regex === null ? null : { source: regex, mustMatch },
    },
  ];
}

/** Keys that would have no effect are a mistake: somebody relies on what is not looked at. */
function requireProbe(written: WrittenCheck, kind: string, place: Path, context: NormaliseContext): void {
  const { sink } = context;
  if (kind !== "http") {
    for (const key of ["digest", "regex", "regex_no_match"] as const) {
      if (written[key] !== undefined) sink.error([...place, key], 'needs "http"', { mark: "key" });
    }
  }
  if (kind !== "http" && kind !== "tcp" && written.tls !== undefined && written.tls !== false) {
    sink.error([...place, "tls"], 'needs "http" or "tcp"', { mark: "key" });
  }
  for (const { at, value } of written.http ?? []) {
    const { request } = value;
    const wantsBody = [value.digest ?? written.digest, value.regex ?? written.regex].some((each) => each !== undefined);
    if (request?.method === "HEAD" && wantsBody) sink.error(at, "asks with HEAD: an answer to that has no body");
  }
}
