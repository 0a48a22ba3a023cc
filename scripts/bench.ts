/**
 * Ballast beside HAProxy on the same work, in one run, in alternating rounds.
 *
 *   npm run bench -- [CASE …] [--seconds 4] [--rounds 3] [--binary dist/ballast] [--proxies haproxy,ballast]
 *
 * The proxy with all its processes is pinned to CPU 0; nginx behind it and wrk before it share CPU 1. CPU time is the
 * kernel's own account of the proxy's processes, so it holds on a busy machine; throughput and latency hold less.
 * Prints a Markdown table; the table and every round as JSON are kept under .bench/.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { freePort } from "../test/support/ports.ts";
import { stopAllProcesses } from "../test/support/process.ts";
import { memoryOf } from "./bench/accounting.ts";
import { type BenchCase, benchCases } from "./bench/cases.ts";
import { type CaseResult, markdownTable, type Round } from "./bench/report.ts";
import { makeCertificate, measure, type ProxyName, proxyNames, startBackend, startProxy } from "./bench/stand.ts";

const root = resolve(import.meta.dir, "..");
/** Compilers and pools warm up; those requests are not counted. */
const WARM_UP_SECONDS = 1;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "4" },
    rounds: { type: "string", default: "3" },
    binary: { type: "string", default: join(root, "dist/ballast") },
    proxies: { type: "string", default: proxyNames.join(",") },
  },
});

function usage(message: string): never {
  console.error(`bench: ${message}`);
  process.exit(64);
}

function wholeNumber(name: "seconds" | "rounds", max: number): number {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < 1 || value > max) usage(`--${name} ${values[name]}: wanted 1–${max}`);
  return value;
}

const seconds = wholeNumber("seconds", 60);
const rounds = wholeNumber("rounds", 20);
const binary = resolve(values.binary);
const proxies = values.proxies.split(",").map((name) => {
  if (!(proxyNames as readonly string[]).includes(name))
    usage(`unknown proxy "${name}"; wanted ${proxyNames.join(", ")}`);
  return name as ProxyName;
});
const chosen =
  positionals.length === 0
    ? benchCases
    : positionals.map((name) => {
        const found = benchCases.find((bench) => bench.name === name);
        return found ?? usage(`unknown case "${name}"; wanted ${benchCases.map((bench) => bench.name).join(", ")}`);
      });
if (proxies.includes("ballast") && !existsSync(binary)) usage(`${binary} does not exist; run npm run build first`);

interface Stand {
  readonly folder: string;
  readonly certificate: string;
  readonly backendPort: number;
}

/** Both proxies run side by side and are loaded in turn: A B A B … */
async function runCase(bench: BenchCase, stand: Stand): Promise<CaseResult> {
  const running = [];
  for (const [index, name] of proxies.entries()) {
    const folder = join(stand.folder, `${bench.name}-${index}`);
    mkdirSync(folder, { mode: 0o711 });
    const proxy = await startProxy(name, { ...stand, bench, port: freePort(), folder, workers: 1 }, binary);
    // The same product twice (to see the noise) gets two columns.
    const label = proxies.indexOf(name) === index ? name : `${name} again`;
    running.push({ label, proxy, rounds: [] as Round[] });
  }
  for (const { proxy } of running) await measure(bench, proxy, WARM_UP_SECONDS);
  for (let round = 1; round <= rounds; round++) {
    for (const one of running) {
      const result = await measure(bench, one.proxy, seconds);
      one.rounds.push(result);
      const cpu = result.cpuUsPerRequest.toFixed(1);
      console.error(`${bench.name} round ${round} ${one.label}: ${cpu} µs, ${result.requestsPerSecond.toFixed(0)}/s`);
    }
  }
  for (const { proxy } of running) await proxy.process.stop();
  return {
    name: bench.name,
    title: bench.title,
    rounds: Object.fromEntries(running.map((one) => [one.label, one.rounds])),
  };
}

/** Proportional set size of the whole appliance with two workers after some load, bytes. */
async function applianceMemory(stand: Stand): Promise<number> {
  const bench = benchCases.find(({ name }) => name === "http-small")!;
  const folder = join(stand.folder, "appliance");
  mkdirSync(folder, { mode: 0o711 });
  const proxy = await startProxy("ballast", { ...stand, bench, port: freePort(), folder, workers: 2 }, binary);
  await measure(bench, proxy, WARM_UP_SECONDS * 2);
  const { pssBytes } = memoryOf(proxy.process.pid);
  await proxy.process.stop();
  return pssBytes;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));
const folder = mkdtempSync(join(tmpdir(), "ballast-bench-"));
// Roles that gave up root pass through it to their socket.
chmodSync(folder, 0o711);
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

try {
  const stand: Stand = {
    folder,
    certificate: await makeCertificate(folder),
    backendPort: await startBackend(folder),
  };
  const results: CaseResult[] = [];
  for (const bench of chosen) results.push(await runCase(bench, stand));
  const table = markdownTable(results);
  const appliancePssBytes = proxies.includes("ballast") ? await applianceMemory(stand) : null;
  const footer =
    appliancePssBytes === null
      ? ""
      : `\nBallast with two workers, all processes: ${(appliancePssBytes / 1e6).toFixed(0)} MB PSS\n`;
  console.log(`${table}\n${footer}`);
  mkdirSync(join(root, ".bench"), { recursive: true });
  writeFileSync(join(root, ".bench/latest.md"), `${table}\n${footer}`);
  writeFileSync(
    join(root, ".bench/latest.json"),
    JSON.stringify({ seconds, rounds, results, appliancePssBytes }, null, 2),
  );
} finally {
  await stopAllProcesses();
}
process.exit(0);
