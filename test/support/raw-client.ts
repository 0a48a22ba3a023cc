/** A TCP client of raw bytes for proxy tests. */
import type { Socket } from "bun";
import { PATIENCE_MS } from "./wait.ts";

export interface RawClient {
  readonly socket: Socket;
  /** Everything received, as latin-1. */
  received(): string;
  /** The server's FIN was seen. */
  ended(): boolean;
  /** The connection was reset. */
  failed(): boolean;
  send(bytes: Uint8Array | string): void;
  /** FIN; receiving goes on. */
  halfClose(): void;
  /** Settles when the connection is over: end, reset or close. */
  readonly over: Promise<void>;
  /** Waits until what was received satisfies `wanted`; fails after `timeoutMs`. */
  until(wanted: (received: string) => boolean, timeoutMs?: number): Promise<string>;
  close(): void;
}

export async function connectRaw(port: number): Promise<RawClient> {
  let received = "";
  let ended = false;
  let failed = false;
  const over = Promise.withResolvers<void>();
  const watchers = new Set<() => void>();
  const queue: Uint8Array[] = [];
  let shutDue = false;
  const changed = (): void => {
    for (const watcher of watchers) watcher();
  };
  const flush = (socket: Socket): void => {
    for (let first = queue[0]; first !== undefined; first = queue[0]) {
      const written = socket.write(first);
      if (written < 0) return;
      if (written < first.length) {
        queue[0] = first.subarray(written);
        return;
      }
      queue.shift();
    }
    if (shutDue) socket.shutdown();
  };
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    allowHalfOpen: true,
    socket: {
      data(_, bytes) {
        received += bytes.toString("latin1");
        changed();
      },
      drain: flush,
      end() {
        ended = true;
        changed();
        over.resolve();
      },
      error() {
        failed = true;
        changed();
        over.resolve();
      },
      close(_, error) {
        if (error) failed = true;
        changed();
        over.resolve();
      },
    },
  });
  return {
    socket,
    received: () => received,
    ended: () => ended,
    failed: () => failed,
    send: (bytes) => {
      queue.push(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
      flush(socket);
    },
    halfClose: () => {
      shutDue = true;
      flush(socket);
    },
    over: over.promise,
    until: (wanted, timeoutMs = PATIENCE_MS) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          watchers.delete(look);
          reject(new Error(`not received within ${timeoutMs} ms; got ${JSON.stringify(received.slice(0, 2000))}`));
        }, timeoutMs);
        const look = (): void => {
          if (!wanted(received)) return;
          clearTimeout(timer);
          watchers.delete(look);
          resolve(received);
        };
        watchers.add(look);
        look();
      }),
    close: () => void socket.terminate(),
  };
}
