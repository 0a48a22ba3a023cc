/**
 * Nothing ambiguous ever arrives behind Ballast: every request of the collection and two thousand mutations of them are
 * sent through it to a server that records the bytes. A strict reader that shares no code with Ballast must take every
 * byte, and nginx must see as many requests in them.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "bun";
import { accepts, freePort } from "../../support/ports.ts";
import { startProcess, stopAllProcesses } from "../../support/process.ts";
import { type RunningProxy, startProxy } from "../../support/proxy-harness.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { TEST_LIMIT_MS, waitFor } from "../../support/wait.ts";
import { readStrictly, type StrictRequest } from "./strict-reader.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const MUTATIONS = 2000;
/** A failure names the seed's mutation; another seed is another two thousand. */
const SEED = Number(process.env.BALLAST_SEED ?? 20_261_120);
const SIDE_BY_SIDE = 12;
/** Clients send everything and their end at once: what is still open after this waits for something. */
const QUIET_MS = 150;
/** Mutations of longer requests are mostly the same request. */
const BASE_BYTES_MAX = 4096;

interface Recorded {
  stream: string;
  parsed: number;
  violation: string | null;
}

const folder = mkdtempSync(join(tmpdir(), "ballast-smuggling-"));
const connections: Recorded[] = [];
const requests: StrictRequest[] = [];
let recorder: Bun.TCPSocketListener<Recorded>;
let proxy: RunningProxy;
let nginxPort: number;

beforeAll(async () => {
  recorder = Bun.listen<Recorded>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { stream: "", parsed: 0, violation: null };
        connections.push(socket.data);
      },
      data: record,
    },
  });
  proxy = await startProxy({
    servers: [recorder.port],
    frontendTimeouts: { clientMs: QUIET_MS, httpRequestMs: QUIET_MS, httpKeepAliveMs: QUIET_MS },
    backendTimeouts: { serverMs: 1000 },
  });
  nginxPort = freePort();
  mkdirSync(join(folder, "logs"));
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log crit;
events { worker_connections 256; }
http {
  access_log off; keepalive_requests 100000; client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  client_max_body_size 0; large_client_header_buffers 4 32k; client_header_buffer_size 32k;
  server { listen 127.0.0.1:${nginxPort}; location / { return 200 "ok"; } }
}
`,
  );
  startProcess(["nginx", "-p", folder, "-e", `${folder}/error.log`, "-c", join(folder, "nginx.conf")]);
  await waitFor("nginx to listen", () => accepts(nginxPort));
});

afterAll(async () => {
  await proxy.stop();
  recorder.stop(true);
  await stopAllProcesses();
  rmSync(folder, { recursive: true, force: true });
});

function record(socket: Socket<Recorded>, bytes: Buffer): void {
  const recorded = socket.data;
  recorded.stream += bytes.toString("latin1");
  while (recorded.parsed < recorded.stream.length && recorded.violation === null) {
    const reading = readStrictly(recorded.stream, recorded.parsed);
    if (reading.kind === "incomplete") return;
    if (reading.kind === "violation") {
      recorded.violation = reading.text;
      socket.terminate();
      return;
    }
    recorded.parsed = reading.end;
    requests.push(reading.request);
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${reading.request.method === "HEAD" ? "" : "ok"}`);
  }
}

interface Case {
  readonly kind: string;
  readonly raw: string;
  readonly expand?: boolean;
}

const all: readonly Case[] = await Bun.file(join(import.meta.dir, "../../golden/http/http1_cases.json")).json();
const cases = all
  .filter(({ kind }) => kind === "request")
  .map(({ raw, expand }) =>
    expand === true
      ? raw.replace(/\{\{([^]*?)\*(\d+)\}\}/g, (_, part: string, count: string) => part.repeat(Number(count)))
      : raw,
  );

/** mulberry32: small, seeded, good enough to choose mutations. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const PIECES = [
  ...'\r\n\0\t :;,="\\\v\f\x7f\x80\xa0\xff0159afAFxX+-',
  "\r\n",
  "\n\n",
  "\r\n\r\n",
  "\r\n ",
  "0\r\n\r\n",
  "Content-Length: 5\r\n",
  "Content-Length: 0\r\n",
  "content-length:+7\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: identity, chunked\r\n",
  "Transfer-Encoding:\x0bchunked\r\n",
  "Transfer-Encoding : chunked\r\n",
  "Connection: Host, Content-Length, close\r\n",
  "Connection: keep-alive, Transfer-Encoding\r\n",
  "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n",
  "Expect: 100-continue\r\n",
  "Host: other\r\n",
  "GET /smuggled HTTP/1.1\r\nHost: b\r\n\r\n",
] as const;

function mutated(random: (below: number) => number, bases: readonly string[]): string {
  let text = bases[random(bases.length)]!;
  for (let step = 1 + random(3); step > 0; step--) {
    const at = random(text.length + 1);
    const lines = text.split("\r\n");
    const line = random(lines.length);
    switch (random(7)) {
      case 0:
        text = text.slice(0, at) + PIECES[random(PIECES.length)]! + text.slice(at);
        break;
      case 1:
        text = text.slice(0, at) + text.slice(at + 1 + random(3));
        break;
      case 2:
        text = text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at + 1);
        break;
      case 3:
        text = lines.toSpliced(line, 0, lines[random(lines.length)]!).join("\r\n");
        break;
      case 4:
        // At the beginning of a line, where fields begin.
        text = [
          ...lines.slice(0, line),
          PIECES[random(PIECES.length)]! + (lines[line] ?? ""),
          ...lines.slice(line + 1),
        ].join("\r\n");
        break;
      case 5:
        text = lines.toSpliced(line, 1).join("\r\n");
        break;
      default:
        text += bases[random(bases.length)]!;
    }
  }
  return text;
}

async function sendThrough(text: string): Promise<void> {
  const client = await connectRaw(proxy.port);
  client.send(text);
  client.halfClose();
  await client.over;
  client.close();
}

async function sendAll(texts: readonly string[]): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < texts.length) {
      const index = next++;
      await sendThrough(texts[index]!);
      const [violation] = violations();
      if (violation !== undefined) throw new Error(`${violation}, about input ${index} of seed ${SEED}`);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
}

function violations(): readonly string[] {
  return connections.flatMap(({ violation }) => violation ?? []);
}

test("every request of the collection arrives unambiguous or not at all", async () => {
  await sendAll(cases);
  expect(violations()).toEqual([]);
  expect(requests.length).toBeGreaterThan(20);
});

test("so do two thousand mutations of them", async () => {
  const random = generator(SEED);
  const bases = cases.filter(({ length }) => length <= BASE_BYTES_MAX);
  const before = requests.length;
  await sendAll(Array.from({ length: MUTATIONS }, () => mutated(random, bases)));
  expect(violations()).toEqual([]);
  // Mutations that all were refused would show nothing.
  expect(requests.length - before).toBeGreaterThan(MUTATIONS / 10);
}, 180_000);

test("nginx counts the same requests in what arrived", async () => {
  // Matters of taste, not of framing: nginx refuses such methods, targets and hosts as a whole.
  const plain = requests.filter(
    ({ method, target, host, bytes }) =>
      /^[A-Z][A-Z_-]*$/.test(method) &&
      /^\/[\w/?=&-]*$/.test(target) &&
      /^[\w.-]+(:\d+)?$/.test(host) &&
      !/\r\nExpect:/i.test(bytes),
  );
  expect(plain.length).toBeGreaterThan(requests.length / 2);
  for (let at = 0; at < plain.length; at += 50) {
    const group = plain.slice(at, at + 50);
    const client = await connectRaw(nginxPort);
    client.send(group.map(({ bytes }) => bytes).join(""));
    client.send("GET /last HTTP/1.1\r\nHost: last\r\nConnection: close\r\n\r\n");
    await client.over;
    const statuses = [...client.received().matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => match[1]);
    client.close();
    if (statuses.length !== group.length + 1) {
      const odd = JSON.stringify(group[statuses.length - 1]?.bytes);
      throw new Error(`nginx answered ${statuses.length} of ${group.length + 1} requests; near ${odd}`);
    }
  }
});
