/**
 * A steady stream of requests with every answer checked: keep-alive connections that carry one request at a time and,
 * beside them, connections for a single request. Each request asks for a path of its own and its answer must name it.
 */
import type { Socket } from "bun";

export interface LoadOptions {
  readonly port: number;
  readonly perSecond: number;
  /** Keep-alive connections. */
  readonly connections: number;
  /** Share of requests that open a connection for themselves. */
  readonly freshShare: number;
}

export interface LoadReport {
  readonly requests: number;
  readonly seconds: number;
  /** What went wrong with a request, in words; empty: every request got its own answer. */
  readonly failures: readonly string[];
  /** Requests that were sent again, see `startLoad`. */
  readonly repeated: number;
  readonly slowestMs: number;
}

export interface Load {
  /** Answers so far. */
  readonly answered: () => number;
  /** Requests without an answer yet. */
  readonly underWay: () => number;
  /** Sends no more, waits for what is under way (at most 15 s) and tells. */
  readonly stop: () => Promise<LoadReport>;
}

const TICK_MS = 4;
const ANSWER_WITHIN_MS = 15_000;
/** Requests that may wait for a free connection before the generator stops counting them as due. */
const BACKLOG_MAX = 200;

interface Connection {
  socket: Socket<Connection> | null;
  text: string;
  path: string;
  sentAtMs: number;
  isBusy: boolean;
  /** The request under way is not the first one on this connection. */
  isReused: boolean;
  readonly isFresh: boolean;
}

/**
 * Starts it. As every client does (RFC 9110, section 9.2.2), it sends a request again, once and on a new connection, when
 * a connection that has served before ends without a byte of its answer: the end and the request passed each other.
 */
export function startLoad({ port, perSecond, connections, freshShare }: LoadOptions): Load {
  const failures: string[] = [];
  const idle: Connection[] = [];
  const busy = new Set<Connection>();
  const startedAtMs = performance.now();
  let sent = 0;
  let answered = 0;
  let slowestMs = 0;
  let repeated = 0;
  let due = 0;
  let lastTickMs = startedAtMs;

  const fail = (connection: Connection, reason: string): void => {
    if (!busy.delete(connection)) return;
    const afterMs = Math.round(performance.now() - connection.sentAtMs);
    const at = Math.round(performance.now() - startedAtMs);
    failures.push(`${connection.path} at ${at} ms after ${afterMs} ms: ${reason}`);
  };
  const handlers = {
    data(socket: Socket<Connection>, bytes: Buffer) {
      const connection = socket.data;
      connection.text += bytes.toString("latin1");
      const answer = takeAnswer(connection.text);
      if (answer === null) return;
      connection.text = answer.rest;
      if (answer.status !== 200) fail(connection, `status ${answer.status}`);
      else if (!answer.body.endsWith(`you asked for ${connection.path}\n`)) fail(connection, `body ${answer.body}`);
      if (busy.delete(connection)) answered++;
      connection.isBusy = false;
      slowestMs = Math.max(slowestMs, performance.now() - connection.sentAtMs);
      if (!connection.isFresh && !answer.close) {
        idle.push(connection);
        return;
      }
      connection.socket = null;
      socket.end();
      if (!connection.isFresh) idle.push(newConnection(false));
    },
    close(socket: Socket<Connection>) {
      const connection = socket.data;
      if (connection.socket !== socket) return;
      connection.socket = null;
      if (connection.isBusy && connection.isReused && connection.text === "") {
        repeated++;
        void open(connection);
        return;
      }
      fail(connection, `closed after ${connection.text.length} bytes of an answer`);
      connection.text = "";
      // An idle connection stays in its place and is opened again for its next request.
      if (connection.isBusy && !connection.isFresh) idle.push(connection);
      connection.isBusy = false;
    },
    error(socket: Socket<Connection>, error: Error) {
      // Its end follows, and tells whether the request is sent again.
      if (!socket.data.isReused) fail(socket.data, error.message);
    },
  };
  const send = (connection: Connection): Promise<void> => {
    connection.path = `/${sent++}`;
    connection.sentAtMs = performance.now();
    connection.isBusy = true;
    connection.text = "";
    busy.add(connection);
    return open(connection);
  };
  const open = async (connection: Connection): Promise<void> => {
    connection.isReused = connection.socket !== null;
    try {
      connection.socket ??= await Bun.connect({ hostname: "127.0.0.1", port, data: connection, socket: handlers });
      const close = connection.isFresh ? "Connection: close\r\n" : "";
      connection.socket.write(`GET ${connection.path} HTTP/1.1\r\nHost: load\r\n${close}\r\n`);
    } catch (error) {
      fail(connection, `connect: ${error instanceof Error ? error.message : String(error)}`);
      connection.isBusy = false;
      if (!connection.isFresh) idle.push(connection);
    }
  };

  for (let i = 0; i < connections; i++) idle.push(newConnection(false));
  const tick = setInterval(() => {
    const now = performance.now();
    due = Math.min(due + ((now - lastTickMs) * perSecond) / 1000, BACKLOG_MAX);
    lastTickMs = now;
    for (; due >= 1; due--) {
      if (Math.random() < freshShare) {
        void send(newConnection(true));
        continue;
      }
      const connection = idle.shift();
      if (connection === undefined) return;
      void send(connection);
    }
  }, TICK_MS);

  return {
    answered: () => answered,
    underWay: () => busy.size,
    stop: async () => {
      clearInterval(tick);
      const seconds = (performance.now() - startedAtMs) / 1000;
      const deadline = performance.now() + ANSWER_WITHIN_MS;
      while (busy.size > 0 && performance.now() < deadline) await Bun.sleep(5);
      for (const connection of busy) fail(connection, `no answer; ${connection.text.length} bytes of one`);
      for (const connection of idle) connection.socket?.terminate();
      return { requests: sent, seconds, failures, repeated, slowestMs };
    },
  };
}

function newConnection(isFresh: boolean): Connection {
  return { socket: null, text: "", path: "", sentAtMs: 0, isBusy: false, isReused: false, isFresh };
}

/** One answer with Content-Length; null while it is incomplete. */
function takeAnswer(
  text: string,
): { readonly status: number; readonly body: string; readonly close: boolean; readonly rest: string } | null {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return null;
  const head = text.slice(0, headEnd + 2).toLowerCase();
  const length = Number(/\r\ncontent-length: *(\d+)\r\n/.exec(head)?.[1] ?? 0);
  const end = headEnd + 4 + length;
  if (text.length < end) return null;
  return {
    status: Number(head.slice(9, 12)),
    body: text.slice(headEnd + 4, end),
    close: /\r\nconnection: *close\r\n/.test(head),
    rest: text.slice(end),
  };
}
