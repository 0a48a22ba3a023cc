/** `ballast demo [--ha] [--duration 20s]`: what it does, without configuration; on a terminal with the TUI. */
import { runHa } from "../demo/shell/ha.ts";
import { runLocal, type Screen } from "../demo/shell/local.ts";
import { DemoError, type DemoTools } from "../demo/shell/stage.ts";
import { parseDurationMs } from "../lib/units.ts";
import { cleanEnvironment, selfCommand } from "../roles/self.ts";
import { type CliArgs, flagOn, flagText } from "./args.ts";
import { complain, exitCodes, printLine, refuseWords, talk, usageFailure } from "./output.ts";
import { canShowTui, parseTuiFlags, runTuiCommand } from "./tui.ts";

/** Plain lines end by themselves: a pipe or a CI job has nobody to press Ctrl-C. */
const PLAIN_DURATION_MS = 20_000;
/** The play of --ha ends when it has shown everything; this only bounds a run in which something hangs. */
const HA_DURATION_MS = 120_000;

export async function runDemo(args: CliArgs): Promise<number> {
  const refused = refuseWords(args);
  if (refused !== null) return refused;
  const asked = flagText(args, "duration");
  const duration = asked === null ? null : parseDurationMs(asked);
  if (duration !== null && !duration.ok) {
    return usageFailure({
      text: `--duration ${asked} ${duration.error}`,
      help: "for example: ballast demo --duration 30s",
    });
  }
  const tuiFlags = parseTuiFlags(args);
  if (!tuiFlags.ok) return usageFailure(tuiFlags.error);
  const ha = flagOn(args, "ha");
  if (ha && process.getuid?.() !== 0) {
    complain("demo --ha makes network namespaces, which needs root");
    talk("try: sudo ballast demo --ha, or without root: ballast demo\n");
    return exitCodes.notPermitted;
  }
  const onTerminal = !ha && !args.plain && canShowTui();
  const limitMs = duration?.value ?? (onTerminal ? null : ha ? HA_DURATION_MS : PLAIN_DURATION_MS);
  const ended = new AbortController();
  const end = (): void => ended.abort();
  // The end of the time takes the way of a SIGTERM, which the TUI knows too.
  const timer = limitMs === null ? null : setTimeout(() => process.kill(process.pid, "SIGTERM"), limitMs);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
  const tools: DemoTools = {
    self: { command: selfCommand(), environment: cleanEnvironment() },
    say: printLine,
    ended: ended.signal,
  };
  try {
    return ha ? await runHa(tools) : await runLocal(tools, onTerminal ? screenOf(args) : null);
  } catch (error) {
    if (!(error instanceof DemoError)) throw error;
    complain(error.message);
    return exitCodes.negative;
  } finally {
    if (timer !== null) clearTimeout(timer);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, end);
  }
}

/** The same TUI as `ballast tui`, with its flags, on the demo's own daemon. */
function screenOf(args: CliArgs): Screen {
  return (socket) => runTuiCommand({ ...args, socket, socketGiven: true }, false);
}
