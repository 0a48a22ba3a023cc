/** The same clients land on the same servers as with haproxy's `balance source`. */
import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseIp } from "../../../src/lib/ip.ts";
import { createBalancer, EXCLUDE_NONE, hashAddress } from "../../../src/proxy/balance.ts";
import { ServerTable } from "../../../src/proxy/server-table.ts";
import { freePort } from "../../support/ports.ts";
import { startProcess, stopAllProcesses } from "../../support/process.ts";
import { waitFor } from "../../support/wait.ts";

const directory = mkdtempSync(join(tmpdir(), "ballast-balance-"));
afterEach(stopAllProcesses);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The answer's X-Server for a request from that address of the loopback network. */
function askFrom(source: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, localAddress: source, agent: false }, (response) => {
      response.resume();
      resolve(String(response.headers["x-server"]));
    });
    sent.on("error", reject);
    sent.end();
  });
}

test.each([[[1, 1, 1]], [[1, 2, 4]], [[10, 20, 50, 5]], [[7, 3]]])("source with weights %p", async (weights) => {
  using backend = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("ok") });
  const port = freePort();
  const configuration = join(directory, "haproxy.cfg");
  const servers = weights.map((weight, i) => `  server s${i} 127.0.0.1:${backend.port} weight ${weight}`);
  writeFileSync(
    configuration,
    `defaults
  mode http
  timeout connect 10s
  timeout client 10s
  timeout server 10s
listen web
  bind 127.0.0.1:${port}
  balance source
  http-response set-header X-Server %s
${servers.join("\n")}
`,
  );
  startProcess(["haproxy", "-db", "-f", configuration]);
  await waitFor("haproxy to serve", () => askFrom("127.0.0.1", port));
  const table = new ServerTable(weights.length);
  weights.forEach((weight, i) => table.set(i, weight, true));
  const balancer = createBalancer("source", table);
  const sources = Array.from({ length: 60 }, (_, i) => `127.${(i * 7) % 200}.${i}.${1 + ((i * 37) % 250)}`);
  for (const source of sources) {
    const ours = balancer.pick(hashAddress(parseIp(source)!.bytes, 0, 4), EXCLUDE_NONE);
    expect(`${source} s${ours}`).toBe(`${source} ${await askFrom(source, port)}`);
  }
});
