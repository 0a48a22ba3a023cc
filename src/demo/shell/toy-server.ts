/** A small HTTP server with moods: a backend of the demo, and of tests. */
import { answerOf, HEAD_CHARACTERS_MAX, type Mood, takeRequest } from "../moods.ts";

export interface ToyServer {
  readonly port: number;
  readonly setMood: (mood: Mood) => void;
  /** Closes the listener and every connection, as a killed process does. */
  readonly stop: () => void;
}

/** Listens at once; port 0 lets the kernel choose. `onHead` sees every request head as it came. */
export function startToyServer(
  name: string,
  hostname: string,
  port: number,
  onHead: (head: string) => void = () => undefined,
): ToyServer {
  let mood: Mood = "good";
  const listener = Bun.listen<{ text: string }>({
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
          onHead(socket.data.text.slice(0, socket.data.text.length - taken.rest.length));
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
  return { port: listener.port, setMood: (next) => (mood = next), stop: () => listener.stop(true) };
}
