/**
 * Programs that the supervisor runs for others: hooks on state changes of VRRP instances and their groups, in order, and
 * the check scripts that roles ask for. It never waits for one and reads nothing that one writes.
 */
import type { BallastEvent, Happening } from "../admin/api.ts";
import type { NotifyConfig } from "../config/types-vrrp.ts";
import type { Config } from "../config/types.ts";
import type { RunScript, ScriptResult } from "../ipc/messages.ts";
import type { Command, CommandResult } from "../notify/command.ts";
import { commandKey, configuredCommands } from "../notify/configured-command.ts";
import { type GroupChange, GroupStates } from "../notify/group-state.ts";
import { fifoLine, groupCall, type HookCall, hookCall, hookCommands, hookKey } from "../notify/hook.ts";
import { HookQueue } from "../notify/hook-queue.ts";
import { CommandRunner, type Launch } from "../notify/shell/command-runner.ts";
import type { Loop, LoopTimer } from "../sys/loop.ts";
import { currentUid } from "../sys/process.ts";
import { HookFifos } from "./hook-fifos.ts";
import { memberships, groupHappening, hooksOf } from "./hook-groups.ts";

export interface HooksOptions {
  readonly loop: Loop;
  /** What happened, for the log and the event stream. */
  readonly tell: (happening: Happening) => void;
  /** What is executed for a command, or why it must not be. */
  readonly launch: (command: Command) => Launch | string;
}

export class Hooks {
  private readonly options: HooksOptions;
  private readonly runner: CommandRunner;
  private readonly queue = new HookQueue<HookCall>();
  private readonly fifos: HookFifos;
  private readonly groups = new GroupStates();
  /** By `hookKey`. */
  private notify: ReadonlyMap<string, NotifyConfig> = new Map();
  /** Of instances and groups that the last reload removed: their last word, that they stop, comes after it. */
  private retired: ReadonlyMap<string, NotifyConfig> = new Map();
  private allowed: ReadonlySet<string> = new Set();
  /** For programs that name none: `user` of [global], or whom the daemon runs as when it cannot change users. */
  private user: string | null = null;
  private onIdle: (() => void) | null = null;
  private limit: LoopTimer | null = null;
  /** Nothing is started any more. */
  private closed = false;

  constructor(options: HooksOptions) {
    this.options = options;
    this.runner = new CommandRunner(options.loop, options.launch);
    this.fifos = new HookFifos((path, trouble) => this.reportFifo(path, trouble));
  }

  /** From now on this configuration's programs; calls that wait are run with what stands in it. */
  configure(config: Config): void {
    const { present, notify } = hooksOf(config.vrrp);
    this.retired = new Map([...this.notify].filter(([key]) => !present.has(key)));
    this.notify = notify;
    this.allowed = configuredCommands(config);
    this.user = currentUid() === 0 ? config.global.user : null;
    this.fifos.keep(new Set([...this.notify.values(), ...this.retired.values()].flatMap(({ fifo }) => fifo ?? [])));
    for (const change of this.groups.configure(memberships(config.vrrp))) this.groupChanged(change);
  }

  /** Every event of the appliance comes here; state changes of instances and of their groups have their hooks run. */
  event(event: BallastEvent): void {
    const call = hookCall(event);
    if (call === null) return;
    this.offer(call);
    for (const change of this.groups.change(call.name, call.stateName)) this.groupChanged(change);
  }

  private groupChanged(change: GroupChange): void {
    this.options.tell(groupHappening(change));
    this.offer(groupCall(change));
  }

  private offer(call: HookCall): void {
    const key = hookKey(call);
    const notify = this.notifyOf(key);
    if (notify === undefined) return;
    if (notify.fifo !== null) this.fifos.write(notify.fifo, fifoLine(call));
    if (hookCommands(notify, call, this.user).length === 0) return;
    const place = this.queue.offer(key, call);
    if (place === "start") this.run(call);
    if (place === "replaced") {
      const text = `${call.name} changes state faster than its hooks run: one change was not told to them`;
      this.options.tell({ level: "warning", kind: "hook.skip", object: call.name, text, fields: {} });
    }
  }

  /** Runs a check script that a role asks for, if it stands in the configuration. */
  runScript(request: RunScript, answer: (result: ScriptResult) => void): void {
    const { id, command: argv, timeoutMs } = request;
    const environment = ownVariables(request.environment ?? {});
    if (!this.allowed.has(commandKey(request))) {
      const reason = "does not stand in the running configuration";
      answer({ id, ok: false, code: null, timedOut: false, durationMs: 0, reason });
      return;
    }
    const user = request.user ?? this.user;
    this.runner.run({ argv, user, timeoutMs, graceMs: 0, environment, output: "ignore" }, (result) =>
      answer({ id, ...result }),
    );
  }

  /**
   * Calls back when no hook runs any more, or after the time; then nothing that was started here lives on. Asked again,
   * the newer time and call take the place of the older.
   */
  finish(withinMs: number, done: () => void): void {
    this.limit?.cancel();
    const end = (): void => {
      this.limit?.cancel();
      this.close();
      done();
    };
    if (this.queue.busy === 0 || withinMs === 0) return end();
    this.onIdle = end;
    this.limit = this.options.loop.after(withinMs, end);
  }

  private close(): void {
    this.closed = true;
    this.onIdle = null;
    this.runner.killAll();
    this.fifos.close();
  }

  private notifyOf(key: string): NotifyConfig | undefined {
    return this.notify.get(key) ?? this.retired.get(key);
  }

  private run(call: HookCall): void {
    if (this.closed) return;
    const notify = this.notifyOf(hookKey(call));
    this.runNext(call, notify ? hookCommands(notify, call, this.user) : []);
  }

  /** The programs of one change, one after the other; a failure of the first does not keep the second back. */
  private runNext(call: HookCall, commands: readonly Command[]): void {
    const [command, ...rest] = commands;
    if (command === undefined) return this.next(hookKey(call));
    this.runner.run(command, (result) => {
      if (this.closed) return;
      this.reportHook(call, command, result);
      this.runNext(call, rest);
    });
  }

  private next(key: string): void {
    const call = this.queue.done(key);
    if (call !== null) this.run(call);
    else if (this.queue.busy === 0) this.onIdle?.();
  }

  private reportHook({ name, state }: HookCall, { argv, user }: Command, result: CommandResult): void {
    const { ok, reason } = result;
    const durationMs = Math.round(result.durationMs);
    const program = argv[0]!;
    this.options.tell({
      level: ok ? "info" : "warning",
      kind: ok ? "hook.run" : "hook.fail",
      object: name,
      text: `${state} hook ${program}: ${ok ? `ended after ${durationMs} ms` : reason}`,
      fields: {
        state,
        program,
        ...(user === null ? {} : { user }),
        duration_ms: durationMs,
        ...(ok ? {} : { reason }),
      },
    });
  }

  private reportFifo(path: string, trouble: string | null): void {
    const text = trouble === null ? `${path} takes lines again` : `${path} ${trouble}`;
    const level = trouble === null ? "notice" : "warning";
    this.options.tell({ level, kind: "hook.fifo", object: path, text, fields: {} });
  }
}

/** A role that was taken over must not reach into a program of root's through LD_PRELOAD and its like. */
function ownVariables(asked: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(asked).filter(([name, value]) => /^BALLAST_[A-Z_]+$/.test(name) && !value.includes("\0")),
  );
}
