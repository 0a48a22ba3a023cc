/** The HTTP check: a request, a strictly parsed response head, a status that is expected. The body is not awaited. */
import type { SocketAddress } from "../../config/types.ts";
import { MessageHead } from "../../http/head.ts";
import { E, errnoText } from "../../sys/errno.ts";
import type { Loop } from "../../sys/loop.ts";
import { type HttpProbe, readAnswer, RESPONSE_BYTES_MAX } from "../http-probe.ts";
import { connectionProblem, invalidResponse, L7_TIMEOUT, type ProbeResult } from "../result.ts";
import { ProbeSocket, receiveScratch, type RunningProbe } from "./probe-socket.ts";

/** One head for all probes: it is read right after it was parsed. */
const head = new MessageHead();

/** request: `checkRequest`. connectTimeoutMs: until the connection stands; timeoutMs: from then until the head of the answer is there. */
export function startHttpProbe(
  loop: Loop,
  target: SocketAddress,
  probe: HttpProbe,
  request: Uint8Array,
  connectTimeoutMs: number,
  timeoutMs: number,
  done: (result: ProbeResult) => void,
): RunningProbe {
  /** What arrived before the last read, for answers that come in pieces. */
  let earlier = new Uint8Array(0);

  const connected = (socket: ProbeSocket): void => {
    socket.deadline(timeoutMs, L7_TIMEOUT);
    const sent = socket.send(request);
    if (sent < 0) socket.result(connectionProblem(errnoText(sent)));
  };

  const readable = (socket: ProbeSocket): void => {
    const received = socket.receive();
    if (received === -E.AGAIN || received === -E.INTR) return;
    if (received <= 0) {
      const reason = received === 0 ? "the connection ended before a complete head" : errnoText(received);
      socket.result(invalidResponse(reason));
      return;
    }
    let bytes = receiveScratch.bytes;
    let length = received;
    if (earlier.length > 0) {
      length = earlier.length + received;
      bytes = new Uint8Array(length);
      bytes.set(earlier);
      bytes.set(receiveScratch.bytes.subarray(0, received), earlier.length);
    }
    const result = readAnswer(bytes, length, head, probe);
    if (result !== null) socket.result(result);
    else if (length >= RESPONSE_BYTES_MAX) socket.result(invalidResponse("head too large"));
    else earlier = bytes.slice(0, length);
  };

  const socket = new ProbeSocket(loop, target, { connected, readable }, done);
  socket.open(connectTimeoutMs);
  return socket;
}
