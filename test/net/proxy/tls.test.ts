/** TLS termination: the conformance test of src/proxy/shell/tls.ts. It has to pass with every new Bun. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { E } from "../../../src/sys/errno.ts";
import { type BareSocket, connectBare } from "../../support/bare-socket.ts";
import { mustRun } from "../../support/process.ts";
import { BIND_KEY } from "../../support/proxy-config.ts";
import { type RunningProxy, startProxy } from "../../support/proxy-harness.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { TEST_LIMIT_MS, waitFor } from "../../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const folder = mkdtempSync(join(tmpdir(), "ballast-tls-"));
const material: Record<string, string> = {};
let proxy: RunningProxy;
/** The same with a short time for the handshake; the other one's is longer than any handshake on a busy machine. */
let hasty: RunningProxy;
let server: Bun.Server<undefined>;
let start: (tlsHandshakeMs: number, clientMs?: number) => Promise<RunningProxy>;

/** More than a client's receive buffer takes, less than the kernel takes from the proxy. */
const BIG_BYTES = 1_000_000;

async function makeCertificate(name: string, subjectAltName: string): Promise<string> {
  const key = join(folder, `${name}.key`);
  const cert = join(folder, `${name}.crt`);
  const request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const output = ["-keyout", key, "-out", cert, "-days", "30"];
  await mustRun([...request, ...output, "-subj", `/CN=${name}`, "-addext", `subjectAltName=${subjectAltName}`]);
  material[`${name}.key`] = readFileSync(key, "utf8");
  material[`${name}.crt`] = readFileSync(cert, "utf8");
  return readFileSync(cert, "utf8") + readFileSync(key, "utf8");
}

const TLS = { certificates: ["x"], alpn: ["h2", "http/1.1"], minVersion: "1.2" } as const;

beforeAll(async () => {
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/big") return new Response(new Uint8Array(BIG_BYTES));
      if (pathname === "/echo") return new Response(await request.bytes());
      return new Response(pathname);
    },
  });
  const first = await makeCertificate("first.test", "DNS:first.test");
  const exact = await makeCertificate("exact.wild.test", "DNS:exact.wild.test");
  const wild = await makeCertificate("wild.test", "DNS:*.wild.test");
  const tls = {
    [BIND_KEY]: [
      { path: "first.pem", pem: first },
      { path: "wild.pem", pem: wild },
      { path: "exact.pem", pem: exact },
    ],
  };
  start = (tlsHandshakeMs, clientMs = 60_000) => {
    const frontendTimeouts = { tlsHandshakeMs, httpKeepAliveMs: 3000, clientMs };
    return startProxy({ servers: [server.port ?? 0], tls: TLS, frontendTimeouts, logSessions: true }, { tls });
  };
  proxy = await start(20_000);
  hasty = await start(300);
});

afterAll(async () => {
  await Promise.all([proxy.stop(), hasty.stop()]);
  for (const relay of relays) relay.stop(true);
  await server.stop(true);
  rmSync(folder, { recursive: true, force: true });
});

async function handshake(servername: string, alpn: string[] = ["http/1.1"]): Promise<TLSSocket> {
  const socket = connectTls({
    host: "127.0.0.1",
    port: proxy.port,
    ...(servername === "" ? {} : { servername }),
    rejectUnauthorized: false,
    ALPNProtocols: alpn,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", () => resolve());
    socket.once("error", reject);
  });
  return socket;
}

test.each([
  ["first.test", "first.test"],
  ["exact.wild.test", "exact.wild.test"],
  ["other.wild.test", "wild.test"],
  ["OTHER.wild.test", "wild.test"],
  ["a.b.wild.test", "first.test"],
  ["unknown.test", "first.test"],
  ["", "first.test"],
])("the name %p is served with the certificate of %s", async (name, commonName) => {
  const socket = await handshake(name);
  expect(socket.getPeerCertificate().subject.CN).toBe(commonName);
  expect(socket.alpnProtocol).toBe("http/1.1");
  socket.destroy();
});

test("a client that speaks HTTP/1.0 only is promised that, and one that speaks both HTTP/1.1", async () => {
  for (const [offered, chosen] of [
    [["http/1.0"], "http/1.0"],
    [["http/1.0", "http/1.1"], "http/1.1"],
    [["h2", "http/1.1"], "http/1.1"],
  ] as const) {
    const socket = await handshake("first.test", [...offered]);
    expect(socket.alpnProtocol).toBe(chosen);
    socket.destroy();
  }
});

test("requests of one TLS connection follow each other", async () => {
  const socket = await handshake("first.test");
  let text = "";
  socket.on("data", (bytes: Buffer) => (text += bytes.toString()));
  for (let i = 0; i < 20; i++) {
    socket.write(`GET /r${i}; HTTP/1.1\r\nHost: a\r\n\r\n`);
    await waitFor(`answer ${i}`, () => text.endsWith(`/r${i};`));
  }
  socket.destroy();
});

test("bodies of 5 MB arrive whole in both directions", async () => {
  const body = randomBytes(5_000_000);
  const answer = await fetch(`https://127.0.0.1:${proxy.port}/echo`, {
    method: "POST",
    body,
    tls: { rejectUnauthorized: false },
  });
  const echoed = await answer.bytes();
  expect(createHash("sha256").update(echoed).digest("hex")).toBe(createHash("sha256").update(body).digest("hex"));
});

test("Connection: close delivers everything before the end", async () => {
  const socket = await handshake("first.test");
  let text = "";
  socket.on("data", (bytes: Buffer) => (text += bytes.toString()));
  const ended = new Promise<void>((resolve) => socket.once("end", () => resolve()));
  socket.write("GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  await ended;
  expect(text.endsWith("/last")).toBe(true);
  socket.destroy();
});

const relays: { stop(closes: boolean): void }[] = [];

/** A TLS client whose socket is ours: the response to `request` stays unread until the test reads `line`. */
async function askAndWait(port: number, request: string, ends: boolean): Promise<BareSocket> {
  const line = await connectBare(port, 8192);
  let isHeld = false;
  const relay = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    allowHalfOpen: true,
    socket: {
      open: (socket) => {
        const timer = setInterval(() => {
          if (isHeld) return clearInterval(timer);
          line.read();
          for (const bytes of line.received.splice(0)) socket.write(bytes);
        }, 1);
      },
      data: (_, bytes) => void line.send(bytes),
      end: () => line.halfClose(),
    },
  });
  relays.push(relay);
  const client = connectTls({ host: "127.0.0.1", port: relay.port, rejectUnauthorized: false });
  await new Promise<void>((resolve, reject) => {
    client.once("secureConnect", () => resolve());
    client.once("error", reject);
  });
  isHeld = true;
  if (ends) client.end(request);
  else client.write(request);
  client.on("error", () => undefined);
  return line;
}

const CLOSING = "GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const sessionsEnd = (of: RunningProxy): Promise<boolean> =>
  waitFor("the session to end", async () => (await of.status()).sessions === 0);

test("a client that sent its end before it reads gets the whole response", async () => {
  const own = await start(20_000);
  const line = await askAndWait(own.port, CLOSING, true);
  await own.event(({ session }) => session === "--");
  await sessionsEnd(own);
  await line.readUntil("the end", () => line.end !== null);
  expect(line.end).toBe(0);
  expect(line.receivedBytes).toBeGreaterThan(BIG_BYTES);
  line.close();
  await own.stop();
});

test.each([
  ["after the last response of a connection", CLOSING, 2500],
  // Kept for 3 s, and then for as long as a client may take to follow the end.
  ["on a kept connection whose time is over", CLOSING.replace("Connection: close\r\n", ""), 6000],
])("a client that is slow %s gets the whole response", async (_, request, pauseMs) => {
  const own = await start(20_000);
  const line = await askAndWait(own.port, request, false);
  await own.event(({ session }) => session === "--");
  await Bun.sleep(pauseMs);
  await line.readUntil("the end", () => line.end !== null);
  expect(line.end).toBe(0);
  expect(line.receivedBytes).toBeGreaterThan(BIG_BYTES);
  line.close();
  await sessionsEnd(own);
  await own.stop();
});

test("a client that does not read the last response is cut at its timeout", async () => {
  const own = await start(20_000, 500);
  const line = await askAndWait(own.port, CLOSING, false);
  await own.event(({ session }) => session === "--");
  await sessionsEnd(own);
  await line.readUntil("the end", () => line.end !== null);
  expect(line.end).toBe(E.CONNRESET);
  line.close();
  await own.stop();
});

test("a client that says nothing is cut at the handshake timeout", async () => {
  const started = performance.now();
  const client = await connectRaw(hasty.port);
  await client.over;
  expect(performance.now() - started).toBeGreaterThan(200);
  // The client's own timeout is a minute.
  expect(performance.now() - started).toBeLessThan(10_000);
});

test("half a ClientHello and then silence is cut at the handshake timeout", async () => {
  const client = await connectRaw(hasty.port);
  client.send(Uint8Array.of(22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3));
  await client.over;
});

test("plain HTTP on a TLS listener is cut at once", async () => {
  const client = await connectRaw(proxy.port);
  const started = performance.now();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.over;
  // Not at the handshake timeout, which is 20 s.
  expect(performance.now() - started).toBeLessThan(5000);
  expect(client.received()).toBe("");
});

test("many handshakes at once succeed and leave nothing behind", async () => {
  for (let round = 0; round < 4; round++) {
    const sockets = await Promise.all(Array.from({ length: 25 }, () => handshake("first.test")));
    for (const socket of sockets) socket.destroy();
  }
  const status = await waitFor("all sessions to end", async () => {
    const now = await proxy.status();
    return now.sessions === 0 && now;
  });
  expect([status.sessions, status.connections, status.blocks]).toEqual([0, 0, 0]);
});

test("a key of another certificate is refused with the file's name", async () => {
  const mixed = `${material["first.test.crt"]}${material["wild.test.key"]}`;
  const attempt = startProxy({ servers: [1], tls: TLS }, { tls: { [BIND_KEY]: [{ path: "mixed.pem", pem: mixed }] } });
  await expect(attempt).rejects.toThrow(/mixed\.pem: .*private key/);
});
