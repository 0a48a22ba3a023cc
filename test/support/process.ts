/**
 * Child processes that cannot outlive a test: each leads a process group of its own, which is killed by `stop`,
 * by `stopAllProcesses` (call it in afterEach or afterAll) and, when the runner itself ends, by an exit handler.
 */
import { PATIENCE_MS, waitFor } from "./wait.ts";

/** Output kept per stream; a test that needs more has a runaway child. */
const OUTPUT_CHARACTERS_MAX = 4 * 1024 * 1024;
const STOP_GRACE_MS = 5000;
/** What a program wrote before its end is in the pipe; a busy reader needs a moment to take it out. */
const LAST_OUTPUT_MS = 2000;

export interface StartOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface TestProcess {
  readonly pid: number;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Exit code, null while it runs; 128 + signal number when a signal ended it. */
  readonly exitCode: () => number | null;
  /** Settles when it has ended and its output is here. */
  readonly exited: Promise<number>;
  readonly signal: (name: NodeJS.Signals) => void;
  /** Waits for text on either stream; fails with all output when the process ends first. */
  readonly waitForOutput: (pattern: RegExp, timeoutMs?: number) => Promise<RegExpMatchArray>;
  /** SIGTERM to the process, SIGKILL to the whole group 5 s later or when it has ended. Answers the exit code. */
  readonly stop: (name?: NodeJS.Signals) => Promise<number>;
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<TestProcess>();

function killGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch {
    // ESRCH: the whole group has ended already, which is what was wanted.
  }
}

process.on("exit", () => {
  for (const child of running) killGroup(child.pid, "SIGKILL");
});

/** Starts a program in its own process group and collects its output. */
export function startProcess(command: readonly string[], options: StartOptions = {}): TestProcess {
  const output = { stdout: "", stderr: "" };
  const child = Bun.spawn([...command], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const collected = Promise.all([
    collect(child.stdout, (text) => (output.stdout = append(output.stdout, text))),
    collect(child.stderr, (text) => (output.stderr = append(output.stderr, text))),
  ]);
  let code: number | null = null;
  // Ended means that what it said is here as well. A grandchild may hold the pipe for longer than anybody waits.
  const exited = child.exited.then(async (value) => {
    await Promise.race([collected, Bun.sleep(LAST_OUTPUT_MS)]);
    return (code = value);
  });

  const started: TestProcess = {
    pid: child.pid,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    exitCode: () => code,
    exited,
    signal: (name) => child.kill(name),
    waitForOutput: (pattern, timeoutMs = PATIENCE_MS) =>
      waitForOutput(command.join(" "), pattern, output, () => code, timeoutMs),
    stop: async (name = "SIGTERM") => {
      if (code === null) child.kill(name);
      await Promise.race([child.exited, Bun.sleep(STOP_GRACE_MS)]);
      killGroup(child.pid, "SIGKILL");
      const result = await exited;
      running.delete(started);
      return result;
    },
  };
  running.add(started);
  return started;
}

/** Ends every process that this test file started. */
export async function stopAllProcesses(): Promise<void> {
  await Promise.all([...running].map((child) => child.stop()));
}

/** Runs a program to its end; killed with its group after `timeoutMs`, which fails. */
export async function run(
  command: readonly string[],
  timeoutMs = 30_000,
  options: StartOptions = {},
): Promise<Finished> {
  const child = startProcess(command, options);
  const late = Symbol("late");
  const timer = Promise.withResolvers<typeof late>();
  const handle = setTimeout(() => timer.resolve(late), timeoutMs);
  const outcome = await Promise.race([child.exited, timer.promise]);
  clearTimeout(handle);
  await child.stop("SIGKILL");
  if (typeof outcome === "symbol")
    throw new Error(`${command.join(" ")} still ran after ${timeoutMs} ms\n${child.stderr()}`);
  return { code: outcome, stdout: child.stdout(), stderr: child.stderr() };
}

/** As `run`, and fails with the program's own words unless it ends with 0. Answers stdout. */
export async function mustRun(
  command: readonly string[],
  timeoutMs = 30_000,
  options: StartOptions = {},
): Promise<string> {
  const result = await run(command, timeoutMs, options);
  if (result.code !== 0) throw new Error(`${command.join(" ")}: exit ${result.code}\n${result.stderr}${result.stdout}`);
  return result.stdout;
}

async function collect(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }));
}

function append(held: string, text: string): string {
  const whole = held + text;
  return whole.length > OUTPUT_CHARACTERS_MAX ? whole.slice(-OUTPUT_CHARACTERS_MAX) : whole;
}

async function waitForOutput(
  command: string,
  pattern: RegExp,
  output: { readonly stdout: string; readonly stderr: string },
  exitCode: () => number | null,
  timeoutMs: number,
): Promise<RegExpMatchArray> {
  const found = (): RegExpMatchArray | null => output.stdout.match(pattern) ?? output.stderr.match(pattern);
  const ended = await waitFor(`${pattern} from ${command}`, () => found() !== null || exitCode() !== null, timeoutMs)
    .then(() => null)
    .catch((error: unknown) => error);
  const match = found();
  if (match !== null) return match;
  const why = ended instanceof Error ? ended.message : `${command} ended with ${exitCode()} before it said ${pattern}`;
  throw new Error(`${why}\nstdout: ${output.stdout}\nstderr: ${output.stderr}`);
}
