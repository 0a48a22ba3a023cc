/**
 * Runs programs for the daemon: check scripts and hooks. Each is a session of its own with a clean environment and the
 * rights of its user, has a time limit, and is killed as a process group when it is late. Nobody waits for one: the
 * answer comes as a call, and it comes also when the program cannot be killed.
 */
import { assert } from "../../lib/result.ts";
import { monoNow } from "../../sys/clock.ts";
import type { Loop, LoopTimer } from "../../sys/loop.ts";
import { SIGNAL, signalProcess } from "../../sys/process.ts";
import { type Command, type CommandResult, ended, late, notStarted } from "../command.ts";

/** A process that the kernel does not let die (waiting for a dead disk) is answered for after this. */
const UNKILLABLE_AFTER_MS = 1000;
/** 255 instances with a hook and a check each would be fewer; more at once means that they do not end. */
const RUNNING_MAX = 256;
/** What scripts expect to find; nothing of the daemon's own environment, which may hold secrets. */
const SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What is executed for a command. */
export interface Launch {
  readonly argv: readonly string[];
  /** Changed to before it is executed; supplementary groups and capabilities go. null: the daemon's own user. */
  readonly identity: { readonly uid: number; readonly gid: number } | null;
}

interface Run {
  readonly pid: number;
  readonly command: Command;
  readonly startedAtMs: number;
  readonly done: (result: CommandResult) => void;
  timer: LoopTimer;
  isLate: boolean;
  answered: boolean;
}

export class CommandRunner {
  private readonly loop: Loop;
  private readonly launch: (command: Command) => Launch | string;
  private readonly runs = new Set<Run>();

  /** `launch` turns a command into what is executed, or says why it must not be. */
  constructor(loop: Loop, launch: (command: Command) => Launch | string) {
    this.loop = loop;
    this.launch = launch;
  }

  /** Processes that have not ended yet. */
  get running(): number {
    return this.runs.size;
  }

  /** Starts the command; `done` is called once, never before this returns. */
  run(command: Command, done: (result: CommandResult) => void): void {
    const refusal = this.start(command, done);
    if (refusal !== null) this.loop.defer(() => done(notStarted(refusal)));
  }

  /** SIGKILL to every group: the daemon ends. */
  killAll(): void {
    for (const run of this.runs) killGroup(run.pid, SIGNAL.KILL);
  }

  private start(command: Command, done: (result: CommandResult) => void): string | null {
    if (this.runs.size >= RUNNING_MAX) return `${RUNNING_MAX} other programs have not ended yet`;
    const launch = this.launch(command);
    if (typeof launch === "string") return launch;
    const { identity } = launch;
    try {
      const child = Bun.spawn({
        cmd: [...launch.argv],
        cwd: "/",
        env: { PATH: SEARCH_PATH, ...command.environment },
        stdio: ["ignore", command.output === "inherit" ? 2 : "ignore", command.output],
        detached: true,
        ...(identity === null ? {} : { uid: identity.uid, gid: identity.gid }),
        onExit: (process, code) => this.onExit(run, code, String(process.signalCode)),
      });
      const run: Run = {
        pid: child.pid,
        command,
        startedAtMs: monoNow(),
        done,
        timer: this.loop.after(command.timeoutMs, () => this.onLate(run)),
        isLate: false,
        answered: false,
      };
      this.runs.add(run);
      return null;
    } catch (error) {
      return `cannot be started: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  private onExit(run: Run, code: number | null, signal: string): void {
    this.runs.delete(run);
    run.timer.cancel();
    const durationMs = monoNow() - run.startedAtMs;
    if (!run.isLate) return this.answer(run, ended(code, signal, durationMs));
    // Children that took no notice of SIGTERM; the group keeps its number for as long as one of them lives.
    killGroup(run.pid, SIGNAL.KILL);
    this.answer(run, late(run.command, durationMs));
  }

  private onLate(run: Run): void {
    run.isLate = true;
    if (run.command.graceMs === 0) return this.kill(run);
    killGroup(run.pid, SIGNAL.TERM);
    run.timer = this.loop.after(run.command.graceMs, () => this.kill(run));
  }

  private kill(run: Run): void {
    killGroup(run.pid, SIGNAL.KILL);
    run.timer = this.loop.after(UNKILLABLE_AFTER_MS, () =>
      this.answer(run, late(run.command, monoNow() - run.startedAtMs)),
    );
  }

  private answer(run: Run, result: CommandResult): void {
    if (run.answered) return;
    run.answered = true;
    run.done(result);
  }
}

/** ESRCH: all of it has ended already, which is what is wanted. */
function killGroup(pid: number, signal: number): void {
  // kill(2): 0 and -1 would mean this process's own group, and everybody.
  assert(pid > 1, `process group ${pid}`);
  signalProcess(-pid, signal);
}
