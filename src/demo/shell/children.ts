/** The demo's children: started in sessions of their own, so that a Ctrl-C reaches only the demo, which stops them in order. */

const STOP_GRACE_MS = 4_000;
/** The end of a child's stderr is kept for the message that says why it failed. */
const STDERR_CHARACTERS_MAX = 4_000;

/** How the demo calls its own program. */
export interface Self {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export interface Child {
  readonly pid: number;
  readonly exited: Promise<number>;
  readonly running: () => boolean;
  readonly stderr: () => string;
  readonly write: (line: string) => void;
  /** SIGTERM, and SIGKILL when that is not enough. */
  readonly stop: () => Promise<void>;
  readonly kill: () => Promise<void>;
}

/** Starts a child; every line of its stdout goes to `onLine`. It ends when this process dies, however it dies. */
export function startChild(
  self: Self,
  prefix: readonly string[],
  words: readonly string[],
  onLine: (line: string) => void,
): Child {
  const command = [...dieWithParent(), ...prefix, ...self.command, ...words];
  const child = Bun.spawn(command, {
    stdio: ["pipe", "pipe", "pipe"],
    env: self.environment,
    detached: true,
  });
  let running = true;
  let errors = "";
  const exited = child.exited.then((code) => {
    running = false;
    return code;
  });
  void eachLine(child.stdout, onLine);
  void eachLine(child.stderr, (line) => (errors = `${errors}${line}\n`.slice(-STDERR_CHARACTERS_MAX)));
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!running) return;
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS);
    await exited;
    clearTimeout(timer);
  };
  return {
    pid: child.pid,
    exited,
    running: () => running,
    stderr: () => errors,
    write: (line) => {
      if (!running) return;
      child.stdin.write(`${line}\n`);
      void child.stdin.flush();
    },
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
  };
}

/** util-linux's setpriv, where it is installed: the kernel then ends the child with us, even after SIGKILL. */
function dieWithParent(): readonly string[] {
  const setpriv = Bun.which("setpriv");
  return setpriv === null ? [] : [setpriv, "--pdeathsig", "TERM", "--"];
}

async function eachLine(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  }
  if (rest !== "") take(rest);
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a short command to its end, at most `timeoutMs`. */
export async function runCommand(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
  timeoutMs = 5_000,
): Promise<Finished> {
  const child = Bun.spawn([...command], {
    stdio: ["ignore", "pipe", "pipe"],
    env: environment,
    timeout: timeoutMs,
    detached: true,
  });
  const [code, stdout, stderr] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
  return { code, stdout, stderr };
}
