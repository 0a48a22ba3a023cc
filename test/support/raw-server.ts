/** A TCP server of raw bytes for proxy tests: keeps what each connection sent and answers as told. */
import type { Socket } from "bun";

export interface RawConnection {
  readonly socket: Socket<RawConnection>;
  /** Everything received, as latin-1. */
  received: string;
  /** Requests that are complete, by canonical framing: what the proxy forwards is canonical. */
  requests: number;
  /** Where the first unfinished request begins. */
  parsed: number;
  ended: boolean;
  closed: boolean;
  failed: boolean;
}

export interface RawServer {
  readonly port: number;
  readonly connections: RawConnection[];
  /** All requests seen since `reset`. */
  requests(): number;
  received(): string;
  reset(): void;
  stop(): void;
}

/** `answer` runs once per complete request. */
export function startRawServer(answer: (connection: RawConnection) => void): RawServer {
  const connections: RawConnection[] = [];
  const server = Bun.listen<RawConnection>({
    hostname: "127.0.0.1",
    port: 0,
    allowHalfOpen: true,
    socket: {
      open(socket) {
        socket.data = {
          socket,
          received: "",
          requests: 0,
          parsed: 0,
          ended: false,
          closed: false,
          failed: false,
        };
        connections.push(socket.data);
      },
      data(socket, bytes) {
        const connection = socket.data;
        connection.received += bytes.toString("latin1");
        for (;;) {
          const end = requestEnd(connection.received, connection.parsed);
          if (end < 0) return;
          connection.parsed = end;
          connection.requests++;
          answer(connection);
        }
      },
      end(socket) {
        socket.data.ended = true;
        socket.shutdown();
      },
      close(socket) {
        socket.data.closed = true;
      },
      error(socket) {
        socket.data.failed = true;
      },
    },
  });
  return {
    port: server.port,
    connections,
    // A pooled connection may carry requests of several cases: the counters are set back.
    requests: () => connections.reduce((sum, { requests }) => sum + requests, 0),
    received: () => connections.map(({ received }) => received).join(""),
    reset: () => {
      for (const connection of connections) {
        connection.requests = 0;
        connection.received = "";
        connection.parsed = 0;
      }
    },
    stop: () => server.stop(true),
  };
}

/** Offset after the request at `start`, or -1 while it is incomplete. */
function requestEnd(text: string, start: number): number {
  const headEnd = text.indexOf("\r\n\r\n", start);
  if (headEnd < 0) return -1;
  const head = text.slice(start, headEnd + 2).toLowerCase();
  const bodyStart = headEnd + 4;
  if (head.includes("\r\ntransfer-encoding: chunked\r\n")) return chunksEnd(text, bodyStart);
  const length = /\r\ncontent-length: (\d+)\r\n/.exec(head);
  const end = bodyStart + Number(length?.[1] ?? 0);
  return text.length >= end ? end : -1;
}

function chunksEnd(text: string, start: number): number {
  for (let at = start; ;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return -1;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    at = lineEnd + 2 + size + 2;
    if (text.length < at) return -1;
    if (size === 0) return at;
  }
}
