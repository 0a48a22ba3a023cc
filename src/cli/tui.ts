/** `ballast tui`: checks the terminal and the flags, then loads the screen (React stays out of every other command). */
import { parseDurationMs } from "../lib/units.ts";
import { didYouMean } from "../lib/suggest.ts";
import { err, ok, type Result } from "../lib/result.ts";
import { type CliArgs, flagOn, flagText, type UsageError } from "./args.ts";
import { refuseWords, say, usageFailure } from "./output.ts";
import { runStatus } from "./status.ts";

/** The screens by name; a test holds it equal to the TUI's own list. */
export const tuiViews = ["overview", "frontends", "backends", "vrrp", "events", "config"] as const;

const REFRESH_MS_MIN = 100;
const REFRESH_MS_DEFAULT = 1_000;

export interface TuiFlags {
  readonly readonly: boolean;
  readonly once: boolean;
  readonly noMouse: boolean;
  readonly noUnicode: boolean;
  readonly noColor: boolean;
  readonly refreshMs: number;
  readonly view: string;
  readonly filter: string;
}

/** Runs the TUI; without a terminal that can show it, `ballast status` instead. daemonStays: false for `demo`. */
export async function runTuiCommand(args: CliArgs, daemonStays = true): Promise<number> {
  const refused = refuseWords(args);
  if (refused !== null) return refused;
  const flags = parseTuiFlags(args);
  if (!flags.ok) return usageFailure(flags.error);
  if (!flags.value.once && !canShowTui()) {
    say(args, "no terminal that can show the TUI: this is ballast status");
    return runStatus(args);
  }
  const { runTui } = await import("../../tui/run.tsx");
  return runTui({ socket: args.socket, daemonStays, ...flags.value });
}

export function canShowTui(): boolean {
  return process.stdout.isTTY === true && process.stdin.isTTY === true && process.env["TERM"] !== "dumb";
}

export function parseTuiFlags(args: CliArgs): Result<TuiFlags, UsageError> {
  const view = flagText(args, "view") ?? "overview";
  if (!tuiViews.some((name) => name === view)) {
    return err({
      text: `unknown screen "${view}"${didYouMean(view, tuiViews)}`,
      help: `screens: ${tuiViews.join(", ")}`,
    });
  }
  const refresh = parseRefresh(flagText(args, "refresh"));
  if (!refresh.ok) return refresh;
  return ok({
    readonly: flagOn(args, "readonly"),
    once: flagOn(args, "once"),
    noMouse: flagOn(args, "no-mouse"),
    noUnicode: flagOn(args, "no-unicode") || args.plain,
    noColor: args.noColor,
    refreshMs: refresh.value,
    view,
    filter: flagText(args, "filter") ?? "",
  });
}

function parseRefresh(text: string | null): Result<number, UsageError> {
  if (text === null) return ok(REFRESH_MS_DEFAULT);
  const parsed = parseDurationMs(text);
  const help = "for example: --refresh 2s";
  if (!parsed.ok) return err({ text: `--refresh "${text}" ${parsed.error}`, help });
  if (parsed.value < REFRESH_MS_MIN)
    return err({ text: `--refresh "${text}" is shorter than ${REFRESH_MS_MIN}ms`, help });
  return ok(parsed.value);
}
