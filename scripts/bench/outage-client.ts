/**
 * The client of the outage measurement: asks for http://ADDRESS/ every few milliseconds on a new connection and prints,
 * for each answer that came in time, when it was asked for (milliseconds since the epoch).
 *
 *   bun scripts/bench/outage-client.ts ADDRESS
 */
import { connect } from "node:net";

const INTERVAL_MS = 5;
/** Later than this a person has noticed. */
const ANSWER_WITHIN_MS = 250;
const [address = ""] = process.argv.slice(2);

function ask(): void {
  const startedAtMs = performance.timeOrigin + performance.now();
  const socket = connect({ host: address, port: 80 });
  const late = setTimeout(() => socket.destroy(), ANSWER_WITHIN_MS);
  socket.on("connect", () => socket.write("GET / HTTP/1.0\r\n\r\n"));
  socket.on("data", () => {
    process.stdout.write(`${startedAtMs.toFixed(1)}\n`);
    clearTimeout(late);
    socket.destroy();
  });
  // Refused or unreachable: the outage that is measured.
  socket.on("error", () => clearTimeout(late));
}

setInterval(ask, INTERVAL_MS);
