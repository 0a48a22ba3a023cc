/** `ballast vrrp status|why|failover|maint|resume [INSTANCE]`. */
import type { VrrpPathStatus, VrrpStatus } from "../admin/api.ts";
import { type AdminClient, adminClient } from "../admin/client.ts";
import { safeText } from "../lib/safe-text.ts";
import { vrrpWord } from "../lib/state-words.ts";
import { didYouMean } from "../lib/suggest.ts";
import { nothingToHandOver } from "../roles/operator-orders.ts";
import type { CliArgs } from "./args.ts";
import { vrrpColumns } from "./columns.ts";
import { commandRow } from "./commands.ts";
import {
  clientFailure,
  complain,
  exitCodes,
  painter,
  printJson,
  printLine,
  printTable,
  reportReply,
  usageFailure,
} from "./output.ts";

export async function runVrrp(args: CliArgs): Promise<number> {
  const [verb = "", instance = null, ...extra] = args.rest;
  const verbs = commandRow("vrrp").words ?? [];
  const help = `usage: ballast ${commandRow("vrrp").usage}`;
  if (extra.length > 0) return usageFailure({ text: `vrrp takes one INSTANCE, found ${extra.length + 1}`, help });
  const client = adminClient(args.socket);
  switch (verb) {
    case "status":
    case "why":
      return report(args, client, verb, instance);
    case "failover":
    case "maint":
    case "resume":
      return order(args, client, verb, instance);
    default: {
      const found = verb === "" ? "vrrp wants an order" : `unknown order "${verb}"${didYouMean(verb, verbs)}`;
      return usageFailure({ text: found, help });
    }
  }
}

async function report(
  args: CliArgs,
  client: AdminClient,
  verb: "status" | "why",
  instance: string | null,
): Promise<number> {
  const snapshot = await client.snapshot();
  if (!snapshot.ok) return clientFailure(snapshot.error);
  const all = snapshot.value.vrrp;
  const rows = instance === null ? all : all.filter((row) => row.instance === instance);
  if (instance !== null && rows.length === 0) return notFound(instance, all);
  if (args.json) printJson(rows);
  else if (rows.length === 0) printLine("no VRRP instance configured");
  else if (verb === "why") for (const row of rows) printWhy(row);
  else {
    printTable(vrrpColumns(snapshot.value.wallMs), rows, painter(args));
    printLine("");
    for (const row of rows) {
      printLine(whyLine(row));
      for (const path of row.paths ?? []) printLine(`  ${safeText(pathLine(path))}`);
    }
  }
  return rows.some((row) => row.state === "fault") ? exitCodes.negative : exitCodes.ok;
}

function printWhy(row: VrrpStatus): void {
  printLine(whyLine(row));
  for (const line of row.details ?? []) printLine(`  ${safeText(line)}`);
}

/** `main is MASTER: priority 150 against 100 of 10.0.0.3`. */
export function whyLine(row: VrrpStatus): string {
  return safeText(`${row.instance} is ${vrrpWord(row.state).word}: ${row.why}`);
}

/** `main path eth0: up, heard 10.0.0.1 (priority 101) 0.4 s ago`. */
function pathLine({ path, interface: name, state, text }: VrrpPathStatus): string {
  return `${path === "main" ? "main" : "second"} path ${name}: ${state}, ${text}`;
}

async function order(
  args: CliArgs,
  client: AdminClient,
  verb: "failover" | "maint" | "resume",
  instance: string | null,
): Promise<number> {
  if (verb === "failover") {
    const snapshot = await client.snapshot();
    if (!snapshot.ok) return clientFailure(snapshot.error);
    const refusal = nothingToHandOver(snapshot.value.vrrp, instance);
    if (refusal !== null) return reportReply(args, { ok: false, kind: "refused", text: refusal });
  }
  const reply = await client.request({ op: "vrrp", order: verb, instance });
  if (!reply.ok) return clientFailure(reply.error);
  if (!reply.value.ok && reply.value.kind === "not_found" && instance !== null && !args.json) {
    const snapshot = await client.snapshot();
    if (snapshot.ok) return notFound(instance, snapshot.value.vrrp);
  }
  return reportReply(args, reply.value);
}

function notFound(instance: string, all: readonly VrrpStatus[]): number {
  const names = all.map((row) => row.instance);
  const near = didYouMean(instance, names);
  complain(`no VRRP instance "${safeText(instance)}"${near === "" ? "; see: ballast ls vrrp" : near}`);
  return exitCodes.negative;
}
