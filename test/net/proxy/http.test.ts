/** HTTP through a running proxy on loopback: connections, bodies, upgrades, rules, reloads. */
import { afterEach, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { COUNTER_MAX, serverCounters } from "../../../src/stats/layout.ts";
import { proxyConfig } from "../../support/proxy-config.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { cleanups, count, endAll, GET, OK, proxyTo, raw, sha, web } from "./http-fixture.ts";

afterEach(endAll);

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

test("a server connection is used again after a response that went by splice", async () => {
  const body = randomBytes(1_000_000);
  const port = web(() => new Response(body));
  const proxy = await proxyTo({ servers: [port] });
  for (let i = 0; i < 5; i++) {
    const answer = await fetch(`http://127.0.0.1:${proxy.port}/`);
    expect(sha(await answer.bytes())).toBe(sha(body));
  }
  const { own, names } = await proxy.status();
  const server = names["server/app/s1"]! * COUNTER_MAX;
  expect(own[server + serverCounters.sessionsTotal]).toBe(5);
  expect(own[server + serverCounters.connectsTotal]).toBe(1);
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

test("an HTTP/1.0 request without Host goes on with the server's address as Host, another one with its own", async () => {
  const server = raw(({ socket }) => void socket.write(OK));
  const proxy = await proxyTo({ servers: [server.port], options: { forwardfor: true } });
  for (const [request, host] of [
    ["GET / HTTP/1.0\r\n\r\n", `127.0.0.1:${server.port}`],
    ["GET / HTTP/1.0\r\nHost: own.test\r\n\r\n", "own.test"],
    ["GET http://target.test/ HTTP/1.0\r\n\r\n", "target.test"],
  ] as const) {
    server.reset();
    const client = await connectRaw(proxy.port);
    client.send(request);
    await client.until((text) => text.endsWith("\r\n\r\nok"));
    client.close();
    const hosts = server.received().match(/^host:.*$/gim);
    expect(hosts?.map((line) => line.trim())).toEqual([`Host: ${host}`]);
  }
});
