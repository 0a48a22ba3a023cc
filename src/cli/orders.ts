/** `ballast reload [--wait 30s]` and `ballast stop [--now]`: orders to the running daemon. */
import type { Request, Snapshot } from "../admin/api.ts";
import { adminClient, type ClientError } from "../admin/client.ts";
import type { Result } from "../lib/result.ts";
import { parseDurationMs } from "../lib/units.ts";
import { type CliArgs, flagOn, flagText } from "./args.ts";
import { clientFailure, complain, exitCodes, refuseWords, reportReply, usageFailure } from "./output.ts";

const STOP_POLL_MS = 100;

async function order(args: CliArgs, request: Request): Promise<number> {
  const reply = await adminClient(args.socket).request(request);
  return reply.ok ? reportReply(args, reply.value) : clientFailure(reply.error);
}

export async function runReload(args: CliArgs): Promise<number> {
  const refused = refuseWords(args, "it reads the file that the daemon was started with: ballast status names it");
  if (refused !== null) return refused;
  const text = flagText(args, "wait");
  if (text === null) return order(args, { op: "reload" });
  const waitMs = parseDurationMs(text);
  if (!waitMs.ok)
    return usageFailure({ text: `--wait "${text}" ${waitMs.error}`, help: "for example: ballast reload --wait 30s" });
  const late = Bun.sleep(waitMs.value).then(() => {
    complain(`no answer to the reload within ${text}; it goes on in the daemon, ballast events says how it ended`);
    return exitCodes.timedOut;
  });
  return Promise.race([order(args, { op: "reload" }), late]);
}

/** Returns when the daemon is gone: a script that stops and starts must not race with it. */
export async function runStop(args: CliArgs): Promise<number> {
  const refused = refuseWords(args);
  if (refused !== null) return refused;
  const orderedWallMs = Date.now();
  const code = await order(args, { op: "stop", now: flagOn(args, "now") });
  if (code !== exitCodes.ok) return code;
  const client = adminClient(args.socket);
  while (!isGone(await client.snapshot(), orderedWallMs)) await Bun.sleep(STOP_POLL_MS);
  return exitCodes.ok;
}

/** Nobody listens any more, or already a successor does. A connection that is cut shows only that admin has ended. */
function isGone(answer: Result<Snapshot, ClientError>, orderedWallMs: number): boolean {
  return answer.ok ? answer.value.startedWallMs > orderedWallMs : answer.error.kind === "no_daemon";
}
