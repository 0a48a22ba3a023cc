/** `ballast status`: one page that says what runs and what is wrong; exit 1 when something is. */
import type { Snapshot } from "../admin/api.ts";
import { type AdminClient, adminClient } from "../admin/client.ts";
import { type ClientError, clientExitCode } from "../admin/client-error.ts";
import { formatCount, formatSpan, plural } from "../lib/humanize.ts";
import { safeText } from "../lib/safe-text.ts";
import { backendWord, countServers } from "../lib/state-words.ts";
import type { Paint } from "../lib/text-table.ts";
import { clockText } from "../lib/wall-time.ts";
import { type CliArgs, flagOn } from "./args.ts";
import { backendColumns, frontendColumns, vrrpColumns } from "./columns.ts";
import { lvsStatusColumns, lvsStatusRows } from "./lvs-columns.ts";
import {
  clientFailure,
  exitCodes,
  painter,
  printJson,
  printLine,
  printTable,
  printText,
  refuseWords,
  zoneOffsetMinutes,
} from "./output.ts";

const WATCH_INTERVAL_MS = 2_000;

/** Exit codes that Nagios and its kin read (Monitoring Plugins Development Guidelines). */
const nagiosCodes = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const;

export async function runStatus(args: CliArgs): Promise<number> {
  const refused = refuseWords(args);
  if (refused !== null) return refused;
  const client = adminClient(args.socket);
  if (flagOn(args, "nagios")) return nagios(client);
  if (flagOn(args, "watch")) return watch(args, client);
  const snapshot = await client.snapshot();
  if (!snapshot.ok) return clientFailure(snapshot.error);
  if (args.json) printJson(snapshot.value);
  else printStatus(snapshot.value, painter(args));
  return snapshot.value.problems.length > 0 ? exitCodes.negative : exitCodes.ok;
}

async function watch(args: CliArgs, client: AdminClient): Promise<number> {
  const clearsScreen = process.stdout.isTTY === true && !args.json && !args.plain;
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  process.once("SIGTERM", () => stop.abort());
  while (!stop.signal.aborted) {
    const snapshot = await client.snapshot();
    if (!snapshot.ok && !clearsScreen) return clientFailure(snapshot.error);
    if (clearsScreen) printText("\u001b[H\u001b[2J");
    if (!snapshot.ok) printLine(lostText(snapshot.error));
    else if (args.json) printLine(JSON.stringify(snapshot.value));
    else printStatus(snapshot.value, painter(args));
    await pause(WATCH_INTERVAL_MS, stop.signal);
  }
  return exitCodes.ok;
}

function pause(waitMs: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, waitMs);
    const wake = (): void => {
      clearTimeout(timer);
      resolve();
    };
    stop.addEventListener("abort", wake, { once: true });
  });
}

function lostText(error: ClientError): string {
  return `${safeText(error.text)}; trying again every ${WATCH_INTERVAL_MS / 1000} s`;
}

async function nagios(client: AdminClient): Promise<number> {
  const snapshot = await client.snapshot();
  if (!snapshot.ok) {
    const critical = clientExitCode(snapshot.error) === exitCodes.noDaemon;
    printLine(`BALLAST ${critical ? "CRITICAL" : "UNKNOWN"} - ${safeText(snapshot.error.text)}`);
    return critical ? nagiosCodes.critical : nagiosCodes.unknown;
  }
  const { level, text } = judge(snapshot.value);
  const { limits } = snapshot.value;
  const data = `connections=${limits.connections};;${limits.maxconn};0;${limits.maxconn}`;
  printLine(`BALLAST ${level.toUpperCase()} - ${safeText(text).replaceAll("|", "/")} | ${data}`);
  return nagiosCodes[level];
}

/** critical: a backend or an address serves nobody; warning: any other problem. */
export function judge(snapshot: Snapshot): { readonly level: "ok" | "warning" | "critical"; readonly text: string } {
  const dead = snapshot.backends
    .filter((backend) => backend.servers.length > 0 && countServers(backend.servers).active === 0)
    .map((backend) => `backend ${backend.name} ${backendWord(countServers(backend.servers)).word}`);
  const faults = snapshot.vrrp
    .filter((row) => row.state === "fault")
    .map((row) => `vrrp ${row.instance} FAULT: ${row.why}`);
  const empty = (snapshot.lvs?.virtualServers ?? [])
    .filter((virtual) => !virtual.hasQuorum && virtual.weight === 0)
    .map((virtual) => `virtual server ${virtual.name} has no real server that serves`);
  const worst = [...dead, ...empty, ...faults];
  if (worst.length > 0) return { level: "critical", text: worst.join("; ") };
  const [first, ...more] = snapshot.problems;
  if (first !== undefined) {
    return {
      level: "warning",
      text: `${first.text}${more.length > 0 ? ` and ${plural(more.length, "more problem")}` : ""}`,
    };
  }
  const masters = snapshot.vrrp.filter((row) => row.state === "master").length;
  return {
    level: "ok",
    text: `${plural(snapshot.backends.length, "backend")} up, ${masters} of ${plural(snapshot.vrrp.length, "VRRP instance")} master`,
  };
}

function printStatus(snapshot: Snapshot, paint: Paint): void {
  const offset = zoneOffsetMinutes(snapshot.wallMs);
  const { config, limits } = snapshot;
  printLine(
    `ballast ${safeText(snapshot.version)}  ${safeText(snapshot.node)}  up ${formatSpan(snapshot.wallMs - snapshot.startedWallMs)}  ${clockText(snapshot.wallMs, offset)}`,
  );
  const reload = config.lastReloadOk ? "" : paint("bad", "  last reload FAILED: the previous configuration runs");
  printLine(`config  ${safeText(config.path)}  ${config.hash}, generation ${config.generation}${reload}`);
  printLine(`connections  ${formatCount(limits.connections)} of ${formatCount(limits.maxconn)}`);
  const odd = snapshot.processes.filter((process) => process.state !== "running");
  const processes = odd.map((process) => `${safeText(process.name)} ${process.state}`);
  printLine(
    `processes  ${processes.length === 0 ? `${snapshot.processes.length} running` : paint("warn", processes.join(", "))}`,
  );
  printLine("");
  if (snapshot.problems.length === 0) printLine(paint("good", "no problems"));
  else printLine(paint("bad", plural(snapshot.problems.length, "problem")));
  for (const problem of snapshot.problems) {
    printLine(`  ${safeText(problem.text)}  for ${formatSpan(snapshot.wallMs - problem.sinceWallMs)}`);
  }
  section("frontends", snapshot.frontends.length, () => printTable(frontendColumns, snapshot.frontends, paint));
  section("backends", snapshot.backends.length, () => printTable(backendColumns, snapshot.backends, paint));
  if (snapshot.lvs !== undefined) {
    const rows = lvsStatusRows(snapshot.lvs);
    section("lvs", rows.length, () => printTable(lvsStatusColumns(snapshot.wallMs), rows, paint));
  }
  section("vrrp", snapshot.vrrp.length, () => printTable(vrrpColumns(snapshot.wallMs), snapshot.vrrp, paint));
}

function section(name: string, count: number, print: () => void): void {
  printLine("");
  if (count === 0) printLine(`no ${name} configured`);
  else print();
}
