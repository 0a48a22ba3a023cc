/** The HTTP check: a request, and an answer that is as it should be; over TLS where that is wanted. */
import type { CheckTlsConfig, SocketAddress } from "../../config/types-proxy.ts";
import { E, errnoText } from "../../sys/errno.ts";
import type { Loop } from "../../sys/loop.ts";
import { HttpAnswer, type WantedAnswer } from "../http-answer.ts";
import { connectionProblem, invalidResponse, L6_TIMEOUT, L7_TIMEOUT, type ProbeResult } from "../result.ts";
import { ProbeSocket, receiveScratch, type RunningProbe } from "./probe-socket.ts";
import { startTls } from "./probe-tls.ts";

export interface HttpProbeOptions {
  readonly target: SocketAddress;
  /** `checkRequest`. */
  readonly request: Uint8Array;
  readonly wanted: WantedAnswer;
  readonly tls: CheckTlsConfig | null;
  /** Until the connection stands. */
  readonly connectTimeoutMs: number;
  /** From then until the answer is there; a handshake has as long again. */
  readonly timeoutMs: number;
}

export function startHttpProbe(
  loop: Loop,
  options: HttpProbeOptions,
  done: (result: ProbeResult) => void,
): RunningProbe {
  const { target, request, tls, timeoutMs } = options;
  const answer = new HttpAnswer(options.wanted, md5);

  const take = (socket: ProbeSocket, bytes: Uint8Array): void => {
    const result = answer.feed(bytes);
    if (result !== null) socket.result(result);
  };

  const connected = (socket: ProbeSocket): void => {
    if (tls !== null) return secure(socket, tls);
    socket.deadline(timeoutMs, L7_TIMEOUT);
    const sent = socket.send(request);
    if (sent < 0) socket.result(connectionProblem(errnoText(sent)));
  };

  const secure = (socket: ProbeSocket, how: CheckTlsConfig): void => {
    socket.deadline(timeoutMs, L6_TIMEOUT);
    startTls(loop, socket, how, {
      secured: (send) => {
        socket.deadline(timeoutMs, L7_TIMEOUT);
        send(request);
      },
      received: (bytes) => take(socket, bytes),
      ended: () => socket.result(answer.end()),
    });
  };

  const readable = (socket: ProbeSocket): void => {
    const received = socket.receive();
    if (received === -E.AGAIN || received === -E.INTR) return;
    if (received > 0) take(socket, receiveScratch.bytes.subarray(0, received));
    else socket.result(received === 0 ? answer.end() : invalidResponse(errnoText(received)));
  };

  const socket = new ProbeSocket(loop, target, { connected, readable }, done);
  socket.open(options.connectTimeoutMs);
  return socket;
}

function md5(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("md5").update(bytes).digest("hex");
}
