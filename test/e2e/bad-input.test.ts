import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type Appliance, startAppliance, stopAppliances } from "../support/appliance.ts";
import { freePort } from "../support/ports.ts";
import { connectRaw, type RawClient } from "../support/raw-client.ts";
import { startToy, type Toy } from "../support/toy.ts";
import { TEST_LIMIT_MS, waitFor } from "../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const toys: Toy[] = [];
const clients: RawClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await stopAppliances();
  for (const toy of toys.splice(0)) toy.stop();
});

function toy(name: string): Toy {
  const started = startToy(name);
  toys.push(started);
  return started;
}

async function connect(port: number): Promise<RawClient> {
  const client = await connectRaw(port);
  clients.push(client);
  return client;
}

function site(port: number, servers: readonly Toy[], defaults = ""): string {
  return `[defaults]
mode = "http"
options = ["httplog"]
${defaults}
[frontend.web]
bind = ["127.0.0.1:${port}"]
default_backend = "app"
[backend.app]
servers = [${servers.map(({ address }) => `"${address}"`).join(", ")}]
`;
}

async function statusOf(port: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
  await answer.text();
  return answer.status;
}

function residentBytes(appliance: Appliance, name: string): number {
  const text = readFileSync(`/proc/${appliance.pidOf(name)}/status`, "utf8");
  return Number(/^VmRSS:\s*(\d+) kB/m.exec(text)?.[1]) * 1024;
}

describe("a backend", () => {
  test("that answers garbage: 502 with its reason in the log, and the others serve on", async () => {
    const port = freePort();
    const [bad, good] = [toy("bad"), toy("good")];
    bad.setMood("garbage");
    const appliance = await startAppliance(site(port, [bad, good]), { global: 'log = [{ target = "stderr" }]' });
    const seen = new Map<number, number>();
    for (let i = 0; i < 20; i++) {
      const status = await statusOf(port);
      seen.set(status, (seen.get(status) ?? 0) + 1);
    }
    expect([...seen].sort()).toEqual([
      [200, 10],
      [502, 10],
    ]);
    await waitFor("the access lines", () => /app\/127\.0\.0\.1:\d+ .* 502 .* PH--/.test(appliance.process.stderr()));
  });

  test("that accepts and never answers: 504 after the server timeout", async () => {
    const port = freePort();
    const dead = toy("dead");
    dead.setMood("hang");
    await startAppliance(site(port, [dead], 'timeouts = { server = "300ms" }'));
    expect(await statusOf(port)).toBe(504);
  });

  test("that is not there: 503", async () => {
    const port = freePort();
    const gone = toy("gone");
    gone.stop();
    await startAppliance(site(port, [gone], "retries = 0"));
    expect(await statusOf(port)).toBe(503);
  });
});

describe("a client", () => {
  test("that sends a byte at a time gets 408 when the time for a head is over, however alive it is", async () => {
    const port = freePort();
    await startAppliance(site(port, [toy("one")], 'timeouts = { http_request = "700ms" }'));
    const slow = await connect(port);
    const head = `GET / HTTP/1.1\r\nHost: test\r\nX-Slow: ${"a".repeat(100)}\r\n\r\n`;
    const startedMs = performance.now();
    let sent = 0;
    const drip = setInterval(() => slow.send(head[sent++] ?? ""), 50);
    try {
      expect(await slow.until((text) => text.includes("\r\n\r\n"))).toContain("HTTP/1.1 408 ");
    } finally {
      clearInterval(drip);
    }
    const tookMs = performance.now() - startedMs;
    expect(tookMs).toBeGreaterThan(600);
    // The head would be whole after seven seconds, and be answered with 200.
    expect(tookMs).toBeLessThan(6000);
    await slow.over;
    expect(await statusOf(port)).toBe(200);
  });

  test("that sends garbage or a head without end gets 400 or 431", async () => {
    const port = freePort();
    await startAppliance(site(port, [toy("one")]));
    const garbage = await connect(port);
    garbage.send("\u0016\u0003\u0001 this is not HTTP\r\n\r\n");
    expect(await garbage.until((text) => text.includes("\r\n\r\n"))).toContain("HTTP/1.1 400 ");
    const endless = await connect(port);
    endless.send(`GET / HTTP/1.1\r\nHost: test\r\nX-Long: ${"a".repeat(100_000)}`);
    expect(await endless.until((text) => text.includes("\r\n\r\n"))).toMatch(/HTTP\/1\.1 (431|400) /);
    expect(await statusOf(port)).toBe(200);
  });
});

describe("descriptors that run out", () => {
  test("400 connections against a limit of 256: those with a place are served, the rest wait, nothing spins", async () => {
    const port = freePort();
    const appliance = await startAppliance(site(port, [toy("one")], 'timeouts = { http_keep_alive = "30s" }'), {
      prefix: ["prlimit", "--nofile=256:256"],
      global: "maxconn = 1000",
    });
    const before = residentBytes(appliance, "worker/0");
    const crowd = await Promise.all(Array.from({ length: 400 }, () => connect(port)));
    crowd.forEach((client, i) => client.send(`GET /crowd/${i} HTTP/1.1\r\nHost: test\r\n\r\n`));
    const served = (): RawClient[] => crowd.filter((client) => client.received().includes("asked for /crowd/"));
    await waitFor("a good part to be served", () => served().length >= 50);
    await waitFor("the operator to be told", async () =>
      (await appliance.events()).some(({ kind, text }) => kind === "proxy.limit" && text.includes("descriptors")),
    );
    expect(served().length).toBeLessThan(256);
    expect(crowd.filter((client) => client.failed() || client.ended())).toEqual([]);
    // It waits for a place instead of trying all the time.
    const ticks = cpuTicks(appliance, "worker/0");
    await Bun.sleep(1000);
    expect(cpuTicks(appliance, "worker/0") - ticks).toBeLessThan(40);
    expect(residentBytes(appliance, "worker/0") - before).toBeLessThan(64 * 1024 * 1024);
    // The admin socket has descriptors of its own.
    expect((await appliance.cli(["status"])).code).toBe(0);
    const waiting = crowd.filter((client) => !served().includes(client));
    for (const client of served()) client.close();
    await waitFor("a good part of those who waited", () => {
      for (const client of served()) client.close();
      return waiting.every((client) => client.received().includes("200 OK"));
    });
    await waitFor("new connections to be served", async () => (await statusOf(port)) === 200);
  });

  test("maxconn beyond what the limit allows is said at the start", async () => {
    const port = freePort();
    const appliance = await startAppliance(site(port, [toy("one")]), {
      prefix: ["prlimit", "--nofile=1024:1024"],
      global: "maxconn = 10000",
    });
    expect(appliance.process.stderr()).toMatch(/maxconn.*(1024|descriptor)/s);
  });
});

/** Clock ticks (100 a second) of processor time that a role has used. */
function cpuTicks(appliance: Appliance, name: string): number {
  const stat = readFileSync(`/proc/${appliance.pidOf(name)}/stat`, "utf8");
  const words = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(words[11]) + Number(words[12]);
}
