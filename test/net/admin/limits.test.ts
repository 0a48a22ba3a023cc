/** What the admin socket does with clients that are hostile, slow or too many, and how it ends. */
import { afterEach, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { BallastEvent, Snapshot } from "../../../src/admin/api.ts";
import type { ServerLimits } from "../../../src/admin/shell/server.ts";
import { AF, SHUT, SOCK } from "../../../src/sys/abi.ts";
import { must } from "../../../src/sys/errno.ts";
import { pinned } from "../../../src/sys/memory.ts";
import { close, connect, recv, send, shutdown, socket } from "../../../src/sys/socket.ts";
import { testConfig } from "../../support/admin-config.ts";
import { AdminHarness, RawClient } from "../../support/admin-harness.ts";
import { startProcess } from "../../support/process.ts";
import { waitFor } from "../../support/wait.ts";

let harness: AdminHarness;

async function start(limits: Partial<ServerLimits> = {}, prefix: readonly string[] = []): Promise<void> {
  harness = await AdminHarness.start({ limits, prefix });
}

afterEach(() => harness.close());

const GET = "GET /v1/snapshot HTTP/1.1\r\nHost: ballast\r\n\r\n";

async function answers(): Promise<boolean> {
  const response = await harness.fetch("/v1/snapshot");
  return response.status === 200 && ((await response.json()) as Snapshot).api === 1;
}

async function journal(): Promise<readonly BallastEvent[]> {
  return (await (await harness.fetch("/v1/events")).json()) as BallastEvent[];
}

test("malformed requests are answered with their status and the connection ends", async () => {
  await start();
  const cases: readonly (readonly [string, number])[] = [
    ["GET /v1/snapshot HTTP/1.1\nHost: ballast\n\n", 400],
    ["GET /v1/snapshot HTTP/1.1\r\n\r\n", 400],
    ["GET  /v1/snapshot HTTP/1.1\r\nHost: ballast\r\n\r\n", 400],
    ["GET /v1/snapshot HTTP/1.0\r\nHost: ballast\r\n\r\n", 505],
    ["GET /v1/snapshot HTTP/2.0\r\nHost: ballast\r\n\r\n", 505],
    ["POST /v1/request HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411],
    ["POST /v1/request HTTP/1.1\r\nHost: b\r\nContent-Length: 65537\r\n\r\n", 413],
    ["POST /v1/request HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400],
    ["POST /v1/request HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\n\r\n\xff\xfe", 400],
    [`GET /${"a".repeat(9000)} HTTP/1.1\r\nHost: ballast\r\n\r\n`, 414],
    [`GET /v1/snapshot HTTP/1.1\r\nHost: ballast\r\nX: ${"a".repeat(20_000)}`, 431],
  ];
  for (const [bytes, status] of cases) {
    const received = await harness.raw(bytes);
    expect([bytes.slice(0, 80), received?.slice(0, 12)]).toEqual([bytes.slice(0, 80), `HTTP/1.1 ${status}`]);
    expect(received).toContain('{"ok":false,');
  }
  expect(await answers()).toBe(true);
});

test("binary noise is refused and the socket goes on", async () => {
  await start({ requestTimeoutMs: 300 });
  for (let seed = 1; seed <= 20; seed++) {
    const noise = Uint8Array.from({ length: 3000 }, (_, i) => (Math.imul(i + 1, seed * 2_654_435_761) >>> 13) & 255);
    const received = await harness.raw(noise);
    expect(received).toMatch(/^HTTP\/1\.1 (400|408|431|501|505) /);
  }
  expect(await answers()).toBe(true);
});

test("a pipelined second request is not answered", async () => {
  await start();
  const received = await harness.raw(GET + GET.replace("snapshot", "events"));
  expect(received!.match(/HTTP\/1\.1/g)).toHaveLength(1);
});

test("a request in single bytes is answered, half a request is not waited for longer than the limit", async () => {
  await start({ requestTimeoutMs: 500 });
  const slow = await RawClient.open(harness.socket);
  for (const byte of GET) slow.write(byte);
  await slow.closed;
  expect(slow.received).toStartWith("HTTP/1.1 200");
  expect(await harness.raw(GET.slice(0, 30))).toStartWith("HTTP/1.1 408");
  // Nothing sent: nothing answered.
  expect(await harness.raw("")).toBe("");
});

test("a client that closes its writing side still gets the answer", async () => {
  await start();
  const memory = pinned(64 * 1024);
  const fd = must("socket", socket(AF.UNIX, SOCK.STREAM | SOCK.NONBLOCK, 0), "test client");
  try {
    must("connect", connect(fd, { kind: "unix", path: harness.socket }), "test client");
    memory.bytes.set(Buffer.from(GET));
    must("send", send(fd, memory.address, GET.length, 0), "test client");
    must("shutdown", shutdown(fd, SHUT.WR), "test client");
    const received = await waitFor("the answer", () => {
      const length = recv(fd, memory.address, memory.bytes.length, 0);
      return length > 0 && Buffer.from(memory.bytes.subarray(0, length)).toString();
    });
    expect(received).toStartWith("HTTP/1.1 200 OK");
  } finally {
    close(fd);
  }
});

test("curl that expects 100 Continue is told to go on", async () => {
  await start();
  const body = '{"op":"reload"}';
  const head = `POST /v1/request HTTP/1.1\r\nHost: b\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`;
  const client = await RawClient.open(harness.socket);
  client.write(head);
  await waitFor("100 Continue", () => client.received === "HTTP/1.1 100 Continue\r\n\r\n");
  client.write(body);
  await client.closed;
  expect(client.received).toContain("HTTP/1.1 200 OK");
});

test("of 70 clients 64 are served, the others hear 503, and a seat that is freed is given away", async () => {
  await start();
  const streams: RawClient[] = [];
  for (let i = 0; i < 64; i++) {
    const client = await RawClient.open(harness.socket);
    client.write("GET /v1/events/stream HTTP/1.1\r\nHost: b\r\n\r\n");
    streams.push(client);
  }
  await waitFor("64 streams", () => streams.every((client) => client.received.startsWith("HTTP/1.1 200")));
  for (let i = 0; i < 6; i++) expect(await harness.raw(GET)).toStartWith("HTTP/1.1 503");
  harness.publish({ text: "for all of them" });
  await waitFor("the event everywhere", () => streams.every((client) => client.received.includes("for all of them")));
  streams[0]!.end();
  await waitFor("a free seat", answers);
  for (const client of streams) client.end();
});

test("readers cannot take the last seats from those who may write", async () => {
  await start({ clients: 4, seatsForWriters: 2 });
  // curl prints the head together with the first bytes of the body.
  harness.publish({});
  const url = "http://b/v1/events/stream";
  const script = `for i in 1 2 3 4; do curl -siN --max-time 50 --unix-socket ${harness.socket} ${url} & done; wait`;
  const readers = startProcess(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", script]);
  const heads = (status: number): number => readers.stdout().split(`HTTP/1.1 ${status} `).length - 1;
  await waitFor("an answer to each", () => heads(200) + heads(503) === 4);
  expect([heads(200), heads(503)]).toEqual([2, 2]);
  expect(await answers()).toBe(true);
  await readers.stop();
});

test("clients beyond the waiting room are closed at once and nobody has to wait for them", async () => {
  await start({ clients: 3, seatsForWriters: 1, turnedAway: 1 });
  const silent: RawClient[] = [];
  for (let i = 0; i < 8; i++) silent.push(await RawClient.open(harness.socket));
  await waitFor("four to be closed", () => silent.filter((client) => client.ended).length === 4);
  expect(silent.map((client) => client.ended)).toEqual([false, false, false, false, true, true, true, true]);
  silent[3]!.write(GET);
  await silent[3]!.closed;
  expect(silent[3]!.received).toStartWith("HTTP/1.1 503");
  for (const client of silent) client.end();
});

test("without free descriptors the listener rests, says so once, and goes on when there are some", async () => {
  await start({}, ["prlimit", "--nofile=40:40"]);
  const clients: RawClient[] = [];
  for (let i = 0; i < 40; i++) clients.push(await RawClient.open(harness.socket));
  await waitFor("all descriptors to be taken", () => readdirSync(`/proc/${harness.pid}/fd`).length === 40);
  // Now it has met the shortage, and would tell it again and again.
  await Bun.sleep(300);
  for (const client of clients) client.end();
  await waitFor("an answer", answers);
  const notes = (await journal()).filter((event) => event.kind === "admin.accept");
  expect(notes.map((note) => note.text)).toEqual(["the admin socket cannot take a client: too many open files"]);
});

test("GET /v1/events/stream gives what was and what comes, one event a line", async () => {
  await start();
  harness.publish({ text: "before" });
  const follower = Bun.spawn(
    ["curl", "-sN", "--max-time", "50", "--unix-socket", harness.socket, "http://b/v1/events/stream?since=0"],
    { stdout: "pipe" },
  );
  let text = "";
  const reading = (async () => {
    for await (const chunk of follower.stdout) text += Buffer.from(chunk).toString();
  })();
  await waitFor("the first line", () => text.includes("before"));
  harness.publish({ text: "evil \u001b[2J\u202e", object: "app/web1" });
  await waitFor("the second line", () => text.split("\n").length === 3);
  const events = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as BallastEvent);
  expect(events.map((event) => event.text)).toEqual(["before", "evil \\x1b[2J\\u202e"]);
  harness.channel.send("stop", { mode: "drain", withinMs: 1000 });
  // The stream ends with its last chunk: curl is content.
  expect(await follower.exited).toBe(0);
  await reading;
  expect(await harness.exited).toBe(0);
  expect(harness.drained).toBe(true);
});

test("a stream reader that stops reading is cut off, and named", async () => {
  await start();
  const reader = await RawClient.open(harness.socket);
  reader.write("GET /v1/events/stream HTTP/1.1\r\nHost: b\r\n\r\n");
  await waitFor("the stream", () => reader.received.startsWith("HTTP/1.1 200"));
  reader.pause();
  const text = "x".repeat(900);
  for (let sent = 0; sent < 3000; sent++) harness.publish({ text });
  const cut = await waitFor("the note", async () =>
    (await journal()).find((event) => event.kind === "admin.slow_reader"),
  );
  expect(cut.text).toBe("event reader root (uid 0) cut off: it left 1048576 bytes unread");
  expect(await journal()).toHaveLength(1000);
  reader.end();
});

test("a supervisor that does not reply is reported as busy", async () => {
  await start({ orderTimeoutMs: 200 });
  harness.onOrder = () => null;
  const response = await harness.order({ op: "reload" });
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ ok: false, kind: "busy" });
});

test("clients wait in the socket's queue while the role restarts", async () => {
  await start();
  await harness.killRole();
  const waiting = harness.fetch("/v1/snapshot");
  await Bun.sleep(50);
  await harness.startRole();
  expect((await waiting).status).toBe(200);
});

test("a reload moves to the new listener and configuration at commit, an aborted one changes nothing", async () => {
  await start();
  const node = async (): Promise<string> => ((await (await harness.fetch("/v1/snapshot")).json()) as Snapshot).node;
  const config = testConfig();
  const renamed = { ...config, global: { ...config.global, node: "lb2" } };
  harness.channel.send("prepare", harness.assignment({ generation: 2, config: renamed }), [harness.listener]);
  await waitFor("prepared", () => harness.prepared.includes(2));
  expect(await node()).toBe("lb1");
  harness.channel.send("abort", { generation: 2 });
  harness.channel.send("prepare", harness.assignment({ generation: 3, config: renamed }), [harness.listener]);
  await waitFor("prepared", () => harness.prepared.includes(3));
  expect(await node()).toBe("lb1");
  harness.channel.send("commit", { generation: 3 });
  await waitFor("the new name", async () => (await node()) === "lb2");
});

test("the role ends when its supervisor is gone", async () => {
  await start();
  harness.channel.close();
  expect(await harness.exited).toBe(0);
});
