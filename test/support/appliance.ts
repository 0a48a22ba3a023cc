/** The built program as an appliance under test: `ballast run` with a configuration, a folder and a socket of its own. */
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import type { BallastEvent, Snapshot } from "../../src/admin/api.ts";
import { adminClient } from "../../src/admin/client.ts";
import { ballastBinary } from "./binary.ts";
import { type Finished, run, startProcess, stopAllProcesses, type TestProcess } from "./process.ts";
import { waitFor } from "./wait.ts";

export interface ApplianceFiles {
  readonly folder: string;
  readonly config: string;
  readonly socket: string;
  readonly pidfile: string;
}

export interface ApplianceOptions {
  /** Words before the program: `prlimit --nofile=256`, `ip netns exec NAME`. */
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** More lines of [global]. */
  readonly global?: string;
  /** Default: until every role runs. */
  readonly isReady?: (snapshot: Snapshot) => boolean;
}

export interface Appliance extends ApplianceFiles {
  readonly process: TestProcess;
  /** pid of a role, `worker/0`, as the kernel knows it now; fails when it does not run: there is no number for that. */
  readonly pidOf: (name: string) => number;
  /** Waits until the role runs as another process than `before`; answers its pid. */
  readonly nextOf: (name: string, before: number) => Promise<number>;
  readonly snapshot: () => Promise<Snapshot>;
  readonly events: () => Promise<readonly BallastEvent[]>;
  /** Writes another configuration (see `applianceFile`). */
  readonly write: (sections: string, global?: string) => void;
  /** Runs a command of the program against this appliance. */
  readonly cli: (words: readonly string[], timeoutMs?: number) => Promise<Finished>;
}

const PIDFILE = "ballast.pid";
const folders: string[] = [];

/** Ends every process of this test file and removes its folders: for afterEach. */
export async function stopAppliances(): Promise<void> {
  await stopAllProcesses();
  for (const folder of folders.splice(0)) {
    killDaemon(join(folder, PIDFILE));
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One that a test started with --daemon and did not stop; its roles end with it. */
function killDaemon(pidfile: string): void {
  if (!existsSync(pidfile)) return;
  const pid = Number(readFileSync(pidfile, "utf8"));
  // The pid may have been given to somebody else since.
  if (commandLine(pid).some((word) => word.startsWith(dirname(pidfile)))) signalPid(pid, "SIGKILL");
}

/** An empty folder that everybody may enter (roles run as nobody), with the names of what goes into it. */
export function applianceFiles(): ApplianceFiles {
  const folder = mkdtempSync(join(tmpdir(), "ballast-e2e-"));
  folders.push(folder);
  chmodSync(folder, 0o755);
  return {
    folder,
    config: join(folder, "ballast.toml"),
    socket: join(folder, "ballast.sock"),
    pidfile: join(folder, PIDFILE),
  };
}

/** Writes the configuration: `sections` with [global] and [admin] before it. */
export function applianceFile(files: ApplianceFiles, sections: string, global = ""): void {
  const workers = /^workers *=/m.test(global) ? "" : "workers = 1\n";
  const head = `[global]\nnode = "test"\n${workers}pidfile = "${files.pidfile}"\n${global}\n`;
  writeFileSync(files.config, `${head}[admin]\nsocket = "${files.socket}"\n${sections}`);
}

/** Starts it and waits until every role runs; fails with its own words when it ends before. */
export async function startAppliance(sections: string, options: ApplianceOptions = {}): Promise<Appliance> {
  const files = applianceFiles();
  applianceFile(files, sections, options.global);
  const { prefix = [], env = {}, isReady = everythingRuns } = options;
  const started = startProcess([...prefix, ballastBinary(), "-c", files.config, "run"], { env });
  const client = adminClient(files.socket);
  await waitFor("the appliance to run", async () => {
    if (started.exitCode() !== null) return true;
    const answer = await client.snapshot();
    return answer.ok && isReady(answer.value);
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${started.stderr()}`);
  });
  if (started.exitCode() !== null) throw new Error(`ended with ${started.exitCode()}: ${started.stderr()}`);
  const running = (name: string): number | undefined => rolesOf(supervisorPid(files)).get(name);
  return {
    ...files,
    process: started,
    pidOf: (name) => {
      const pid = running(name);
      if (pid === undefined) throw new Error(`${name} does not run`);
      return pid;
    },
    nextOf: (name, before) =>
      waitFor(`the next ${name}`, () => {
        // One look: a second one may find it between two programs.
        const pid = running(name);
        return pid === before ? null : pid;
      }),
    snapshot: async () => unwrap(await client.snapshot()),
    events: async () => unwrap(await client.events(0)),
    write: (next, global = options.global) => applianceFile(files, next, global),
    cli: (words, timeoutMs) => run([ballastBinary(), "-c", files.config, "-S", files.socket, ...words], timeoutMs),
  };
}

export function everythingRuns({ processes, startedWallMs }: Snapshot): boolean {
  return startedWallMs > 0 && processes.length > 1 && processes.every(({ state }) => state === "running");
}

/** From the pidfile: a prefix may have forked. */
export function supervisorPid({ pidfile }: ApplianceFiles): number {
  const pid = Number(readFileSync(pidfile, "utf8"));
  if (!Number.isInteger(pid) || pid <= 1) throw new Error(`no pid in ${pidfile}`);
  return pid;
}

/**
 * Signals one process of the program under test, or its whole group. kill(2) takes 0 and -1 for everybody, so anything
 * that is not certainly ours is an error of the test and is not sent.
 */
export function signalPid(pid: number, signal: NodeJS.Signals, target: "process" | "group" = "process"): void {
  const isOurs = Number.isInteger(pid) && pid > 1 && basename(commandLine(pid)[0] ?? "") === "ballast";
  if (!isOurs) throw new Error(`${signal} to process ${pid}, which is not a ballast`);
  process.kill(target === "group" ? -pid : pid, signal);
}

/** Name of each role process of a supervisor → pid. */
export function rolesOf(supervisor: number): ReadonlyMap<string, number> {
  const roles = new Map<string, number>();
  for (const pid of childrenOf(supervisor)) {
    const [, word = "", role = "", index = ""] = commandLine(pid);
    if (word === "__role") roles.set(role === "worker" ? `worker/${index}` : role, pid);
  }
  return roles;
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => parentOf(candidate) === pid);
}

function parentOf(pid: number): number {
  try {
    // The name in parentheses may hold spaces; the parent is the second word after it.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    // It ended in between.
    return -1;
  }
}

function commandLine(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    // It ended in between.
    return [];
  }
}

/** True while the process exists and is not a zombie. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    // Gone.
    return false;
  }
}

function unwrap<T>(
  answer: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: { readonly text: string } },
): T {
  if (answer.ok) return answer.value;
  throw new Error(answer.error.text);
}
