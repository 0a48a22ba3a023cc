/** `ballast lvs ls|save|restore|drain|ready`: the kernel's IPVS table without ipvsadm, in ipvsadm's formats where asked. */
import { readFileSync } from "node:fs";
import { parseConnections, printConnections } from "../ipvs/connections.ts";
import type { KernelTable } from "../ipvs/kernel-table.ts";
import { type ListingKind, printListing } from "../ipvs/listing.ts";
import { sorted } from "../ipvs/order.ts";
import { planRestore } from "../ipvs/restore.ts";
import { parseRules } from "../ipvs/rule-parse.ts";
import { printRules } from "../ipvs/rule-print.ts";
import { didYouMean } from "../lib/suggest.ts";
import { type CliArgs, flagOn } from "./args.ts";
import { commandRow } from "./commands.ts";
import { drainOrReady } from "./lvs-drain.ts";
import { lvsColumns, lvsRows, openTable } from "./lvs-table.ts";
import {
  complain,
  exitCodes,
  painter,
  printJson,
  printLine,
  printTable,
  printText,
  say,
  usageFailure,
} from "./output.ts";

/** Connections that are shown; a busy director has millions. */
const CONNECTIONS_MAX = 1_000_000;
const CONNECTIONS_PATH = "/proc/net/ip_vs_conn";

export async function runLvs(args: CliArgs): Promise<number> {
  const [verb = "", ...rest] = args.rest;
  const row = commandRow("lvs");
  const help = `usage: ballast ${row.usage}`;
  if ((verb === "ls" || verb === "save") && rest.length > 0) {
    return usageFailure({ text: `lvs ${verb} takes no words, found "${rest[0]}"`, help });
  }
  switch (verb) {
    case "ls":
      return listTable(args, help);
    case "save":
      return withTable((table) => saveTable(table));
    case "restore":
      return rest.length > 1
        ? usageFailure({ text: "lvs restore takes one FILE", help })
        : withTable((table) => restoreTable(args, table, rest[0] ?? "-"));
    case "drain":
    case "ready":
      return rest.length === 1
        ? withTable((table) => drainOrReady(args, table, verb, rest[0] ?? ""))
        : usageFailure({ text: `lvs ${verb} wants one SERVICE/SERVER`, help });
    default: {
      const text = verb === "" ? "lvs wants an order" : `unknown order "${verb}"${didYouMean(verb, row.words ?? [])}`;
      return usageFailure({ text, help });
    }
  }
}

async function withTable(work: (table: KernelTable) => number | Promise<number>): Promise<number> {
  const table = openTable();
  return typeof table === "number" ? table : work(table);
}

function refused(text: string): number {
  complain(text);
  return exitCodes.negative;
}

async function listTable(args: CliArgs, help: string): Promise<number> {
  const kinds = (["rate", "stats", "connections"] as const).filter((name) => flagOn(args, name));
  if (kinds.length > 1) return usageFailure({ text: `--${kinds.join(" and --")} exclude each other`, help });
  if (kinds.length === 1 && !flagOn(args, "ipvsadm")) {
    return usageFailure({ text: `--${kinds[0]} is a form of --ipvsadm`, help });
  }
  return withTable((table) => {
    if (kinds[0] === "connections") return listConnections();
    const services = table.read();
    if (!services.ok) return refused(services.error.text);
    if (flagOn(args, "ipvsadm")) {
      const info = table.info();
      if (!info.ok) return refused(info.error.text);
      const kind: ListingKind = kinds[0] ?? "state";
      printText(printListing(info.value, services.value, kind));
    } else if (args.json) printJson(sorted(services.value));
    else if (services.value.length === 0) printLine("no virtual servers in the kernel");
    else printTable(lvsColumns, lvsRows(sorted(services.value)), painter(args));
    return exitCodes.ok;
  });
}

function listConnections(): number {
  printText(printConnections(parseConnections(readFileSync(CONNECTIONS_PATH, "latin1"), CONNECTIONS_MAX)));
  return exitCodes.ok;
}

function saveTable(table: KernelTable): number {
  const services = table.read();
  if (!services.ok) return refused(services.error.text);
  printText(printRules(services.value));
  return exitCodes.ok;
}

/** Every line is read before the first is applied: a file with a mistake changes nothing. */
async function restoreTable(args: CliArgs, table: KernelTable, path: string): Promise<number> {
  let text: string;
  try {
    text = path === "-" ? await Bun.stdin.text() : readFileSync(path, "utf8");
  } catch (error) {
    complain(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    return exitCodes.io;
  }
  const { commands, problems } = parseRules(text);
  const name = path === "-" ? "stdin" : path;
  for (const problem of problems) complain(`${name}:${problem.line}: ${problem.text}`);
  if (problems.length > 0) return exitCodes.badConfig;
  const kernel = table.read();
  if (!kernel.ok) return refused(kernel.error.text);
  const planned = planRestore(commands, kernel.value);
  for (const [done, command] of planned.entries()) {
    const refusal = table.apply(command);
    if (refusal !== null) return refused(`${refusal.text}; ${done} of ${planned.length} changes were made`);
  }
  say(args, planned.length === 0 ? "nothing to change" : `${planned.length} changes made`);
  return exitCodes.ok;
}
