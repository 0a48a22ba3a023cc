/**
 * The hidden command `__toy`: the demo's own processes, which end with their standard input.
 *
 *   __toy backend NAME ADDRESS PORT       a small HTTP server; a line on stdin sets its mood; says `port N`
 *   __toy load URL PER_SECOND fresh|keep  a bounded load; says one tally a line; `mark` on stdin restarts the gap
 */
import { answerOf, HEAD_CHARACTERS_MAX, isMood, type Mood, takeRequest } from "../moods.ts";
import { runLoad } from "./load.ts";

interface Received {
  text: string;
}

export async function runToy(words: readonly string[]): Promise<number> {
  const [kind, ...rest] = words;
  if (kind === "backend") return runBackend(rest[0] ?? "toy", rest[1] ?? "127.0.0.1", Number(rest[2] ?? 0));
  if (kind === "load") return runLoad(rest[0] ?? "", Number(rest[1] ?? 50), rest[2] === "fresh");
  process.stderr.write("__toy wants backend or load\n");
  return 64;
}

async function runBackend(name: string, hostname: string, port: number): Promise<number> {
  let mood: Mood = "good";
  const listener = Bun.listen<Received>({
    hostname,
    port,
    socket: {
      open(socket) {
        socket.data = { text: "" };
      },
      data(socket, bytes) {
        socket.data.text += bytes.toString("latin1");
        if (socket.data.text.length > HEAD_CHARACTERS_MAX) socket.terminate();
        for (let taken = takeRequest(socket.data.text); taken !== null; taken = takeRequest(socket.data.text)) {
          socket.data.text = taken.rest;
          const answer = answerOf(name, mood, taken.request);
          if (answer === null) return;
          const send = (): void => {
            socket.write(answer.text);
            if (answer.close) socket.end();
          };
          if (answer.delayMs > 0) setTimeout(send, answer.delayMs);
          else send();
        }
      },
      error() {
        // A proxy that resets a connection is part of the play.
      },
    },
  });
  process.stdout.write(`port ${listener.port}\n`);
  for await (const line of console) {
    const word = line.trim();
    if (isMood(word)) mood = word;
  }
  return 0;
}
