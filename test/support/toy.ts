/** A toy backend inside the test process, with the demo's moods and a record of what it was asked. */
import { startToyServer, type ToyServer } from "../../src/demo/shell/toy-server.ts";

export interface Toy extends ToyServer {
  /** host:port, as configurations want it. */
  readonly address: string;
  /** Heads received so far, requests and health checks. */
  readonly heads: readonly string[];
}

/** Answers `hello from NAME, you asked for TARGET` on 127.0.0.1; port 0 lets the kernel choose. */
export function startToy(name: string, port = 0): Toy {
  const heads: string[] = [];
  const server = startToyServer(name, "127.0.0.1", port, (head) => heads.push(head));
  return { ...server, address: `127.0.0.1:${server.port}`, heads };
}
