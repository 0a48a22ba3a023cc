/** The test stand: certificate, nginx and the two proxies as pinned processes, and one measured round. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { accepts, freePort } from "../../test/support/ports.ts";
import { mustRun, startProcess, type TestProcess } from "../../test/support/process.ts";
import { waitFor } from "../../test/support/wait.ts";
import { cpuOf, memoryOf } from "./accounting.ts";
import { type BenchCase, LARGE_BYTES, SMALL_BODY } from "./cases.ts";
import { ballastConfig, haproxyConfig, nginxConfig, type ProxySetup } from "./configs.ts";
import type { Round } from "./report.ts";
import { parseWrk } from "./wrk.ts";

/** The proxy has a CPU of its own; backend and load share the other. */
const PROXY_CPU = "0";
const LOAD_CPU = "1";
const START_TIMEOUT_MS = 10_000;

export const proxyNames = ["haproxy", "ballast"] as const;
export type ProxyName = (typeof proxyNames)[number];

export interface Proxy {
  readonly url: string;
  readonly process: TestProcess;
}

function pinned(cpu: string, command: readonly string[]): string[] {
  return ["taskset", "-c", cpu, ...command];
}

/** A self-signed P-256 certificate with its key in one PEM file. */
export async function makeCertificate(folder: string): Promise<string> {
  const [key, chain, pem] = ["key.pem", "chain.pem", "bench.pem"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "2"];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await mustRun(["openssl", "req", "-x509", ...curve, ...subject, "-keyout", key, "-out", chain]);
  writeFileSync(pem, (await Bun.file(chain).text()) + (await Bun.file(key).text()), { mode: 0o600 });
  return pem;
}

/** Starts nginx and answers its port. */
export async function startBackend(folder: string): Promise<number> {
  const port = freePort();
  mkdirSync(join(folder, "www"));
  writeFileSync(join(folder, "www/large"), Buffer.alloc(LARGE_BYTES, "ballast "));
  writeFileSync(join(folder, "nginx.conf"), nginxConfig(port, folder, SMALL_BODY));
  const command = ["nginx", "-p", folder, "-e", `${folder}/nginx.log`, "-c", `${folder}/nginx.conf`];
  await listening(startProcess(pinned(LOAD_CPU, command)), port, "nginx");
  return port;
}

/** Starts one proxy for the case, pinned with everything it starts. */
export async function startProxy(name: ProxyName, setup: ProxySetup, binary: string): Promise<Proxy> {
  const file = join(setup.folder, name === "haproxy" ? "haproxy.cfg" : "ballast.toml");
  writeFileSync(file, name === "haproxy" ? haproxyConfig(setup) : ballastConfig(setup));
  const command = name === "haproxy" ? ["haproxy", "-db", "-f", file] : [binary, "-c", file, "run"];
  const child = startProcess(pinned(PROXY_CPU, command));
  await listening(child, setup.port, name);
  const url = `${setup.bench.tls ? "https" : "http"}://127.0.0.1:${setup.port}${setup.bench.path}`;
  return { url, process: child };
}

async function listening(child: TestProcess, port: number, who: string): Promise<void> {
  await waitFor(
    `${who} to listen on port ${port}`,
    async () => child.exitCode() !== null || (await accepts(port)),
    START_TIMEOUT_MS,
  );
  if (child.exitCode() !== null)
    throw new Error(`${who} ended with ${child.exitCode()}:\n${child.stderr()}${child.stdout()}`);
}

/** Loads a proxy for `seconds` and reads its accounts before and after. */
export async function measure(bench: BenchCase, proxy: Proxy, seconds: number): Promise<Round> {
  const headers = bench.headers.flatMap((header) => ["-H", header]);
  const wrk = ["wrk", "--latency", "-t1", `-c${bench.connections}`, `-d${seconds}s`, ...headers, proxy.url];
  const before = cpuOf(proxy.process.pid);
  const load = parseWrk(await mustRun(pinned(LOAD_CPU, wrk), seconds * 1000 + 15_000));
  const after = cpuOf(proxy.process.pid);
  const memory = memoryOf(proxy.process.pid);
  const userUs = after.userUs - before.userUs;
  const systemUs = after.systemUs - before.systemUs;
  return {
    userUsPerRequest: userUs / load.requests,
    systemUsPerRequest: systemUs / load.requests,
    cpuUsPerRequest: (userUs + systemUs) / load.requests,
    requestsPerSecond: load.requests / load.seconds,
    bytesPerSecond: load.readBytes / load.seconds,
    p50Us: load.p50Us,
    p99Us: load.p99Us,
    ...memory,
    errors: load.errors,
  };
}
