/** A small HTTP server inside the test process, with the demo's moods and a count of what it was asked. */
import { answerOf, type Mood, takeRequest } from "../../src/demo/moods.ts";

export interface Toy {
  readonly port: number;
  /** host:port, as configurations want it. */
  readonly address: string;
  /** Heads received so far, requests and health checks. */
  readonly requests: () => readonly string[];
  readonly setMood: (mood: Mood) => void;
  /** Closes the listener and resets every connection, as a killed process does. */
  readonly stop: () => void;
}

/** Answers `hello from NAME, you asked for TARGET` on a port of 127.0.0.1; port 0 lets the kernel choose. */
export function startToy(name: string, port = 0): Toy {
  let mood: Mood = "good";
  const heads: string[] = [];
  const listener = Bun.listen<{ text: string }>({
    hostname: "127.0.0.1",
    port,
    socket: {
      open(socket) {
        socket.data = { text: "" };
      },
      data(socket, bytes) {
        socket.data.text += bytes.toString("latin1");
        for (let taken = takeRequest(socket.data.text); taken !== null; taken = takeRequest(socket.data.text)) {
          heads.push(socket.data.text.slice(0, socket.data.text.length - taken.rest.length));
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
        // A reset by the tested proxy is seen in the test's own assertions.
      },
    },
  });
  return {
    port: listener.port,
    address: `127.0.0.1:${listener.port}`,
    requests: () => heads,
    setMood: (next) => (mood = next),
    stop: () => listener.stop(true),
  };
}
