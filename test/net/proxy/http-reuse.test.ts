/** Server connections that were kept and died: which requests go over one, and what becomes of those that were lost. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { connectRaw } from "../../support/raw-client.ts";
import { TEST_LIMIT_MS } from "../../support/wait.ts";
import { count, endAll, GET, OK, proxyTo, raw } from "./http-fixture.ts";

setDefaultTimeout(TEST_LIMIT_MS);

afterEach(endAll);

const POST = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";

test("the first request of a client connection that must not be sent twice gets a fresh server connection", async () => {
  const server = raw(({ socket }) => void socket.write(OK));
  const proxy = await proxyTo({ servers: [server.port] });
  const ask = async (request: string): Promise<void> => {
    const client = await connectRaw(proxy.port);
    client.send(request);
    await client.until((text) => text.endsWith("\r\n\r\nok"));
    client.close();
  };
  await ask(GET);
  await ask(GET);
  expect(server.connections).toHaveLength(1);
  await ask(POST);
  expect(server.connections).toHaveLength(2);
  await ask(POST.replace("POST", "PATCH"));
  expect(server.connections).toHaveLength(3);
});

test("a later request may use a kept server connection, whatever its method", async () => {
  const server = raw(({ socket }) => void socket.write(OK));
  const proxy = await proxyTo({ servers: [server.port] });
  const client = await connectRaw(proxy.port);
  client.send(POST);
  await client.until((text) => count(text, "\r\n\r\nok") === 1);
  client.send(POST);
  await client.until((text) => count(text, "\r\n\r\nok") === 2);
  expect(server.connections).toHaveLength(1);
});

test.each([
  ["ended", false],
  ["was reset", true],
])(
  "when the kept server connection of a later POST %s, the client connection ends without an answer",
  async (_, abort) => {
    const server = raw(({ socket, requests }) => {
      if (requests === 1) socket.write(OK);
      else if (abort) socket.terminate();
      else socket.shutdown();
    });
    const proxy = await proxyTo({ servers: [server.port] });
    const client = await connectRaw(proxy.port);
    client.send(POST);
    const answered = await client.until((text) => text.endsWith("\r\n\r\nok"));
    client.send(POST);
    await client.over;
    expect(client.failed()).toBe(false);
    expect(client.received()).toBe(answered);
    expect(server.requests()).toBe(2);
    // The proxy did not send it again; the client's own second attempt is a first request.
    const again = await connectRaw(proxy.port);
    again.send(POST);
    await again.until((text) => text.endsWith("\r\n\r\nok"));
    again.close();
    expect(server.requests()).toBe(3);
    // Like HAProxy, nothing is logged about the request that the client sends again.
    expect(proxy.events.filter(({ session }) => session !== undefined && session !== "--")).toEqual([]);
  },
);

test("a fresh connection that ends without a byte, and a kept one that began to answer, are the server's failures", async () => {
  const server = raw(({ socket, requests, received }) => {
    if (received.includes("/die")) socket.shutdown();
    else if (requests === 1) socket.write(OK);
    else socket.end("HTTP/1.1 20");
  });
  const proxy = await proxyTo({ servers: [server.port] });
  const first = await connectRaw(proxy.port);
  first.send(POST.replace("/", "/die"));
  await first.until((text) => text.startsWith("HTTP/1.1 502 "));
  const second = await connectRaw(proxy.port);
  second.send(POST);
  await second.until((text) => text.endsWith("\r\n\r\nok"));
  second.send(POST);
  await second.until((text) => text.includes("HTTP/1.1 502 "));
});
