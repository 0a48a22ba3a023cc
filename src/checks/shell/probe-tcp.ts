/** The TCP check: the server accepts a connection, and with TLS a handshake. */
import type { CheckTlsConfig, SocketAddress } from "../../config/types-proxy.ts";
import type { Loop } from "../../sys/loop.ts";
import { L4_OK, L6_OK, L6_TIMEOUT, type ProbeResult } from "../result.ts";
import { ProbeSocket, type RunningProbe } from "./probe-socket.ts";
import { startTls } from "./probe-tls.ts";

/** connectTimeoutMs: until the connection stands; timeoutMs: from then until the handshake is done. */
export function startTcpProbe(
  loop: Loop,
  target: SocketAddress,
  tls: CheckTlsConfig | null,
  connectTimeoutMs: number,
  timeoutMs: number,
  done: (result: ProbeResult) => void,
): RunningProbe {
  const connected = (socket: ProbeSocket): void => {
    if (tls === null) return socket.result(L4_OK);
    socket.deadline(timeoutMs, L6_TIMEOUT);
    startTls(loop, socket, tls, {
      secured: () => socket.result(L6_OK),
      received: () => undefined,
      ended: () => undefined,
    });
  };
  const socket = new ProbeSocket(loop, target, { connected, readable: () => undefined }, done);
  socket.open(connectTimeoutMs);
  return socket;
}
