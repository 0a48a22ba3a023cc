/** A proxy and servers of raw bytes for HTTP tests on loopback; all of them end with the test. */
import { createHash } from "node:crypto";
import { type RunningProxy, startProxy } from "../../support/proxy-harness.ts";
import type { ProxySpec } from "../../support/proxy-config.ts";
import { type RawConnection, type RawServer, startRawServer } from "../../support/raw-server.ts";

export const cleanups: (() => Promise<void> | void)[] = [];

/** For afterEach of every file that uses this. */
export async function endAll(): Promise<void> {
  for (const clean of cleanups.splice(0).reverse()) await clean();
}

export async function proxyTo(spec: ProxySpec): Promise<RunningProxy> {
  const proxy = await startProxy({ logSessions: true, ...spec });
  cleanups.push(() => proxy.stop());
  return proxy;
}

export function raw(answer: (connection: RawConnection) => void): RawServer {
  const server = startRawServer(answer);
  cleanups.push(() => server.stop());
  return server;
}

export function web(
  fetch: (request: Request, server: Bun.Server<undefined>) => Response | Promise<Response> | undefined,
): number {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch,
    websocket: {
      message: (socket, text) => void socket.send(`echo ${String(text)}`),
    },
  } as Bun.Serve.Options<undefined>);
  cleanups.push(() => server.stop(true));
  return server.port ?? 0;
}

export const OK = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
export const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
export const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
export const count = (text: string, part: string): number => text.split(part).length - 1;
export async function closedPort(): Promise<number> {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
