/** How connections end in tcp mode: resets stay resets, half-closes lose nothing, pipes and counters do not wait for it. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { COUNTER_MAX, frontendCounters, serverCounters } from "../../../src/stats/layout.ts";
import { E } from "../../../src/sys/errno.ts";
import { type BareSocket, connectBare, listenBare } from "../../support/bare-socket.ts";
import type { ProxySpec } from "../../support/proxy-config.ts";
import { type ProxyStatus, type RunningProxy, startProxy } from "../../support/proxy-harness.ts";
import { TEST_LIMIT_MS, waitFor } from "../../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

interface Line {
  readonly proxy: RunningProxy;
  readonly client: BareSocket;
  readonly server: BareSocket;
}

async function listener(): Promise<ReturnType<typeof listenBare>> {
  const opened = listenBare();
  cleanups.push(() => opened.close());
  return opened;
}

async function proxyTo(spec: ProxySpec): Promise<RunningProxy> {
  const proxy = await startProxy({ mode: "tcp", logSessions: true, ...spec });
  cleanups.push(() => proxy.stop());
  return proxy;
}

/** No side's silence ends anything. */
const PATIENT = { frontendTimeouts: { clientMs: 60_000 }, backendTimeouts: { serverMs: 60_000 } } as const;

/** A client, the proxy and a server, connected. */
async function line(spec: Partial<ProxySpec> = {}): Promise<Line> {
  const opened = await listener();
  const proxy = await proxyTo({ servers: [opened.port], ...spec });
  return { proxy, ...(await join(proxy, opened)) };
}

async function join(
  proxy: RunningProxy,
  opened: ReturnType<typeof listenBare>,
): Promise<{ readonly client: BareSocket; readonly server: BareSocket }> {
  const client = await connectBare(proxy.port);
  const server = await opened.accept();
  client.send(Buffer.from("x"));
  await server.readUntil("the first byte", () => server.receivedBytes === 1);
  return { client, server };
}

const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const whole = (socket: BareSocket): Buffer => Buffer.concat(socket.received);

test("a client's reset reaches the server as ECONNRESET", async () => {
  const { proxy, client, server } = await line();
  client.reset();
  await server.readUntil("the end", () => server.end !== null);
  expect(server.end).toBe(E.CONNRESET);
  await proxy.event(({ session }) => session === "CD");
  server.close();
});

test("a server's reset reaches the client as ECONNRESET", async () => {
  const { proxy, client, server } = await line();
  server.reset();
  await client.readUntil("the end", () => client.end !== null);
  expect(client.end).toBe(E.CONNRESET);
  await proxy.event(({ session }) => session === "SD");
  client.close();
});

test("a client's reset is passed on while the server does not read", async () => {
  // Not ended by silence: the reset has to do it.
  const { proxy, client, server } = await line(PATIENT);
  const flood = randomBytes(1_000_000);
  // Until nothing moves any more: every buffer on the way is full.
  for (let sent = 1, idle = 0; idle < 20; idle = sent === 0 ? idle + 1 : 0) {
    sent = client.send(flood);
    await Bun.sleep(5);
  }
  client.reset();
  await proxy.event(({ session }) => session === "CD");
  await server.readUntil("the end", () => server.end !== null);
  expect(server.end).toBe(E.CONNRESET);
  server.close();
});

test("what the server sent before its reset still arrives", async () => {
  const { client, server } = await line();
  server.send(Buffer.from("last words"));
  await client.readUntil("the bytes", () => client.receivedBytes === 10);
  server.reset();
  await client.readUntil("the end", () => client.end !== null);
  expect([whole(client).toString(), client.end]).toEqual(["last words", E.CONNRESET]);
  client.close();
});

test("half-closes in both directions lose none of the bytes that are on their way through pipes", async () => {
  const { proxy, client, server } = await line();
  const up = randomBytes(8_000_000);
  const down = randomBytes(8_000_000);
  const sentUp = client.sendAll(up).then(() => client.halfClose());
  const sentDown = server.sendAll(down).then(() => server.halfClose());
  // Slow readers: most of it is in pipes and buffers when the FINs are sent.
  await waitFor("a pipe in each direction", async () => (await proxy.status()).pipes === 2);
  await Promise.all([
    sentUp,
    sentDown,
    client.readUntil("the server's end", () => client.end !== null),
    server.readUntil("the client's end", () => server.end !== null),
  ]);
  expect([client.end, server.end]).toEqual([0, 0]);
  expect(sha(whole(client))).toBe(sha(down));
  expect(sha(whole(server).subarray(1))).toBe(sha(up));
  await proxy.event(({ session }) => session === "--");
  client.close();
  server.close();
});

test("pipes of connections that fell silent go back, however many there were", async () => {
  const opened = await listener();
  const proxy = await proxyTo({ servers: [opened.port], ...PATIENT });
  const lines: { readonly client: BareSocket; readonly server: BareSocket }[] = [];
  cleanups.push(() => {
    for (const { client, server } of lines) {
      client.close();
      server.close();
    }
  });
  const bulk = randomBytes(300_000);
  const pass = async ({ client, server }: (typeof lines)[number]): Promise<void> => {
    const before = client.receivedBytes;
    await Promise.all([
      server.sendAll(bulk),
      client.readUntil("the bulk", () => client.receivedBytes === before + bulk.length),
    ]);
  };
  for (let i = 0; i < 140; i++) {
    const one = await join(proxy, opened);
    lines.push(one);
    await pass(one);
    // More than there are pipes: half of them at most may rest with connections that could go on.
    if (i % 10 === 0) expect((await proxy.status()).pipes).toBeLessThanOrEqual(65);
  }
  await waitFor("all pipes to be back", async () => (await proxy.status()).pipes === 0);
  await pass(lines[0]!);
  expect((await proxy.status()).pipes).toBe(1);
});

test("a session that goes on is counted while it does", async () => {
  // Counted because it goes on, not because it ended.
  const { proxy, client, server } = await line(PATIENT);
  const counter = (status: ProxyStatus, key: string, at: number): number =>
    status.own[status.names[key]! * COUNTER_MAX + at] ?? -1;
  server.send(Buffer.alloc(1000));
  const figures = async (): Promise<readonly number[]> => {
    const status = await proxy.status();
    return [
      counter(status, "frontend/web", frontendCounters.receivedBytes),
      counter(status, "frontend/web", frontendCounters.sentBytes),
      counter(status, "server/app/s1", serverCounters.receivedBytes),
      counter(status, "server/app/s1", serverCounters.sentBytes),
    ];
  };
  await waitFor("the bytes to be counted", async () => (await figures())[1] === 1000);
  expect(await figures()).toEqual([1, 1000, 1, 1000]);
  server.send(Buffer.alloc(500));
  await client.readUntil("the rest", () => client.receivedBytes === 1500);
  client.close();
  server.close();
  await proxy.event(({ session }) => session !== undefined);
  expect(await figures()).toEqual([1, 1500, 1, 1500]);
});
