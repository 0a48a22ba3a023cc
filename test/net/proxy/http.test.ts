/** HTTP through a running proxy on loopback: connections, bodies, upgrades, aborts, limits. */
import { afterAll, afterEach, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { type RunningProxy, startProxy } from "../../support/proxy-harness.ts";
import { proxyConfig, type ProxySpec } from "../../support/proxy-config.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { type RawConnection, type RawServer, startRawServer } from "../../support/raw-server.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});
afterAll(() => expect(cleanups).toHaveLength(0));

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

function web(
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

const OK = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const count = (text: string, part: string): number => text.split(part).length - 1;
async function closedPort(): Promise<number> {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

test("keep-alive client and server connections are used again", async () => {
  const server = raw(({ socket }) => void socket.write(OK));
  const proxy = await proxyTo({ servers: [server.port] });
  const client = await connectRaw(proxy.port);
  for (let i = 1; i <= 5; i++) {
    client.send(GET);
    await client.until((text) => count(text, "\r\n\r\nok") === i);
  }
  expect(server.connections).toHaveLength(1);
  expect(server.requests()).toBe(5);
  client.close();
});

test("pipelined requests are answered in order, one after the other", async () => {
  let serial = 0;
  const server = raw(({ socket }) => void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n#${++serial}`));
  const proxy = await proxyTo({ servers: [server.port] });
  const client = await connectRaw(proxy.port);
  client.send(GET.repeat(5));
  const text = await client.until((seen) => seen.includes("#5"));
  expect([...text.matchAll(/#(\d)/g)].map((match) => match[1]).join("")).toBe("12345");
  client.close();
});

test("bytes one at a time make the same request", async () => {
  const server = raw(({ socket }) => {
    const { length } = OK;
    for (let i = 0; i < length; i++) socket.write(OK.subarray(i, i + 1));
  });
  const proxy = await proxyTo({ servers: [server.port] });
  const client = await connectRaw(proxy.port);
  client.socket.setNoDelay(true);
  for (const byte of "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n") {
    client.send(byte);
    await Bun.sleep(0);
  }
  await client.until((text) => text.endsWith("\r\n\r\nok"));
  expect(server.received()).toContain("3\r\nabc\r\n0\r\n\r\n");
  client.close();
});

test.each([1_000, 100_000, 5_000_000])("bodies of %d bytes arrive whole in both directions", async (size) => {
  const port = web(async (request) => new Response(await request.bytes()));
  const proxy = await proxyTo({ servers: [port] });
  const body = randomBytes(size);
  const answer = await fetch(`http://127.0.0.1:${proxy.port}/`, { method: "POST", body });
  expect(sha(await answer.bytes())).toBe(sha(body));
  const { blocks } = await proxy.status();
  expect(blocks).toBe(0);
});

test("chunked bodies arrive whole in both directions", async () => {
  const port = web((request) => new Response(request.body));
  const proxy = await proxyTo({ servers: [port] });
  const parts = Array.from({ length: 200 }, (_, i) => randomBytes(1 + ((i * 977) % 20_000)));
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const part = parts[sent++];
      if (part === undefined) controller.close();
      else controller.enqueue(part);
    },
  });
  let sent = 0;
  const answer = await fetch(`http://127.0.0.1:${proxy.port}/`, { method: "POST", body: stream });
  expect(sha(await answer.bytes())).toBe(sha(Buffer.concat(parts)));
});

test("100-continue is relayed and the body follows", async () => {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, bytes) {
        const text = bytes.toString();
        if (text.includes("Expect: 100-continue")) socket.write("HTTP/1.1 100 Continue\r\n\r\n");
        if (text.includes("hello")) socket.write(OK);
      },
    },
  });
  cleanups.push(() => server.stop(true));
  const proxy = await proxyTo({ servers: [server.port] });
  const client = await connectRaw(proxy.port);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  await client.until((text) => text === "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  await client.until((text) => text.endsWith("\r\n\r\nok"));
  client.close();
});

test("WebSocket upgrade becomes a tunnel", async () => {
  const port = web((request, server) => (server.upgrade(request) ? undefined : new Response("no", { status: 400 })));
  const proxy = await proxyTo({ servers: [port] });
  const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/chat`);
  cleanups.push(() => socket.close());
  const got = Promise.withResolvers<string>();
  socket.addEventListener("open", () => socket.send("one"));
  socket.addEventListener("message", (event) => got.resolve(String(event.data)));
  socket.addEventListener("error", () => got.reject(new Error("websocket failed")));
  expect(await got.promise).toBe("echo one");
});

test("HEAD, 204 and 304 have no body and the connection goes on", async () => {
  const answers = [
    "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  ];
  const server = raw(({ socket }) => void socket.write(answers.shift() ?? ""));
  const proxy = await proxyTo({ servers: [server.port] });
  const client = await connectRaw(proxy.port);
  client.send(`HEAD / HTTP/1.1\r\nHost: a\r\n\r\n`);
  await client.until((text) => text.includes("1000\r\n\r\n"));
  client.send(GET);
  await client.until((text) => text.includes(" 204 "));
  client.send(GET);
  await client.until((text) => text.includes(" 304 "));
  client.send(GET);
  await client.until((text) => text.endsWith("\r\n\r\nok"));
  expect(server.connections).toHaveLength(1);
  client.close();
});

test("a server that dies inside its response cuts the client off", async () => {
  const server = raw(({ socket }) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    socket.shutdown();
  });
  const proxy = await proxyTo({ servers: [server.port] });
  const client = await connectRaw(proxy.port);
  client.send(GET);
  await client.over;
  expect(client.received().endsWith("part")).toBe(true);
  await proxy.event(({ session }) => session === "SD");
});

test("a request that meets a dead server first is served by another at once", async () => {
  const server = raw(({ socket }) => void socket.write(OK));
  const dead = await closedPort();
  const proxy = await proxyTo({ servers: [dead, server.port] });
  const started = performance.now();
  for (let i = 0; i < 4; i++) {
    const answer = await fetch(`http://127.0.0.1:${proxy.port}/`);
    expect(answer.status).toBe(200);
  }
  expect(performance.now() - started).toBeLessThan(900);
});

test("no server at all: 503 after the retries", async () => {
  const proxy = await proxyTo({
    servers: [await closedPort()],
    backend: { retries: 1 },
    backendTimeouts: { connectMs: 100 },
  });
  const answer = await fetch(`http://127.0.0.1:${proxy.port}/`);
  expect(answer.status).toBe(503);
  await proxy.event(({ session, status }) => session === "SC" && status === 503);
});

test("a pooled connection that died is replaced without the client noticing", async () => {
  let first = true;
  const server = raw((connection) => {
    connection.socket.write(OK);
    if (first) setTimeout(() => connection.socket.terminate(), 0);
    first = false;
  });
  const proxy = await proxyTo({ servers: [server.port] });
  for (let i = 0; i < 10; i++) {
    const answer = await fetch(`http://127.0.0.1:${proxy.port}/`);
    expect(answer.status).toBe(200);
    first = i % 3 === 0;
  }
});

test("a reused connection that ends without a byte gets the request again on a fresh one", async () => {
  let requests = 0;
  const server = raw((connection) => {
    requests++;
    if (requests === 2) connection.socket.terminate();
    else connection.socket.write(OK);
  });
  const proxy = await proxyTo({ servers: [server.port] });
  const client = await connectRaw(proxy.port);
  client.send(GET);
  await client.until((text) => count(text, "ok") === 1);
  client.send(GET);
  await client.until((text) => count(text, "\r\n\r\nok") === 2);
  expect(requests).toBe(3);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
  await client.until((text) => count(text, "\r\n\r\nok") === 3);
  client.close();
});

test("server maxconn queues, and the queue's timeout answers 503", async () => {
  const waiting: (() => void)[] = [];
  const server = raw(({ socket }) => void waiting.push(() => socket.write(OK)));
  const proxy = await proxyTo({
    servers: [{ name: "s1", maxconn: 1, address: { kind: "inet", family: 4, host: "127.0.0.1", port: server.port } }],
    backendTimeouts: { queueMs: 300 },
  });
  const first = fetch(`http://127.0.0.1:${proxy.port}/1`);
  while (waiting.length === 0) await Bun.sleep(5);
  const second = fetch(`http://127.0.0.1:${proxy.port}/2`);
  const refused = await second;
  expect(refused.status).toBe(503);
  await proxy.event(({ session }) => session === "sQ");
  const third = fetch(`http://127.0.0.1:${proxy.port}/3`);
  await Bun.sleep(50);
  expect(waiting).toHaveLength(1);
  waiting.shift()?.();
  expect((await first).status).toBe(200);
  while (waiting.length === 0) await Bun.sleep(5);
  waiting.shift()?.();
  expect((await third).status).toBe(200);
});

test("server timeout answers 504", async () => {
  const server = raw(() => undefined);
  const proxy = await proxyTo({ servers: [server.port], backendTimeouts: { serverMs: 150 } });
  const answer = await fetch(`http://127.0.0.1:${proxy.port}/`);
  expect(answer.status).toBe(504);
  await proxy.event(({ session }) => session === "sH");
});

test("a slow head is answered with 408, measured from its first byte", async () => {
  const server = raw(({ socket }) => void socket.write(OK));
  const proxy = await proxyTo({ servers: [server.port], frontendTimeouts: { httpRequestMs: 300 } });
  const client = await connectRaw(proxy.port);
  const started = performance.now();
  const drip = setInterval(() => client.send("X"), 50);
  client.send("GET / HTTP/1.1\r\nX-Slow: ");
  await client.until((text) => text.startsWith("HTTP/1.1 408 "));
  clearInterval(drip);
  expect(performance.now() - started).toBeLessThan(1500);
  expect(server.requests()).toBe(0);
  client.close();
});

test("a slow reader is waited for within bounded memory", async () => {
  const body = randomBytes(20_000_000);
  const port = web(() => new Response(body));
  const proxy = await proxyTo({ servers: [port] });
  const client = await connectRaw(proxy.port);
  client.socket.pause();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  await Bun.sleep(300);
  const { rss, blocks, turns, stalled } = await proxy.status();
  expect(stalled).toEqual([]);
  expect(blocks).toBeLessThanOrEqual(2);
  expect(rss).toBeLessThan(150_000_000);
  await Bun.sleep(200);
  // Nothing moves: the loop sleeps, it does not spin.
  expect((await proxy.status()).turns - turns).toBeLessThan(60);
  client.socket.resume();
  await client.over;
  const text = client.received();
  expect(sha(Buffer.from(text.slice(text.indexOf("\r\n\r\n") + 4), "latin1"))).toBe(sha(body));
}, 20_000);

test("an early answer reaches a client that still sends its body", async () => {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket) {
        socket.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
        socket.shutdown();
      },
    },
  });
  cleanups.push(() => server.stop(true));
  const proxy = await proxyTo({ servers: [server.port] });
  const client = await connectRaw(proxy.port);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
  client.send(randomBytes(1_000_000));
  await client.until((text) => text.endsWith("\r\n\r\nbig"));
  client.close();
});

test("a client that aborts frees its server connection", async () => {
  const server = raw(() => undefined);
  const proxy = await proxyTo({ servers: [server.port] });
  const client = await connectRaw(proxy.port);
  client.send(GET);
  while (server.requests() === 0) await Bun.sleep(5);
  client.close();
  await proxy.event(({ session }) => session === "CH");
  while (server.connections[0]?.closed !== true && server.connections[0]?.ended !== true) await Bun.sleep(5);
});

test("rules route, edit headers, deny and redirect", async () => {
  const one = raw(({ socket }) => void socket.write(OK));
  const two = raw(({ socket }) => void socket.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo"));
  const path = (prefix: string) =>
    ({
      kind: "match",
      fetch: "path",
      args: [],
      ignoreCase: false,
      method: "beg",
      patterns: [{ kind: "text", text: prefix }],
    }) as const;
  const proxy = await proxyTo({
    servers: [one.port],
    backends: { second: [two.port] },
    frontend: {
      rules: [
        { when: path("/no"), action: { kind: "deny", status: 403 }, path: "r0" },
        { when: path("/old"), action: { kind: "redirect", to: { prefix: "/new" }, code: 302 }, path: "r1" },
        { when: null, action: { kind: "set_header", headers: [["X-Seen", "yes"]] }, path: "r2" },
        { when: path("/two"), action: { kind: "use_backend", backend: "second" }, path: "r3" },
      ],
    },
  });
  const base = `http://127.0.0.1:${proxy.port}`;
  expect((await fetch(`${base}/no`)).status).toBe(403);
  const moved = await fetch(`${base}/old?x=1`, { redirect: "manual" });
  expect([moved.status, moved.headers.get("location")]).toEqual([302, "/new/old?x=1"]);
  expect(await (await fetch(`${base}/two`)).text()).toBe("two");
  expect(await (await fetch(base, { headers: { "x-seen": "forged" } })).text()).toBe("ok");
  expect(one.received()).toContain("X-Seen: yes\r\n");
  expect(one.received()).not.toContain("forged");
});

test("a reload keeps connections and gives their next request the new configuration", async () => {
  const one = raw(({ socket }) => void socket.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none"));
  const two = raw(({ socket }) => void socket.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo"));
  const proxy = await proxyTo({ servers: [one.port] });
  const client = await connectRaw(proxy.port);
  client.send(GET);
  await client.until((text) => text.endsWith("one"));
  proxy.order({ order: "reload", config: proxyConfig({ servers: [two.port] }) });
  await proxy.event(({ reloaded }) => reloaded === 2);
  client.send(GET);
  await client.until((text) => text.endsWith("two"));
  client.close();
});

test("a drain lets the running request end and then finishes", async () => {
  const waiting: (() => void)[] = [];
  const server = raw(({ socket }) => void waiting.push(() => socket.write(OK)));
  const proxy = await proxyTo({ servers: [server.port] });
  const idle = await connectRaw(proxy.port);
  const busy = await connectRaw(proxy.port);
  busy.send(GET);
  while (waiting.length === 0) await Bun.sleep(5);
  proxy.order({ order: "drain", withinMs: 2000 });
  await idle.over;
  waiting.shift()?.();
  const text = await busy.until((seen) => seen.endsWith("\r\n\r\nok"));
  expect(text.toLowerCase()).toContain("connection: close");
  await proxy.event(({ drained }) => drained === true);
});

test("a server set to maintenance gets no new request", async () => {
  const one = raw(({ socket }) => void socket.write(OK));
  const two = raw(({ socket }) => void socket.write(OK));
  const proxy = await proxyTo({ servers: [one.port, two.port] });
  proxy.order({
    order: "server",
    state: {
      backend: "app",
      server: "s1",
      health: "up",
      admin: "maint",
      weight: 1,
      checkStatus: "",
      checkInfo: "",
      checkDurationMs: 0,
      progress: 0,
      sinceWallMs: 0,
    },
  });
  await proxy.event(({ server }) => server === "s1");
  for (let i = 0; i < 6; i++) await fetch(`http://127.0.0.1:${proxy.port}/`);
  expect([one.requests(), two.requests()]).toEqual([0, 6]);
});

test("at the descriptor limit the proxy pauses, tells it once and does not spin", async () => {
  const server = raw(({ socket }) => void socket.write(OK));
  const proxy = await startProxy(
    { servers: [server.port], logSessions: true },
    { prefix: ["prlimit", "--nofile=60:60"] },
  );
  cleanups.push(() => proxy.stop());
  const clients = await Promise.all(Array.from({ length: 100 }, () => connectRaw(proxy.port)));
  cleanups.push(() => {
    for (const client of clients) client.close();
  });
  await proxy.event(({ report }) => report === "proxy.limit");
  const before = await proxy.status();
  await Bun.sleep(500);
  const after = await proxy.status();
  const usedMs = (after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system) / 1000;
  expect(usedMs).toBeLessThan(200);
  for (const client of clients.splice(0, 90)) client.close();
  const answer = await fetch(`http://127.0.0.1:${proxy.port}/`, { signal: AbortSignal.timeout(3000) });
  expect(answer.status).toBe(200);
});
