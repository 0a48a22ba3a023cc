/** stdout is data, stderr is talk: the few ways in which a command speaks. */
import { type ClientError, clientExitCode } from "../admin/client-error.ts";
import { safeText } from "../lib/safe-text.ts";
import { type Column, type Paint, textTable, type Tone, unpainted } from "../lib/text-table.ts";
import type { Reply } from "../admin/api.ts";
import { unreachable } from "../lib/result.ts";
import { STDERR, STDOUT, writeWhole } from "../sys/standard-output.ts";
import type { CliArgs, UsageError } from "./args.ts";

export const exitCodes = {
  ok: 0,
  negative: 1,
  usage: 64,
  noDaemon: 69,
  internal: 70,
  kernelLacks: 71,
  io: 74,
  timedOut: 75,
  notPermitted: 77,
  badConfig: 78,
} as const;

/** SGR parameters; the sixteen base colours follow the terminal's own theme, light or dark. */
const toneCodes: Readonly<Record<Tone, string>> = {
  plain: "",
  strong: "1",
  quiet: "2",
  good: "32",
  warn: "33",
  bad: "31",
  drain: "94",
};

/** Colour only for a person: a terminal, not --plain, not NO_COLOR. */
export function painter(args: CliArgs): Paint {
  if (args.noColor || args.json || process.stdout.isTTY !== true || process.env["TERM"] === "dumb") return unpainted;
  return (tone, text) => (toneCodes[tone] === "" ? text : `\u001b[${toneCodes[tone]}m${text}\u001b[0m`);
}

export function printLine(line: string): void {
  printText(`${line}\n`);
}

let outputClosed = (): void => undefined;

/** What happens when nobody reads our output any more (`| head`). */
export function whenOutputCloses(handler: () => void): void {
  outputClosed = handler;
}

/** To stdout; all of it is with the kernel when this returns. */
export function printText(text: string): void {
  if (!writeWhole(STDOUT, text)) outputClosed();
}

/** To stderr, likewise; a reader that went away misses it. */
export function talk(text: string): void {
  writeWhole(STDERR, text);
}

export function printJson(value: unknown): void {
  printLine(JSON.stringify(value, null, 2));
}

/** A table with its head, every column whole: a pipe has no width. */
export function printTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], paint: Paint): void {
  const width = process.stdout.isTTY === true ? (process.stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
  const table = textTable(columns, rows, width, paint);
  printLine(paint("strong", table.head.trimEnd()));
  for (const line of table.lines) printLine(line.trimEnd());
}

export function complain(text: string): void {
  talk(`ballast: ${text}\n`);
}

export function say(args: CliArgs, text: string): void {
  if (!args.quiet) talk(`${text}\n`);
}

export function usageFailure(error: UsageError): number {
  complain(error.text);
  talk(`${error.help}\n`);
  return exitCodes.usage;
}

/** Exit 64 when words follow a command that takes none: a mistyped flag or file must not be passed over; null: fine. */
export function refuseWords(args: CliArgs, help = `usage: ballast help ${args.command ?? ""}`): number | null {
  const [word] = args.rest;
  return word === undefined
    ? null
    : usageFailure({ text: `${args.command ?? ""} takes no words, found "${word}"`, help });
}

export function clientFailure(error: ClientError): number {
  complain(safeText(error.text));
  talk(`${error.help}\n`);
  return clientExitCode(error);
}

/** Prints the daemon's answer to an order, with --json as one line for each; the result is the exit code. */
export function reportReply(args: CliArgs, reply: Reply): number {
  if (args.json) printLine(JSON.stringify(reply));
  if (reply.ok) {
    if (!args.json && !args.quiet) printLine(safeText(reply.text));
    return exitCodes.ok;
  }
  if (!args.json) {
    complain(safeText(reply.text));
    for (const issue of reply.issues ?? []) talk(`${issue.split("\n").map(safeText).join("\n")}\n`);
  }
  return replyExitCode(reply.kind);
}

function replyExitCode(kind: "config" | "not_found" | "refused" | "busy" | "forbidden"): number {
  switch (kind) {
    case "config":
      return exitCodes.badConfig;
    case "not_found":
    case "refused":
      return exitCodes.negative;
    case "busy":
      return exitCodes.timedOut;
    case "forbidden":
      return exitCodes.notPermitted;
    default:
      return unreachable(kind);
  }
}

/** Minutes east of UTC at that instant, in this process's zone. */
export function zoneOffsetMinutes(wallMs: number): number {
  return -new Date(wallMs).getTimezoneOffset();
}
