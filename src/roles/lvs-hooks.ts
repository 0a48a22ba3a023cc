/**
 * The commands of [virtual_server.NAME.notify]: those of one virtual server run one after the other, so that the last
 * one to run tells of the last change. As with keepalived they get the arguments that stand in the file and no others;
 * what it is about stands in their environment.
 */
import type { LvsCommandConfig, VirtualServerConfig } from "../config/types-lvs.ts";
import type { ScriptDesk } from "./script-desk.ts";

export interface LvsHook {
  readonly virtual: string;
  readonly hook: LvsCommandConfig;
  readonly timeoutMs: number;
  /** Names begin with BALLAST_. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface LvsHooksOptions {
  readonly desk: ScriptDesk;
  /** A run that did not end well, or did not take place. */
  readonly onFail: (hook: LvsHook, reason: string) => void;
}

/** Of one virtual server: a thousand real servers may go down at once, and come back while the first hooks run. */
const WAITING_MAX = 2048;

export class LvsHooks {
  private readonly options: LvsHooksOptions;
  /** By virtual server; the first of each runs. */
  private readonly queues = new Map<string, LvsHook[]>();
  private onIdle: (() => void) | null = null;

  constructor(options: LvsHooksOptions) {
    this.options = options;
  }

  /** A real server, or the quorum when `real` is null, went up or down: runs what the file has for that. */
  tell({ name, notify }: VirtualServerConfig, to: "up" | "down", real: string | null): void {
    if (notify === null) return;
    const ofQuorum = to === "up" ? notify.quorumUp : notify.quorumDown;
    const ofServer = to === "up" ? notify.up : notify.down;
    const hook = real === null ? ofQuorum : ofServer;
    if (hook === null) return;
    const about = real === null ? {} : { BALLAST_REAL_SERVER: real };
    const environment = { BALLAST_VIRTUAL_SERVER: name, ...about, BALLAST_STATE: to };
    this.run({ virtual: name, hook, timeoutMs: notify.timeoutMs, environment });
  }

  private run(hook: LvsHook): void {
    const queue = this.queues.get(hook.virtual);
    if (queue === undefined) {
      this.queues.set(hook.virtual, [hook]);
      this.start(hook);
    } else if (queue.length < WAITING_MAX) queue.push(hook);
    else this.options.onFail(hook, `${WAITING_MAX} runs wait already`);
  }

  /** Calls back once when nothing runs or waits; at once when that is so now. */
  whenIdle(done: () => void): void {
    if (this.queues.size === 0) done();
    else this.onIdle = done;
  }

  private start(hook: LvsHook): void {
    const { desk, onFail } = this.options;
    const { hook: script, timeoutMs, environment } = hook;
    desk.run(
      script,
      timeoutMs,
      (code, reason) => {
        if (code !== 0) onFail(hook, reason);
        this.next(hook.virtual);
      },
      environment,
    );
  }

  private next(virtual: string): void {
    const queue = this.queues.get(virtual) ?? [];
    queue.shift();
    const [following] = queue;
    if (following !== undefined) return this.start(following);
    this.queues.delete(virtual);
    const { onIdle } = this;
    if (this.queues.size > 0 || onIdle === null) return;
    this.onIdle = null;
    onIdle();
  }
}
