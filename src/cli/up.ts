/** `ballast up`: the TUI of the running daemon; starts one first when none answers. */
import { adminClient } from "../admin/client.ts";
import type { CliArgs } from "./args.ts";
import { exitCodes, refuseWords } from "./output.ts";
import { runDaemon } from "./run.ts";
import { runTuiCommand } from "./tui.ts";

export async function runUp(args: CliArgs): Promise<number> {
  const refused = refuseWords(args, "the file is named with -c: ballast -c FILE up");
  if (refused !== null) return refused;
  const answer = await adminClient(args.socket).snapshot();
  if (!answer.ok) {
    const started = await runDaemon(args);
    if (started !== exitCodes.ok) return started;
  }
  return runTuiCommand(args);
}
