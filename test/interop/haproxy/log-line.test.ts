/** What haproxy logs, read back field by field and written by us, is the same line. */
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asciiBytes } from "../../../src/http/ascii.ts";
import { parseIp } from "../../../src/lib/ip.ts";
import { LogDate } from "../../../src/proxy/log-date.ts";
import { LogRecord, writeHttpLine, writeTcpLine } from "../../../src/proxy/log-line.ts";
import { writeAddress } from "../../../src/proxy/request-context.ts";
import { freePorts } from "../../support/ports.ts";
import { startProcess, stopAllProcesses } from "../../support/process.ts";
import { waitFor } from "../../support/wait.ts";

const directory = mkdtempSync(join(tmpdir(), "ballast-log-"));
afterEach(async () => {
  await stopAllProcesses();
  rmSync(directory, { recursive: true, force: true });
});

const ORIGIN = String.raw`(?<ci>\S+):(?<cp>\d+) \[(?<date>[^\]]+)\] (?<ft>\w+) (?<b>\w+)/(?<s>\S+)`;
const COUNTS = String.raw`(?<ac>\d+)/(?<fc>\d+)/(?<bc>\d+)/(?<sc>\d+)/(?<redispatched>\+?)(?<rc>\d+) (?<sq>\d+)/(?<bq>\d+)`;
const HTTP = new RegExp(
  `^${ORIGIN} (?<TR>\\S+)/(?<Tw>\\S+)/(?<Tc>\\S+)/(?<Tr>\\S+)/(?<Ta>\\S+) (?<ST>\\S+) (?<B>\\d+) - - (?<cause>..).. ${COUNTS} "(?<request>.*)"$`,
);
const TCP = new RegExp(`^${ORIGIN} (?<Tw>\\S+)/(?<Tc>\\S+)/(?<Ta>\\S+) (?<B>\\d+) (?<cause>..) ${COUNTS}$`);

function wallOf(date: string): number {
  const [, day, hour, minute, second] = /^([^:]+):(\d+):(\d+):(.*)$/.exec(date)!;
  return Date.parse(`${day.replaceAll("/", " ")} ${hour}:${minute}:${second} UTC`);
}

/** Our line for the fields of theirs. */
function rewritten(line: string): string {
  const fields = (HTTP.exec(line) ?? TCP.exec(line))?.groups;
  if (fields === undefined) throw new Error(`not an access-log line: ${line}`);
  const record = new LogRecord();
  const ip = parseIp(fields.ci)!;
  writeAddress(record.source, ip.bytes, 0, ip.bytes.length);
  const request = fields.request === undefined || fields.request === "<BADREQ>" ? "" : fields.request;
  const raw = request.replace(/#([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  Object.assign(record, {
    sourceFamily: ip.family,
    sourcePort: Number(fields.cp),
    wallMs: wallOf(fields.date),
    frontend: asciiBytes(fields.ft),
    backend: asciiBytes(fields.b),
    server: fields.s === "<NOSRV>" ? null : asciiBytes(fields.s),
    requestMs: Number(fields.TR ?? -1),
    queueMs: Number(fields.Tw),
    connectMs: Number(fields.Tc),
    responseMs: Number(fields.Tr ?? -1),
    totalMs: Number(fields.Ta),
    status: Number(fields.ST ?? -1),
    sentBytes: Number(fields.B),
    cause: fields.cause,
    activeConnections: Number(fields.ac),
    frontendConnections: Number(fields.fc),
    backendSessions: Number(fields.bc),
    serverSessions: Number(fields.sc),
    retries: Number(fields.rc),
    redispatched: fields.redispatched === "+",
    serverQueue: Number(fields.sq),
    backendQueue: Number(fields.bq),
    requestBytes: asciiBytes(raw),
    requestEnd: raw.length,
  });
  const target = new Uint8Array(8192);
  const write = fields.request === undefined ? writeTcpLine : writeHttpLine;
  const end = write(target, 0, target.length, record, new LogDate(() => 0));
  return new TextDecoder().decode(target.subarray(0, end));
}

/** Sends bytes, waits for the peer to end. */
function exchange(port: number, bytes: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(Buffer.from(bytes, "latin1")));
    socket.on("data", () => undefined);
    socket.on("close", () => resolve());
    socket.on("error", () => undefined);
  });
}

test("haproxy's own lines come out byte for byte", async () => {
  const [web, tcp, dead] = freePorts(3);
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("hello") });
  const configuration = join(directory, "haproxy.cfg");
  writeFileSync(
    configuration,
    `global
  log stdout len 8192 format raw local0
defaults
  log global
  retries 1
  timeout connect 5s
  timeout client 5s
  timeout server 5s
  timeout http-request 1s
frontend web
  mode http
  bind 127.0.0.1:${web}
  option httplog
  http-request deny if { path_beg /deny }
  redirect location /x if { path_beg /redirect }
  use_backend deadb if { path_beg /dead }
  use_backend empty if { path_beg /empty }
  default_backend app
backend app
  mode http
  server s1 127.0.0.1:${server.port}
backend deadb
  mode http
  option redispatch
  server d1 127.0.0.1:${dead}
  server d2 127.0.0.1:${dead}
backend empty
  mode http
listen t
  mode tcp
  option tcplog
  bind 127.0.0.1:${tcp}
  server s1 127.0.0.1:${server.port}
`,
  );
  const haproxy = startProcess(["haproxy", "-db", "-f", configuration], { env: { ...process.env, TZ: "UTC" } });
  const get = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
  await waitFor("haproxy to listen", async () => (await fetch(`http://127.0.0.1:${web}/up`)).ok);
  const targets = ["/ok?a=b", '/q"#{|}', "/deny", "/redirect", "/dead", "/empty", `/${"a".repeat(1500)}`];
  for (const target of targets) await exchange(web, get(target));
  await exchange(web, "G\u0001ET / HTTP/1.1\r\n\r\n");
  await exchange(web, "GET / HT");
  await exchange(tcp, get("/"));
  const lines = await waitFor("all lines", () => {
    const found = haproxy
      .stdout()
      .split("\n")
      .filter((line) => HTTP.test(line) || TCP.test(line));
    return found.length >= targets.length + 4 && found;
  });
  for (const line of lines) expect(rewritten(line)).toBe(line);
  // The cut is ours as well as theirs: the round trip above cannot show it.
  const long = lines.find((line) => line.includes("aaaa"))!;
  expect(/"(.*)"$/.exec(long)![1]).toHaveLength(1023);
  expect(lines.some((line) => line.includes("<BADREQ>"))).toBe(true);
  expect(lines.some((line) => line.includes("/+1 "))).toBe(true);
});
