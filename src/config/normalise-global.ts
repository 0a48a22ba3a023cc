/** [global] and [admin]. */
import { err, ok } from "../lib/result.ts";
import { didYouMean } from "../lib/suggest.ts";
import type { Result } from "../lib/result.ts";
import { WORKER_MAX } from "../stats/layout.ts";
import type { NormaliseContext } from "./normalise-context.ts";
import { pick } from "./normalise-context.ts";
import { parseSocketAddress } from "./schema-address.ts";
import { globalRows, logTargetRows } from "./schema-global.ts";
import type { At, Decoded } from "./schema-type.ts";
import type { AdminConfig, GlobalConfig, LogSink, LogTarget } from "./types.ts";

/** Descriptors of a process that are no connections: listeners, epoll, logs, pipes between roles, check probes. */
export const DESCRIPTORS_RESERVED = 256;
/** Of each process unless the file says more: memory for the slabs is taken at the start. */
const MAXCONN_DEFAULT_MAX = 20_000;

export function normaliseGlobal(context: NormaliseContext): GlobalConfig {
  const written = context.document.global ?? {};
  const { environment } = context;
  const workers = pick(globalRows.workers, written.workers);
  const user = written.user ?? defaultUser(context);
  const group = written.group ?? defaultGroup(context, user);
  requireAccount(context, "user", user, environment.users);
  requireAccount(context, "group", group, environment.groups);
  return {
    node: written.node ?? environment.hostName,
    user,
    group,
    workers: workers === "auto" ? Math.min(Math.max(1, environment.cpuCount), WORKER_MAX) : workers,
    maxconn: written.maxconn ?? defaultMaxconn(environment.fdLimit),
    log: (written.log ?? []).flatMap((item) => logTarget(item, context)),
    hardStopAfterMs: pick(globalRows.hard_stop_after, written.hard_stop_after),
    spreadChecksPercent: pick(globalRows.spread_checks, written.spread_checks),
    pidfile: written.pidfile ?? null,
  };
}

export function normaliseAdmin(context: NormaliseContext): AdminConfig {
  const written = context.document.admin ?? {};
  const { groups, isRoot } = context.environment;
  const group = written.admin_group;
  if (group !== undefined && groups !== undefined && isRoot === true && !groups.includes(group)) {
    const message = `there is no group "${group}" on this machine${didYouMean(group, groups)}`;
    context.sink.error(["admin", "admin_group"], message, { found: group, help: `groupadd --system ${group}` });
  }
  return {
    socket: written.socket ?? context.environment.adminSocket ?? "/run/ballast/ballast.sock",
    adminGroup: written.admin_group ?? null,
  };
}

/** Client connections that one process can hold: two descriptors each, its own and the server's. */
export function connectionCapacity(fdLimit: number): number {
  return Math.max(1, Math.floor((fdLimit - DESCRIPTORS_RESERVED) / 2));
}

function defaultMaxconn(fdLimit: number): number {
  return Math.min(MAXCONN_DEFAULT_MAX, connectionCapacity(fdLimit));
}

function defaultUser(context: NormaliseContext): string {
  return context.environment.users?.includes("ballast") === true ? "ballast" : "nobody";
}

/** Debian calls the group of nobody "nogroup". */
function defaultGroup(context: NormaliseContext, user: string): string {
  const groups = context.environment.groups ?? [];
  return [user, "nogroup"].find((name) => groups.includes(name)) ?? user;
}

function requireAccount(
  context: NormaliseContext,
  kind: "user" | "group",
  name: string,
  known?: readonly string[],
): void {
  if (known === undefined || context.environment.isRoot !== true || known.includes(name)) return;
  const add = kind === "user" ? "useradd --system" : "groupadd --system";
  context.sink.error(["global", kind], `there is no ${kind} "${name}" on this machine`, { help: `${add} ${name}` });
}

function logTarget(item: At<Decoded<typeof logTargetRows>>, context: NormaliseContext): readonly LogTarget[] {
  const { target, facility, level, format } = item.value;
  if (target === undefined) return [];
  const sink = logSink(target);
  if (!sink.ok) {
    context.sink.error(item.at, sink.error, { found: target });
    return [];
  }
  const isSyslog = sink.value.kind === "syslog" || sink.value.kind === "unix";
  return [
    {
      sink: sink.value,
      facility: pick(logTargetRows.facility, facility),
      level: pick(logTargetRows.level, level),
      format: format ?? (isSyslog ? "rfc3164" : "plain"),
    },
  ];
}

const forms = '"stderr", "stdout", "file:/PATH", "unix:/PATH" or "syslog://ADDRESS:PORT"';

function logSink(target: string): Result<LogSink, string> {
  if (target === "stderr" || target === "stdout") return ok({ kind: target });
  const path = /^(file|unix):(\/.+)$/s.exec(target);
  if (path !== null) return ok(path[1] === "file" ? { kind: "file", path: path[2] } : { kind: "unix", path: path[2] });
  const syslog = /^syslog:\/\/(.+)$/.exec(target);
  if (syslog === null) return err(`log target "${target}" is not ${forms}`);
  const hasPort = /(?:^[^[\]:]*|\]):\S*$/.test(syslog[1]);
  const address = parseSocketAddress(hasPort ? syslog[1] : `${syslog[1]}:514`);
  return address.ok ? ok({ kind: "syslog", address: address.value }) : err(`log target: ${address.error.message}`);
}
