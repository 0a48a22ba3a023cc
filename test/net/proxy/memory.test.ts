/** Memory under more than there is room for, and after a burst. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import type { ProxySpec } from "../../support/proxy-config.ts";
import { restingStatus, type RunningProxy, startProxy } from "../../support/proxy-harness.ts";
import { connectRaw, type RawClient } from "../../support/raw-client.ts";
import { type RawConnection, type RawServer, startRawServer } from "../../support/raw-server.ts";
import { BareSocket, connectBare } from "../../support/bare-socket.ts";
import { TEST_LIMIT_MS, waitFor } from "../../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function proxyTo(spec: ProxySpec): Promise<RunningProxy> {
  const proxy = await startProxy(spec);
  cleanups.push(() => proxy.stop());
  return proxy;
}

function raw(answer: (connection: RawConnection) => void): RawServer {
  const server = startRawServer(answer);
  cleanups.push(() => server.stop());
  return server;
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const MB = 1_000_000;

test("without a free block a new request is answered 503, and served again when there is one", async () => {
  const waiting: (() => void)[] = [];
  const server = raw(({ socket }) => void waiting.push(() => socket.write(OK)));
  // A request whose server has not answered holds one block; three stay free so that responses can be read.
  const proxy = await proxyTo({
    servers: [server.port],
    blocksMax: 12,
    logSessions: true,
    backendTimeouts: { serverMs: 60_000 },
  });
  const clients: RawClient[] = [];
  cleanups.push(() => {
    for (const client of clients) client.close();
  });
  for (let i = 0; i < 9; i++) {
    const client = await connectRaw(proxy.port);
    clients.push(client);
    client.send(GET);
    await waitFor("the request to arrive", () => waiting.length === i + 1);
  }
  const refused = await connectRaw(proxy.port);
  clients.push(refused);
  refused.send(GET);
  await refused.until((text) => text.startsWith("HTTP/1.1 503 "));
  await proxy.event(({ session }) => session === "RR");
  waiting.shift()?.();
  await clients[0]!.until((text) => text.endsWith("ok"));
  const served = await connectRaw(proxy.port);
  clients.push(served);
  served.send(GET);
  await waitFor("the request to arrive", () => waiting.length === 9);
  for (const answer of waiting) answer();
  await served.until((text) => text.endsWith("ok"));
  expect((await proxy.status()).blocks).toBe(0);
});

test("pipelined refusals to a client that reads nothing end it, not the worker", async () => {
  const server = raw(() => undefined);
  const proxy = await proxyTo({ servers: [server.port], blocksMax: 4 });
  const holder = await connectRaw(proxy.port);
  cleanups.push(() => holder.close());
  holder.send(GET);
  await waitFor("the request to arrive", () => server.requests() === 1);
  const greedy = await connectBare(proxy.port, 4096);
  cleanups.push(() => greedy.close());
  for (let i = 0; i < 20; i++) greedy.send(Buffer.from(GET.repeat(200)));
  const { stalled, slots } = await proxy.status();
  expect(stalled).toEqual([]);
  expect(slots).toBeGreaterThan(0);
});

test("four hundred slow readers of a megabyte each are waited for within bounded memory", async () => {
  const body = randomBytes(MB);
  let asked = 0;
  const origin = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => {
      asked++;
      return new Response(body);
    },
  });
  cleanups.push(() => origin.stop(true));
  const proxy = await proxyTo({
    servers: [origin.port ?? 0],
    frontendTimeouts: { clientMs: 60_000 },
    backendTimeouts: { serverMs: 60_000 },
  });
  const before = (await proxy.status()).rssNow;
  const readers: BareSocket[] = [];
  cleanups.push(() => {
    for (const reader of readers) reader.close();
  });
  for (let i = 0; i < 400; i++) {
    const reader = await connectBare(proxy.port, 4096);
    readers.push(reader);
    reader.send(Buffer.from(GET));
  }
  await waitFor("every response to be on its way", () => asked === 400);
  const { rssNow, blocks, pipes, stalled } = await restingStatus(proxy);
  expect(stalled).toEqual([]);
  expect(blocks).toBeLessThanOrEqual(400);
  expect(pipes).toBeLessThanOrEqual(128);
  // A block each at most, and the pages of the columns.
  expect(rssNow - before).toBeLessThan(30 * MB);
  // They are served all the same: ten of them, to the last byte.
  for (const reader of readers.slice(0, 10)) {
    await reader.readUntil("the whole body", () => reader.receivedBytes > body.length);
  }
});

test("after a burst of five thousand connections the memory comes back", async () => {
  const server = raw(({ socket }) => void socket.write(OK));
  const proxy = await proxyTo({
    servers: [server.port],
    maxconn: 6000,
    frontend: { maxconn: 6000 },
    // The first ones wait until the last one has come.
    frontendTimeouts: { clientMs: 120_000, httpRequestMs: 120_000 },
  });
  const before = (await proxy.status()).rssNow;
  // Half a head each: every connection holds a block.
  const half = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\nX-Padding: ${"x".repeat(10_000)}`);
  const clients: BareSocket[] = [];
  for (let i = 0; i < 5000; i++) {
    const client = await connectBare(proxy.port);
    clients.push(client);
    client.send(half);
  }
  await waitFor("all to be taken", async () => (await proxy.status()).blocks === 5000);
  const during = (await proxy.status()).rssNow;
  expect(during - before).toBeGreaterThan(50 * MB);
  for (const client of clients) client.close();
  await waitFor("the memory to come back", async () => {
    const { rssNow, blocks } = await proxy.status();
    return blocks === 0 && rssNow - before < 20 * MB;
  });
});
