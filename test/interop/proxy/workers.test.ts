/** Several workers of the built program share limits, and what one of them held comes back when it is killed. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Snapshot } from "../../../src/admin/api.ts";
import { type Appliance, everythingRuns, startAppliance, stopAppliances } from "../../support/appliance.ts";
import { freePort } from "../../support/ports.ts";
import { connectRaw, type RawClient } from "../../support/raw-client.ts";
import { TEST_LIMIT_MS, waitFor } from "../../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
  await stopAppliances();
});

interface Counting {
  readonly port: number;
  active: number;
  most: number;
  served: number;
  /** How long an answer takes; null: for ever. */
  delayMs: number | null;
}

/** Answers after a while and counts how many requests it has at a time; one whose connection died is none. */
function counting(delayMs: number | null): Counting {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 60,
    fetch: async (request) => {
      state.active++;
      state.most = Math.max(state.most, state.active);
      const aborted = new Promise<void>((resolve) => request.signal.addEventListener("abort", () => resolve()));
      await Promise.race(state.delayMs === null ? [aborted] : [aborted, Bun.sleep(state.delayMs)]);
      state.active--;
      state.served++;
      return new Response("ok");
    },
  });
  cleanups.push(() => server.stop(true));
  const state: Counting = { port: server.port ?? 0, active: 0, most: 0, served: 0, delayMs };
  return state;
}

async function start(sections: string, global = ""): Promise<Appliance> {
  const timeouts = '{ connect = "2s", client = "20s", server = "20s", queue = "10s", http_keep_alive = "10s" }';
  return startAppliance(`[defaults]\nmode = "http"\ntimeouts = ${timeouts}\n${sections}`, {
    global: `workers = 2\n${global}`,
  });
}

const page = (port: number, backend: string): string =>
  `[frontend.web]\nbind = ["127.0.0.1:${port}"]\ndefault_backend = "app"\n[backend.app]\n${backend}\n`;

interface Asking {
  readonly answers: readonly number[];
  readonly slowestMs: number;
  readonly statuses: ReadonlySet<number>;
  readonly failures: number;
  stop(): Promise<void>;
}

/** `count` clients that ask one request after the other over connections of their own, and go on after failures. */
function ask(port: number, count: number): Asking {
  const answers: number[] = Array.from({ length: count }, () => 0);
  const state = { answers, slowestMs: 0, statuses: new Set<number>(), failures: 0, isOver: false };
  const one = async (index: number): Promise<void> => {
    let client: RawClient | null = null;
    while (!state.isOver) {
      try {
        if (client === null || client.ended() || client.failed()) client = await connectRaw(port);
        const before = client.received().length;
        const started = performance.now();
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        const { over } = client;
        const text = await Promise.race([
          client.until((seen) => seen.length > before && seen.endsWith("ok")),
          over.then(() => Promise.reject(new Error("closed"))),
        ]);
        state.slowestMs = Math.max(state.slowestMs, performance.now() - started);
        state.statuses.add(Number(text.slice(before + 9, before + 12)));
        answers[index]!++;
      } catch {
        // The worker that had the connection was killed: the client comes back.
        state.failures++;
        client?.close();
        client = null;
      }
    }
    client?.close();
  };
  const all = answers.map((_, index) => one(index));
  return Object.assign(state, {
    stop: async () => {
      state.isOver = true;
      await Promise.all(all);
    },
  });
}

/** Sockets of each worker besides those that it had when nothing was going on. */
function socketCounts(appliance: Appliance): readonly number[] {
  return [0, 1].map((index) => readdirSync(`/proc/${appliance.pidOf(`worker/${index}`) ?? "self"}/fd`).length);
}

test("a server's maxconn holds over two workers, is used up, and nobody waits unduly", async () => {
  const server = counting(10);
  const port = freePort();
  const appliance = await start(
    page(port, `servers = [{ name = "s1", address = "127.0.0.1:${server.port}", maxconn = 4, check = false }]`),
  );
  const idle = socketCounts(appliance);
  // Both workers must have clients, or the test shows nothing. The kernel wakes whichever has time: when one of them
  // is quick enough to take all forty, they come again.
  const asking = await waitFor("clients at both workers", async () => {
    const crowd = ask(port, 40);
    const { served } = server;
    await waitFor("some answers", () => server.served >= served + 600);
    const busy = socketCounts(appliance);
    await crowd.stop();
    return busy.every((count, i) => count > idle[i]! + 2) && crowd;
  });
  expect(server.most).toBe(4);
  expect([...asking.statuses]).toEqual([200]);
  expect(asking.failures).toBe(0);
  // 40 clients, 4 at a time, 10 ms each: 100 ms is even, 5 s is a busy machine. Nobody is left behind in a worker's
  // queue: who is waits for the queue's timeout of 10 s, and a crowd of 40 has had 15 answers each by then.
  expect(asking.slowestMs).toBeLessThan(5000);
  expect(Math.min(...asking.answers)).toBeGreaterThan(Math.max(...asking.answers) / 10);
});

test("a server's maxconn holds while a worker is killed under load and comes back", async () => {
  const server = counting(10);
  const port = freePort();
  const appliance = await start(
    page(port, `servers = [{ name = "s1", address = "127.0.0.1:${server.port}", maxconn = 4, check = false }]`),
  );
  const asking = ask(port, 30);
  for (const index of [0, 1, 0]) {
    const { served } = server;
    await waitFor("some answers", () => server.served >= served + 150);
    const pid = appliance.pidOf(`worker/${index}`)!;
    process.kill(pid, "SIGKILL");
    await waitFor(
      "the worker to be back",
      async () => appliance.pidOf(`worker/${index}`) !== pid && everythingRuns(await appliance.snapshot()),
    );
  }
  const { served } = server;
  await waitFor("more answers", () => server.served >= served + 150);
  expect(server.most).toBe(4);
  await asking.stop();
  const sessions = ({ backends }: Snapshot): number | undefined => backends[0]?.servers[0]?.sessions;
  await waitFor("all gauges to be zero", async () => {
    const snapshot = await appliance.snapshot();
    return sessions(snapshot) === 0 && snapshot.backends[0]?.queue === 0 && snapshot.limits.connections === 0;
  });
  // No place was lost either, at the latest when the workers have compared their figures.
  server.most = 0;
  server.delayMs = 50;
  const again = ask(port, 12);
  await waitFor("every place to be used", () => server.most === 4);
  await again.stop();
});

test("global maxconn holds over two workers, also after one was killed", async () => {
  const server = counting(null);
  const port = freePort();
  const appliance = await start(
    page(port, `servers = [{ name = "s1", address = "127.0.0.1:${server.port}", check = false }]`),
    "maxconn = 20\n",
  );
  const clients: RawClient[] = [];
  cleanups.push(() => {
    for (const client of clients) client.close();
  });
  const crowd = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const client = await connectRaw(port);
      clients.push(client);
      client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
  };
  await crowd(70);
  await waitFor("twenty to be served", () => server.active === 20);
  await Bun.sleep(300);
  expect([server.active, server.most]).toEqual([20, 20]);
  expect((await appliance.snapshot()).limits.connections).toBe(20);
  const pid = appliance.pidOf("worker/0");
  process.kill(pid, "SIGKILL");
  await appliance.nextOf("worker/0", pid);
  await waitFor("the worker to be back", async () => everythingRuns(await appliance.snapshot()));
  await crowd(40);
  await waitFor("twenty to be served again", () => server.active === 20);
  await Bun.sleep(300);
  expect([server.active, server.most]).toEqual([20, 20]);
});

/** The worker that has the connection: the kernel's table names its inode, the worker's descriptors hold it. */
function workerOf(appliance: Appliance, port: number, client: RawClient): number {
  const hex = (value: number): string => value.toString(16).toUpperCase().padStart(4, "0");
  const ends = `:${hex(port)} 0100007F:${hex(client.socket.localPort)} `;
  const row = readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .find((line) => line.includes(ends));
  const inode = row?.trim().split(/\s+/)[9];
  return [0, 1].findIndex((index) => {
    const folder = `/proc/${appliance.pidOf(`worker/${index}`)}/fd`;
    return readdirSync(folder).some((name) => linkOf(`${folder}/${name}`) === `socket:[${inode}]`);
  });
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Closed since the folder was read.
    return "";
  }
}

/** A connected client of each worker: the kernel spreads connections that come at the same time. */
async function oneOfEach(appliance: Appliance, port: number): Promise<readonly [RawClient, RawClient]> {
  const found: RawClient[] = [];
  const opened: RawClient[] = [];
  cleanups.push(() => {
    for (const client of opened) client.close();
  });
  await waitFor("a client at each worker", async () => {
    const crowd = await Promise.all(Array.from({ length: 8 }, () => connectRaw(port)));
    opened.push(...crowd);
    for (const client of crowd) {
      // -1: not accepted yet.
      const worker = await waitFor("a worker to take it", () => {
        const index = workerOf(appliance, port, client);
        return index >= 0 && { index };
      });
      found[worker.index] ??= client;
    }
    return found[0] !== undefined && found[1] !== undefined;
  });
  return [found[0]!, found[1]!];
}

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

test("a session that waits in one worker gets the place that the other worker gives back", async () => {
  const server = counting(null);
  const port = freePort();
  const appliance = await start(
    page(port, `servers = [{ name = "s1", address = "127.0.0.1:${server.port}", maxconn = 1, check = false }]`),
  );
  const tookMs: number[] = [];
  for (let round = 0; round < 3; round++) {
    server.delayMs = null;
    const [holder, waiting] = await oneOfEach(appliance, port);
    holder.send(GET);
    await waitFor("the place to be taken", () => server.active === 1);
    waiting.send(GET);
    await waitFor("the other one to wait", async () => (await appliance.snapshot()).backends[0]?.queue === 1);
    server.delayMs = 1;
    const started = performance.now();
    holder.close();
    await waiting.until((text) => text.endsWith("ok"));
    tookMs.push(performance.now() - started);
    expect(server.most).toBe(1);
    await waitFor("the place to be free", () => server.active === 0);
  }
  // The best of some: the machine may do other work beside it.
  expect(Math.min(...tookMs)).toBeLessThan(500);
});

test("leastconn knows the other worker's sessions", async () => {
  const servers = [counting(null), counting(null), counting(null)];
  const port = freePort();
  const rows = servers.map(
    (server, i) => `{ name = "s${i + 1}", address = "127.0.0.1:${server.port}", check = false }`,
  );
  const appliance = await start(page(port, `balance = "leastconn"\nservers = [${rows.join(", ")}]`));
  const clients = await oneOfEach(appliance, port);
  const active = (): readonly number[] => servers.map((server) => server.active);
  for (const [before, client] of clients.entries()) {
    client.send(GET);
    await waitFor("the request", () => active().reduce((sum, count) => sum + count) === before + 1);
  }
  // Each worker alone would begin with the first server.
  expect(active()).toEqual([1, 1, 0]);
});
