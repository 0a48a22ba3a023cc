/** `ballast help [COMMAND]`, and what `ballast` alone prints. */
import { didYouMean } from "../lib/suggest.ts";
import type { CliArgs } from "./args.ts";
import { commandRow, commands, type FlagRow, globalFlags, isCommand } from "./commands.ts";
import { exitCodes, printLine, usageFailure } from "./output.ts";

export async function runHelp(args: CliArgs): Promise<number> {
  const [name] = args.command === "help" || args.command === null ? args.rest : [args.command];
  if (name === undefined) {
    (args.command === "help" ? fullHelp() : shortHelp()).forEach(printLine);
    return exitCodes.ok;
  }
  if (!isCommand(name)) {
    const known = Object.keys(commands);
    return usageFailure({ text: `unknown command "${name}"${didYouMean(name, known)}`, help: "see: ballast help" });
  }
  const row = commandRow(name);
  printLine(`ballast ${row.usage}\n\n${row.help}\n`);
  [...row.flags, ...globalFlags].map(flagLine).forEach(printLine);
  return exitCodes.ok;
}

/** Twelve lines for somebody who typed `ballast` to see what happens. */
function shortHelp(): readonly string[] {
  return [
    "Ballast: proxy, VRRP, health checks and logs of a highly available load balancer in one binary.",
    "",
    "  ballast demo            see it work, no root and no configuration needed",
    "  ballast demo --ha       two appliances and a VIP that fails over (root)",
    "  ballast check -c FILE   validate a configuration",
    "  ballast run -c FILE     run it in the foreground (what systemd starts)",
    "  ballast up -c FILE      run it in the background and watch it here",
    "  ballast tui             the terminal UI of a running daemon",
    "  ballast status          what runs and what is wrong",
    "",
    "  ballast help            every command and flag",
  ];
}

function fullHelp(): readonly string[] {
  const width = Math.max(...Object.values(commands).map((row) => Math.min(row.usage.length, 44)));
  const lines = Object.values(commands).map((row) => {
    if (row.usage.length > width) return `  ${row.usage}\n  ${" ".repeat(width)}  ${row.help}`;
    return `  ${row.usage.padEnd(width)}  ${row.help}`;
  });
  return ["usage: ballast [flags] COMMAND", "", ...lines, "", "flags of every command:", ...globalFlags.map(flagLine)];
}

function flagLine(flag: FlagRow): string {
  const short = flag.short === undefined ? "    " : `-${flag.short}, `;
  const value = flag.value === undefined ? "" : ` ${flag.value}`;
  return `  ${short}${`--${flag.name}${value}`.padEnd(20)} ${flag.help}`;
}
