/** Connections over a reload that takes their frontend, or the servers that they wait for, away. */
import { afterEach, expect, test } from "bun:test";
import { backendCounters, COUNTER_MAX } from "../../../src/stats/layout.ts";
import { proxyConfig, type ProxySpec } from "../../support/proxy-config.ts";
import { type RunningProxy, startProxy } from "../../support/proxy-harness.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { type RawConnection, type RawServer, startRawServer } from "../../support/raw-server.ts";
import { waitFor } from "../../support/wait.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function proxyTo(spec: ProxySpec): Promise<RunningProxy> {
  const proxy = await startProxy({ logSessions: true, ...spec });
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

test("a client whose frontend is gone gets Connection: close with its next response", async () => {
  const waiting: (() => void)[] = [];
  const server = raw(({ socket }) => void waiting.push(() => socket.write(OK)));
  const proxy = await proxyTo({ servers: [server.port] });
  const busy = await connectRaw(proxy.port);
  const kept = await connectRaw(proxy.port);
  for (const client of [kept, busy]) {
    client.send(GET);
    await waitFor("the request", () => waiting.length === 1);
    if (client === busy) break;
    waiting.shift()?.();
    await client.until((text) => text.endsWith("ok"));
  }
  proxy.order({ order: "reload", config: proxyConfig({ servers: [server.port], frontend: { name: "other" } }) });
  await proxy.event(({ reloaded }) => reloaded === 2);
  kept.send(GET);
  await waitFor("both requests", () => waiting.length === 2);
  for (const answer of waiting) answer();
  await Promise.all([busy.over, kept.over]);
  expect(busy.received()).toContain("Connection: close\r\n");
  expect(kept.received().match(/Connection: close\r\n/g)).toHaveLength(1);
  const fresh = await connectRaw(proxy.port);
  fresh.send(GET);
  await waitFor("the request", () => waiting.length === 3);
  waiting[2]?.();
  expect(await fresh.until((text) => text.endsWith("ok"))).not.toContain("Connection: close");
  fresh.close();
});

test("an idle client whose frontend is gone is closed soon, one whose frontend stays is not", async () => {
  const server = raw(({ socket }) => void socket.write(OK));
  const proxy = await proxyTo({ servers: [server.port] });
  const client = await connectRaw(proxy.port);
  client.send(GET);
  await client.until((text) => text.endsWith("ok"));
  proxy.order({ order: "reload", config: proxyConfig({ servers: [server.port] }) });
  await proxy.event(({ reloaded }) => reloaded === 2);
  client.send(GET);
  await client.until((text) => text.endsWith("ok") && text.split("ok").length === 3);
  const started = performance.now();
  proxy.order({ order: "reload", config: proxyConfig({ servers: [server.port], frontend: { name: "other" } }) });
  await client.over;
  // The keep-alive timeout of this configuration is 5 s; of a connection whose frontend is gone, 200 ms.
  expect(performance.now() - started).toBeLessThan(4000);
  expect(client.ended()).toBe(true);
});

test("a response that began before its frontend went ends whole, and then the connection does", async () => {
  const connections: RawConnection[] = [];
  const server = raw((connection) => {
    connections.push(connection);
    connection.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbe");
  });
  const proxy = await proxyTo({ servers: [server.port] });
  const client = await connectRaw(proxy.port);
  client.send(GET);
  await client.until((text) => text.endsWith("be"));
  proxy.order({ order: "reload", config: proxyConfig({ servers: [server.port], frontend: { name: "other" } }) });
  await proxy.event(({ reloaded }) => reloaded === 2);
  connections[0]?.socket.write("at");
  await client.over;
  expect(client.received().endsWith("beat")).toBe(true);
});

test("sessions in the queue are answered when their last server goes, each once", async () => {
  const server = raw(() => undefined);
  const address = { kind: "inet", family: 4, host: "127.0.0.1", port: server.port } as const;
  const proxy = await proxyTo({
    servers: [{ name: "s1", maxconn: 1, address }],
    backendTimeouts: { queueMs: 60_000, serverMs: 60_000 },
  });
  const clients = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const client = await connectRaw(proxy.port);
      client.send(GET);
      return client;
    }),
  );
  const queue = async (): Promise<number | undefined> => {
    const { own, names } = await proxy.status();
    return own[names["backend/app"]! * COUNTER_MAX + backendCounters.queue];
  };
  await waitFor("three to wait", async () => (await queue()) === 3);
  const state = {
    backend: "app",
    server: "s1",
    health: "down",
    admin: "ready",
    weight: 1,
    checkStatus: "",
    checkInfo: "",
    checkDurationMs: 0,
    progress: 0,
    sinceWallMs: 0,
  } as const;
  proxy.order({ order: "server", state });
  await waitFor("three answers", () => clients.filter((client) => client.received().includes(" 503 ")).length === 3);
  expect(await queue()).toBe(0);
  // The queue still works.
  proxy.order({ order: "server", state: { ...state, health: "up" } });
  const next = await connectRaw(proxy.port);
  next.send(GET);
  await waitFor("one to wait", async () => (await queue()) === 1);
  next.close();
  await waitFor("nobody to wait", async () => (await queue()) === 0);
  for (const client of clients) client.close();
});

test("with balance source a client is not held up by those who wait for another server", async () => {
  const stuck = raw(() => undefined);
  const free = raw(({ socket }) => void socket.write(OK));
  const server = (name: string, port: number) => ({
    name,
    maxconn: 1,
    address: { kind: "inet", family: 4, host: "127.0.0.1", port } as const,
  });
  const proxy = await proxyTo({
    servers: [server("s1", stuck.port), server("s2", free.port)],
    backend: { balance: "source" },
  });
  const from = async (localAddress: string): Promise<{ readonly text: () => string; readonly close: () => void }> => {
    const { connect } = await import("node:net");
    const socket = connect({ host: "127.0.0.1", port: proxy.port, localAddress });
    let text = "";
    socket.on("data", (bytes: Buffer) => (text += bytes.toString("latin1")));
    socket.on("error", () => undefined);
    socket.write(GET);
    return { text: () => text, close: () => socket.destroy() };
  };
  // 127.0.0.1 ^ … : neighbours in the last bit go to different servers of equal weight.
  const clients: Awaited<ReturnType<typeof from>>[] = [];
  for (const address of ["127.0.0.2", "127.0.0.4", "127.0.0.6", "127.0.0.3", "127.0.0.5"])
    clients.push(await from(address));
  await waitFor("two answers", () => clients.filter(({ text }) => text().endsWith("ok")).length === 2);
  expect(stuck.requests()).toBe(1);
  for (const { close } of clients) close();
});
