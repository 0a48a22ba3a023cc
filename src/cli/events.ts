/** `ballast events [-f] [--since 1h]`: one event a line, time, level, source, kind, object, sentence. */
import type { BallastEvent } from "../admin/api.ts";
import { type AdminClient, adminClient } from "../admin/client.ts";
import { formatDurationMs, parseDurationMs } from "../lib/units.ts";
import { fitCells } from "../lib/display-width.ts";
import { safeText } from "../lib/safe-text.ts";
import type { Paint, Tone } from "../lib/text-table.ts";
import { dateTimeText } from "../lib/wall-time.ts";
import { type CliArgs, flagOn, flagText } from "./args.ts";
import {
  clientFailure,
  complain,
  exitCodes,
  painter,
  printLine,
  refuseWords,
  say,
  usageFailure,
  zoneOffsetMinutes,
} from "./output.ts";

const levelTones: Readonly<Record<BallastEvent["level"], Tone>> = {
  info: "plain",
  notice: "strong",
  warning: "warn",
  error: "bad",
};

export async function runEvents(args: CliArgs): Promise<number> {
  const refused = refuseWords(args);
  if (refused !== null) return refused;
  const sinceText = flagText(args, "since");
  const spanMs = sinceText === null ? null : parseDurationMs(sinceText);
  if (spanMs !== null && !spanMs.ok) {
    return usageFailure({ text: `--since "${sinceText ?? ""}" ${spanMs.error}`, help: "for example: --since 1h" });
  }
  const oldestMs = spanMs === null ? 0 : Date.now() - spanMs.value;
  const client = adminClient(args.socket);
  const past = await client.events(0);
  if (!past.ok) return clientFailure(past.error);
  const shown = past.value.filter((event) => event.wallMs >= oldestMs);
  const print = eventPrinter(args);
  for (const event of shown) print(event);
  if (flagOn(args, "follow")) return follow(args, client, past.value.at(-1)?.id ?? 0, print);
  if (shown.length === 0 && !args.json) {
    say(args, spanMs === null ? "no events yet" : `no events within ${formatDurationMs(spanMs.value)}`);
  }
  return exitCodes.ok;
}

function eventPrinter(args: CliArgs): (event: BallastEvent) => void {
  const paint = painter(args);
  // One object a line, also without -f: the stream and the list read alike.
  if (args.json) return (event) => printLine(JSON.stringify(event));
  return (event) => printLine(eventLine(event, zoneOffsetMinutes(event.wallMs), paint));
}

/** `2026-11-20 21:34:46  error    director    server.state  app/app3  …`. */
export function eventLine(event: BallastEvent, offsetMinutes: number, paint: Paint): string {
  const object = event.object === "" ? "-" : event.object;
  const level = paint(levelTones[event.level], fitCells(event.level, 7));
  // Never cut: what is longer pushes the rest aside, and a search still finds it.
  const facts = [safeText(event.source).padEnd(10), safeText(event.kind).padEnd(15), safeText(object).padEnd(14)];
  return `${dateTimeText(event.wallMs, offsetMinutes)}  ${level}  ${facts.join("  ")}  ${safeText(event.text)}`;
}

/** Until interrupted; a lost daemon is said once and waited for. */
function follow(
  args: CliArgs,
  client: AdminClient,
  since: number,
  print: (event: BallastEvent) => void,
): Promise<number> {
  return new Promise((resolve) => {
    let lost = false;
    const stopFollowing = client.follow(since, {
      onEvent: print,
      onConnected: () => {
        if (lost) say(args, "connected again");
        lost = false;
      },
      onLost: (error) => {
        if (!lost) complain(`${safeText(error.text)}; waiting for it`);
        lost = true;
      },
    });
    const stop = (): void => {
      stopFollowing();
      resolve(exitCodes.ok);
    };
    process.once("SIGINT", stop);
    process.once("SIGTERM", stop);
  });
}
