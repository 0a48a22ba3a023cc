/** The same clients before haproxy and before Ballast: the same access-log lines, times and addresses aside. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Appliance, startAppliance, stopAppliances } from "../../support/appliance.ts";
import { accepts, freePorts } from "../../support/ports.ts";
import { startProcess, type TestProcess } from "../../support/process.ts";
import { connectRaw, type RawClient } from "../../support/raw-client.ts";
import { TEST_LIMIT_MS, waitFor } from "../../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

/** One session is gone from every figure before the next one is logged. */
const ANSWER_MS = 100;
/** Longer by far than it takes to send a burst of requests, and shorter by as much than the server's timeout. */
const QUEUE_MS = 1500;
/** Between two requests of a burst: enough for either program to read the one before. */
const STEP_MS = 50;
/** The two timeouts that a test waits for; nothing else here takes as long. */
const HEAD_MS = 1000;
const SERVER_MS = 3000;
const folder = mkdtempSync(join(tmpdir(), "ballast-log-"));
const [haproxyWeb, haproxySource, haproxyNull, ballastWeb, ballastSource, ballastNull] = freePorts(6);
let server: Bun.Server<undefined>;
/** Answers wait for it. */
let gate: Promise<void> = Promise.resolve();
let silent: Bun.TCPSocketListener;
let haproxy: TestProcess;
let ballast: Appliance;

beforeAll(async () => {
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async () => {
      await gate;
      await Bun.sleep(ANSWER_MS);
      return new Response("hello");
    },
  });
  silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const file = join(folder, "haproxy.cfg");
  writeFileSync(
    file,
    // One thread reads requests in the order in which they come, like one worker.
    `global
  nbthread 1
  log stdout len 8192 format raw local0
defaults
  mode http
  log global
  option httplog
  option dontlognull
  retries 1
  timeout connect 5s
  timeout client 10s
  timeout server ${SERVER_MS}ms
  timeout http-request ${HEAD_MS}ms
  timeout queue ${QUEUE_MS}ms
frontend web
  bind 127.0.0.1:${haproxyWeb}
  use_backend stuck if { path_beg /stuck }
  default_backend app
frontend src
  bind 127.0.0.1:${haproxySource}
  default_backend pinned
frontend null
  no option dontlognull
  bind 127.0.0.1:${haproxyNull}
  default_backend app
backend app
  server s1 127.0.0.1:${server.port} maxconn 1
backend pinned
  balance source
  server s1 127.0.0.1:${server.port} maxconn 1
backend stuck
  server s1 127.0.0.1:${silent.port} maxconn 1
`,
  );
  haproxy = startProcess(["haproxy", "-db", "-f", file], { env: { TZ: "UTC" } });
  await waitFor("haproxy to listen", () => accepts(haproxyWeb));
  ballast = await startAppliance(
    `[defaults]
mode = "http"
options = ["httplog", "dontlognull"]
retries = 1
timeouts = { connect = "5s", client = "10s", server = "${SERVER_MS}ms", http_request = "${HEAD_MS}ms", queue = "${QUEUE_MS}ms" }
[frontend.web]
bind = ["127.0.0.1:${ballastWeb}"]
default_backend = "app"
[[frontend.web.rules]]
when = "path_beg /stuck"
use_backend = "stuck"
[frontend.src]
bind = ["127.0.0.1:${ballastSource}"]
default_backend = "pinned"
[frontend.null]
options = ["no dontlognull"]
bind = ["127.0.0.1:${ballastNull}"]
default_backend = "app"
[backend.app]
servers = [{ name = "s1", address = "127.0.0.1:${server.port}", maxconn = 1, check = false }]
[backend.pinned]
balance = "source"
servers = [{ name = "s1", address = "127.0.0.1:${server.port}", maxconn = 1, check = false }]
[backend.stuck]
servers = [{ name = "s1", address = "127.0.0.1:${silent.port}", maxconn = 1, check = false }]
`,
    { global: 'log = [{ target = "stdout", level = "info" }]\n' },
  );
});

afterAll(async () => {
  await stopAppliances();
  await server.stop(true);
  silent.stop(true);
  rmSync(folder, { recursive: true, force: true });
});

const LINE =
  /\] (\w+) (\w+\/\S+) (\S+) (-?\d+) \d+ - - (..--) \d+\/(\d+)\/(\d+)\/(\d+)\/(\+?\d+) (\d+\/\d+) ("(?:.*)")$/;

/** What has to agree: every time only by whether the phase was reached, the appliance's connections not at all. */
function comparable(line: string): string | null {
  const match = LINE.exec(line);
  if (match === null) return null;
  const [, frontend, backend, times, status, cause, connections, sessions, serverSessions, retries, queues, request] =
    match;
  const phases = times.replace(/(?<![-\d])\d+/g, "n");
  // A refusal's status is each product's own choice: 431 where haproxy has 400.
  const answer = cause.startsWith("PR") ? "" : status;
  // Who leaves the queue first of two whose waits end in the same turn is either product's choice, too.
  const asked = cause.startsWith("sQ") ? request.replace(/\d/, "n") : request;
  return [frontend, backend, phases, answer, cause, connections, sessions, serverSessions, retries, queues, asked].join(
    " ",
  );
}

type Play = (port: number) => Promise<void>;

async function linesOf(output: () => string, play: Play, port: number, count: number): Promise<readonly string[]> {
  const from = output().length;
  await play(port);
  const lines = (): readonly string[] =>
    output()
      .slice(from)
      .split("\n")
      .flatMap((line) => comparable(line) ?? []);
  await waitFor(`${count} log lines in ${output().slice(from)}`, () => lines().length >= count);
  return lines().toSorted();
}

async function bothLog(play: Play, ports: readonly [haproxy: number, ballast: number], count: number): Promise<void> {
  const theirs = await linesOf(() => haproxy.stdout(), play, ports[0], count);
  const ours = await linesOf(() => ballast.process.stdout(), play, ports[1], count);
  expect(ours).toEqual([...theirs]);
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;

/** One request a connection, each sent when the one before it is on its way. */
async function burst(port: number, paths: readonly string[]): Promise<readonly RawClient[]> {
  const clients: RawClient[] = [];
  for (const path of paths) {
    const client = await connectRaw(port);
    client.send(get(path));
    clients.push(client);
    await Bun.sleep(STEP_MS);
  }
  return clients;
}

/** As `burst`, with no answer before the last request is on its way; all of them until the end. */
async function playBurst(port: number, paths: readonly string[]): Promise<void> {
  const open = Promise.withResolvers<void>();
  gate = open.promise;
  const clients = await burst(port, paths);
  open.resolve();
  await Promise.all(clients.map(({ over }) => over));
}

test("places in a backend's queue count as haproxy counts them", async () => {
  const play: Play = (port) => playBurst(port, ["/1", "/2", "/3", "/4"]);
  await bothLog(play, [haproxyWeb, ballastWeb], 4);
});

test("with balance source the places are those of the server's own queue", async () => {
  const play: Play = (port) => playBurst(port, ["/1", "/2", "/3"]);
  await bothLog(play, [haproxySource, ballastSource], 3);
});

test("a session that waits too long, or is left by its client, logs where it stood", async () => {
  const play: Play = async (port) => {
    const [first, second, third] = await burst(port, ["/stuck/1", "/stuck/2", "/stuck/3"]);
    await second!.over;
    await third!.over;
    await first!.over;
  };
  await bothLog(play, [haproxyWeb, ballastWeb], 3);
});

test("an answered request logs the same", async () => {
  const play: Play = async (port) => {
    const client = await connectRaw(port);
    client.send(get("/plain"));
    await client.over;
  };
  await bothLog(play, [haproxyWeb, ballastWeb], 1);
});

test.each([
  ["no method", "\u0001 / HTTP/1.1\r\n\r\n"],
  ["a bad header", "GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n"],
  ["too large a head", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`],
  ["a head that stays incomplete", "GET / HTTP/1.1\r\nHost: a\r\n"],
  ["two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"],
])("a request with %s logs the same refusal", async (_, bytes) => {
  const play: Play = async (port) => {
    const client = await connectRaw(port);
    client.send(bytes);
    await client.over;
    client.close();
  };
  await bothLog(play, [haproxyWeb, ballastWeb], 1);
});

test("a client that leaves in the middle of its head logs the same", async () => {
  const play: Play = async (port) => {
    const client = await connectRaw(port);
    client.send("GET / HTTP/1.1\r\nHost");
    client.halfClose();
    await client.over;
    client.close();
  };
  await bothLog(play, [haproxyWeb, ballastWeb], 1);
});

/** Connections without a whole request, one after the other: FIN, RST, silence, a part and then FIN. */
const playNull: Play = async (port) => {
  for (const bytes of ["", "GET /"]) {
    const client = await connectRaw(port);
    if (bytes !== "") client.send(bytes);
    await Bun.sleep(STEP_MS);
    client.close();
    await client.over;
    await Bun.sleep(STEP_MS);
  }
  const reset = await connectRaw(port);
  reset.socket.terminate();
  await Bun.sleep(STEP_MS);
  const silentOne = await connectRaw(port);
  await silentOne.over;
  expect(silentOne.received()).toStartWith("HTTP/1.1 408 ");
  silentOne.close();
  const kept = await connectRaw(port);
  kept.send(get("/plain").replace("close", "keep-alive"));
  await kept.until((text) => text.includes("hello"));
  kept.close();
  await kept.over;
  await Bun.sleep(STEP_MS);
};

test("connections without a whole request log the same", async () => {
  await bothLog(playNull, [haproxyNull, ballastNull], 5);
});

test("with dontlognull those on which nothing came are left out", async () => {
  await bothLog(playNull, [haproxyWeb, ballastWeb], 2);
});
