/**
 * The hidden command `__toy`: the demo's own processes, which end with their standard input.
 *
 *   __toy backend NAME ADDRESS PORT       a small HTTP server; a line on stdin sets its mood; says `port N`
 *   __toy load URL PER_SECOND fresh|keep  a bounded load; says one tally a line; `mark` on stdin restarts the gap
 */
import { isMood } from "../moods.ts";
import { runLoad } from "./load.ts";
import { startToyServer } from "./toy-server.ts";

export async function runToy(words: readonly string[]): Promise<number> {
  const [kind, ...rest] = words;
  if (kind === "backend") return runBackend(rest[0] ?? "toy", rest[1] ?? "127.0.0.1", Number(rest[2] ?? 0));
  if (kind === "load") return runLoad(rest[0] ?? "", Number(rest[1] ?? 50), rest[2] === "fresh");
  process.stderr.write("__toy wants backend or load\n");
  return 64;
}

async function runBackend(name: string, hostname: string, port: number): Promise<number> {
  const server = startToyServer(name, hostname, port);
  process.stdout.write(`port ${server.port}\n`);
  for await (const line of console) {
    const word = line.trim();
    if (isMood(word)) server.setMood(word);
  }
  return 0;
}
