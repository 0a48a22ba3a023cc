/** Unix sockets and IPv6 on both sides; rules about the address that was connected to. */
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RuleConfig } from "../../../src/config/types-proxy.ts";
import type { ProxySpec } from "../../support/proxy-config.ts";
import { type RunningProxy, startProxy } from "../../support/proxy-harness.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), "ballast-addresses-"));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
};

async function proxyTo(spec: ProxySpec): Promise<RunningProxy> {
  const proxy = await startProxy({ logSessions: true, ...spec });
  cleanups.push(() => proxy.stop());
  return proxy;
}

/** Echoes what it was told about the client, and a body as long as it was asked for. */
function web(at: { readonly unix: string } | { readonly hostname: string }, name = "server"): number {
  const fetch = (request: Request): Response => {
    const bytes = Number(new URL(request.url).searchParams.get("bytes") ?? 0);
    const headers = { "x-server": name, "x-seen": request.headers.get("x-forwarded-for") ?? "none" };
    return new Response(bytes > 0 ? new Uint8Array(bytes) : name, { headers });
  };
  const server = "unix" in at ? Bun.serve({ unix: at.unix, fetch }) : Bun.serve({ ...at, port: 0, fetch });
  cleanups.push(() => server.stop(true));
  return server.port ?? 0;
}

const loopback6 = (port: number) => ({ kind: "inet", family: 6, host: "::1", port }) as const;

test("a server on a Unix socket serves, bulk data included", async () => {
  const path = join(folder(), "app.sock");
  web({ unix: path });
  const proxy = await proxyTo({ servers: [path], options: { forwardfor: true } });
  const base = `http://127.0.0.1:${proxy.port}/`;
  const answer = await fetch(base);
  expect([await answer.text(), answer.headers.get("x-seen")]).toEqual(["server", "127.0.0.1"]);
  expect((await (await fetch(`${base}?bytes=3000000`)).bytes()).length).toBe(3_000_000);
  expect((await proxy.status()).blocks).toBe(0);
});

test("a Unix socket without anybody behind it is a failed connection: the next server serves", async () => {
  const path = join(folder(), "nobody.sock");
  const port = web({ hostname: "127.0.0.1" });
  const proxy = await proxyTo({ servers: [path, port] });
  for (let i = 0; i < 4; i++) expect((await fetch(`http://127.0.0.1:${proxy.port}/`)).status).toBe(200);
});

test("a frontend on a Unix socket serves and adds no X-Forwarded-For", async () => {
  const path = join(folder(), "web.sock");
  const port = web({ hostname: "127.0.0.1" });
  const proxy = await proxyTo({
    servers: [port],
    options: { forwardfor: true },
    binds: { local: { kind: "unix", path } },
  });
  const answer = await fetch("http://a/?bytes=200000", { unix: path });
  expect([answer.headers.get("x-seen"), (await answer.bytes()).length]).toEqual(["none", 200_000]);
  expect((await proxy.status()).stalled).toEqual([]);
});

test("IPv6 on both sides, the client's address forwarded as people write it", async () => {
  const port = web({ hostname: "::1" });
  const proxy = await proxyTo({
    servers: [{ name: "six", address: loopback6(port) }],
    options: { forwardfor: true },
    binds: { six: loopback6(0) },
  });
  const answer = await fetch(`http://[::1]:${proxy.ports.six}/`);
  expect([await answer.text(), answer.headers.get("x-seen")]).toEqual(["server", "::1"]);
});

test("tcp mode over IPv6 and Unix sockets", async () => {
  const path = join(folder(), "app.sock");
  web({ unix: path });
  const proxy = await proxyTo({ mode: "tcp", servers: [path], binds: { six: loopback6(0) } });
  expect(await (await fetch(`http://[::1]:${proxy.ports.six}/`)).text()).toBe("server");
});

const when = (fetch: string, pattern: object, method: string): NonNullable<RuleConfig["when"]> =>
  ({ kind: "match", fetch, args: [], ignoreCase: false, method, patterns: [pattern] }) as never;

test.each(["http", "tcp"] as const)(
  "rules in %s mode know the address and port that was connected to",
  async (mode) => {
    const [plain, second, six] = [
      web({ hostname: "127.0.0.1" }, "plain"),
      web({ hostname: "127.0.0.1" }, "second"),
      web({ hostname: "127.0.0.1" }, "six"),
    ];
    const network = (address: string, family: 4 | 6, prefixLength: number): object => ({
      kind: "network",
      family,
      address,
      prefixLength,
    });
    const rule = (condition: RuleConfig["when"], backend: string): RuleConfig => ({
      when: condition,
      action: { kind: "use_backend", backend },
      path: "rule",
    });
    const proxy = await proxyTo({
      mode,
      servers: [plain],
      backends: { second: [second], six: [six] },
      binds: { any: { kind: "inet", family: 4, host: "0.0.0.0", port: 0 }, six: loopback6(0) },
      frontend: {
        rules: [
          rule(when("dst", network("127.0.0.2", 4, 32), "ip"), "second"),
          rule(when("dst", network("::1", 6, 128), "ip"), "six"),
        ],
      },
    });
    const ask = async (url: string): Promise<string> => (await fetch(url, { keepalive: false })).text();
    expect(await ask(`http://127.0.0.1:${proxy.ports.any}/`)).toBe("plain");
    expect(await ask(`http://127.0.0.2:${proxy.ports.any}/`)).toBe("second");
    expect(await ask(`http://[::1]:${proxy.ports.six}/`)).toBe("six");
  },
);

test("balance source keeps each IPv6 client at its server", async () => {
  const ports = ["a", "b", "c"].map((name) => web({ hostname: "127.0.0.1" }, name));
  const proxy = await proxyTo({ servers: ports, backend: { balance: "source" }, binds: { six: loopback6(0) } });
  const seen = new Set<string>();
  for (let i = 0; i < 6; i++) {
    seen.add(await (await fetch(`http://[::1]:${proxy.ports.six}/`, { keepalive: false })).text());
  }
  // ::1 XORed word by word is 1, modulo three servers: the second.
  expect([...seen]).toEqual(["b"]);
});
