/** The TCP check: the server accepts a connection. */
import type { SocketAddress } from "../../config/types.ts";
import type { Loop } from "../../sys/loop.ts";
import { L4_OK, type ProbeResult } from "../result.ts";
import { ProbeSocket, type RunningProbe } from "./probe-socket.ts";

export function startTcpProbe(
  loop: Loop,
  target: SocketAddress,
  connectTimeoutMs: number,
  done: (result: ProbeResult) => void,
): RunningProbe {
  const steps = {
    connected: (connection: ProbeSocket) => connection.result(L4_OK),
    readable: () => undefined,
  };
  const socket = new ProbeSocket(loop, target, steps, done);
  socket.open(connectTimeoutMs);
  return socket;
}
