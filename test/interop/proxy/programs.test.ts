/** The built program between other people's programs: nginx behind it; curl, wrk, h2load and a WebSocket client before it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseWrk } from "../../../scripts/bench/wrk.ts";
import { type Appliance, startAppliance, stopAppliances } from "../../support/appliance.ts";
import { accepts, freePorts } from "../../support/ports.ts";
import { mustRun, run, startProcess } from "../../support/process.ts";
import { waitFor } from "../../support/wait.ts";

const folder = mkdtempSync(join(tmpdir(), "ballast-programs-"));
const [webPort, tcpPort, nginxPort] = freePorts(3);
const large = randomBytes(5_000_000);
let appliance: Appliance;
let chat: Bun.Server<undefined>;

beforeAll(async () => {
  for (const name of ["logs", "www", "upload"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "www/large"), large);
  writeFileSync(join(folder, "www/small"), "small\n");
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log crit;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000; client_max_body_size 0; client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  server {
    listen 127.0.0.1:${nginxPort} backlog=1024;
    root ${folder}/www;
    gzip on; gzip_min_length 1; gzip_types text/plain;
    location = /headers { default_type text/plain; return 200 "$http_host|$http_x_forwarded_for|$http_connection\\n"; }
    location = /status { return 204; }
    location /upload/ { root ${folder}; dav_methods PUT; create_full_put_path on; }
  }
}
`,
  );
  startProcess(["nginx", "-p", folder, "-e", `${folder}/error.log`, "-c", join(folder, "nginx.conf")]);
  await waitFor("nginx to listen", () => accepts(nginxPort));
  chat = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("no", { status: 400 })),
    websocket: { message: (socket, message) => void socket.send(message) },
  } as Bun.Serve.Options<undefined>);
  appliance = await startAppliance(
    `[defaults]
timeouts = { connect = "2s", client = "10s", server = "10s" }
[frontend.web]
mode = "http"
bind = ["127.0.0.1:${webPort}"]
options = ["forwardfor"]
default_backend = "nginx"
[[frontend.web.rules]]
when = "path_beg /chat"
use_backend = "chat"
[backend.nginx]
mode = "http"
servers = [{ name = "n1", address = "127.0.0.1:${nginxPort}", check = false }]
[backend.chat]
mode = "http"
servers = [{ name = "c1", address = "127.0.0.1:${chat.port}", check = false }]
[listen.plain]
mode = "tcp"
bind = ["127.0.0.1:${tcpPort}"]
servers = [{ name = "n1", address = "127.0.0.1:${nginxPort}", check = false }]
`,
    { global: "workers = 2\n" },
  );
});

afterAll(async () => {
  await stopAppliances();
  await chat.stop(true);
  rmSync(folder, { recursive: true, force: true });
});

const url = (path: string, port = webPort): string => `http://127.0.0.1:${port}${path}`;
const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

test("curl: headers, HEAD, compression, ranges and an upload of five megabytes", async () => {
  expect(await mustRun(["curl", "-s", url("/headers")])).toBe(`127.0.0.1:${webPort}|127.0.0.1|\n`);
  expect(await mustRun(["curl", "-sI", url("/large")])).toMatch(
    /^HTTP\/1\.1 200 OK\r\n[^]*Content-Length: 5000000\r\n/,
  );
  const zipped = await mustRun(["curl", "-s", "--compressed", "-D", "-", url("/headers")]);
  expect(zipped).toContain("Content-Encoding: gzip");
  expect(zipped).toContain("Transfer-Encoding: chunked");
  const part = await mustRun([
    "curl",
    "-s",
    "-r",
    "0-99",
    "-o",
    "/dev/null",
    "-w",
    "%{http_code} %{size_download}",
    url("/large"),
  ]);
  expect(part).toBe("206 100");
  const file = join(folder, "sent");
  writeFileSync(file, large);
  // curl asks with Expect: 100-continue before it sends so much; both ways of framing it.
  for (const [name, words] of [
    ["a", []],
    ["b", ["-H", "Transfer-Encoding: chunked"]],
  ] as const) {
    const code = ["-s", "-o", "/dev/null", "-w", "%{http_code}"];
    expect(await mustRun(["curl", ...code, ...words, "-T", file, url(`/upload/${name}`)])).toBe("201");
    expect(sha(await Bun.file(join(folder, "upload", name)).bytes())).toBe(sha(large));
  }
  const down = join(folder, "received");
  await mustRun(["curl", "-s", "-o", down, url("/large"), "--next", "-s", "-o", "/dev/null", url("/status")]);
  expect(sha(await Bun.file(down).bytes())).toBe(sha(large));
});

test("curl: HTTP/1.0 and many requests over one connection", async () => {
  const old = await mustRun(["curl", "-s", "-0", "-D", "-", url("/small")]);
  expect(old).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*small\n$/);
  const format = "%{num_connects} %{http_code}\\n";
  const many = Array.from({ length: 20 }, (_, i) => [
    ...(i > 0 ? ["--next"] : []),
    "-s",
    "-o",
    "/dev/null",
    "-w",
    format,
    url("/small"),
  ]);
  const lines = (await mustRun(["curl", ...many.flat()])).trim().split("\n");
  expect(lines).toEqual(["1 200", ...Array.from({ length: 19 }, () => "0 200")]);
});

test.each([
  ["http", webPort],
  ["tcp", tcpPort],
])("wrk: no failed request in %s mode", async (_, port) => {
  const report = parseWrk(await mustRun(["wrk", "--latency", "-t1", "-c32", "-d1s", url("/small", port)], 10_000));
  expect(report.errors).toBe(0);
  expect(report.requests).toBeGreaterThan(500);
});

test("h2load --h1: every request of pipelining clients succeeds", async () => {
  const text = await mustRun(["h2load", "--h1", "-n", "3000", "-c", "16", "-m", "8", url("/small")], 15_000);
  expect(text).toContain("3000 total, 3000 started, 3000 done, 3000 succeeded, 0 failed, 0 errored, 0 timeout");
  expect(text).toContain("status codes: 3000 2xx");
});

test("a WebSocket client sends and receives small and large messages, and the close passes", async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${webPort}/chat`);
  socket.binaryType = "arraybuffer";
  const closed = new Promise<number>((resolve) => socket.addEventListener("close", ({ code }) => resolve(code)));
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("error", () => reject(new Error("the upgrade failed")));
  });
  const echo = (message: string | Uint8Array): Promise<unknown> => {
    const answer = new Promise<unknown>((resolve) =>
      socket.addEventListener("message", ({ data }) => resolve(data), { once: true }),
    );
    socket.send(message);
    return answer;
  };
  for (let i = 0; i < 50; i++) expect(await echo(`message ${i}`)).toBe(`message ${i}`);
  const bytes = randomBytes(2_000_000);
  expect(sha(new Uint8Array((await echo(bytes)) as ArrayBuffer))).toBe(sha(bytes));
  socket.close(4001, "done");
  expect(await closed).toBe(4001);
});

test("nothing is left of all that, and the figures know it", async () => {
  await waitFor("all connections to be gone", async () => (await appliance.snapshot()).limits.connections === 0);
  const { frontends, backends, problems } = await appliance.snapshot();
  expect(problems).toEqual([]);
  const [web] = frontends;
  expect(web!.responses[1]).toBeGreaterThan(3000);
  expect(web!.responses.slice(3)).toEqual([0, 0]);
  expect(backends.map(({ sessions, queue }) => [sessions, queue])).toEqual(backends.map(() => [0, 0]));
  expect((await run(["grep", "-c", "crit\\|alert\\|emerg", join(folder, "error.log")])).stdout.trim()).toBe("0");
});
