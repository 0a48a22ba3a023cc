/**
 * The role processes of the appliance: started, watched, ended, and started again when they end against orders.
 *
 *                  ready                     by order
 *   starting ───────────────▶ running ─────────────────────▶ draining ──▶ (gone)
 *      ▲   │                     │
 *      │   └──────┬──────────────┘  ended, hung or not startable
 *      │          ▼
 *      └───── restarting (back-off)
 */
import type { ProcessStatus } from "../admin/api.ts";
import type { RoleName } from "../ipc/messages.ts";
import type { Channel } from "../ipc/shell/channel.ts";
import { headerWords } from "../stats/layout.ts";
import { monoNow, wallNow } from "../sys/clock.ts";
import type { Loop } from "../sys/loop.ts";
import { SIGNAL } from "../sys/process.ts";
import { afterExit } from "./backoff.ts";
import { Child, type ChildOptions } from "./child.ts";
import { freshPulse, isSilent, PULSE_INTERVAL_MS, SILENCE_MAX_MS, START_WITHIN_MS, takePulse } from "./pulse.ts";
import { newProcess, processName, type RoleProcess } from "./role-process.ts";
import { COUNTERS_VARIABLE } from "./role-main.ts";
import { roleTable } from "./table.ts";

/** What a role gets on top of its deadline before it is killed. */
const KILL_GRACE_MS = 1000;
/** Drain without limit (SIGQUIT) as a number of milliseconds: about 24 days, the longest that fits 31 bits. */
export const DRAIN_FOREVER_MS = 0x7fffffff;

export interface ProcessTableOptions {
  readonly loop: Loop;
  /** The header words of the shared counters, with the roles' heartbeats. */
  readonly header: Int32Array;
  readonly countersPath: string;
  readonly drop: ChildOptions["drop"];
  /** What a role keeps of the rights under the running configuration. */
  readonly rightsOf: (role: RoleName) => string;
  /** One of this role that is still ending makes room at once under the running configuration. */
  readonly makesRoom: (role: RoleName) => boolean;
  /** A process runs: wire its channel and tell it what to do. */
  readonly onStart: (process: RoleProcess, channel: Channel) => void;
  /** A process ended against orders; it starts again in `delayMs`. */
  readonly onLost: (process: RoleProcess, how: string, delayMs: number) => void;
  /** A process that was told to end has ended; it is no longer in the table. */
  readonly onLeft: (process: RoleProcess) => void;
  /** A process is killed because it gave no sign of life. */
  readonly onHung: (process: RoleProcess, silentMs: number) => void;
  /** Something that the admin API shows has changed. */
  readonly onChange: () => void;
}

export class ProcessTable {
  private readonly options: ProcessTableOptions;
  private readonly processes = new Map<string, RoleProcess>();
  private closing = false;

  constructor(options: ProcessTableOptions) {
    this.options = options;
    options.loop.every(PULSE_INTERVAL_MS, () => this.watch());
  }

  get all(): readonly RoleProcess[] {
    return [...this.processes.values()];
  }

  of(role: RoleName): readonly RoleProcess[] {
    return this.all.filter((process) => process.role === role);
  }

  /** Channels of the processes of these roles that run. */
  channels(...roles: readonly RoleName[]): readonly Channel[] {
    return this.all.flatMap(({ role, child }) => (child && roles.includes(role) ? [child.channel] : []));
  }

  /** Starts or ends processes of a role until there are `wanted`; those that end may drain for `drainMs`. */
  fit(role: RoleName, wanted: number, drainMs: number): void {
    for (let index = 0; index < wanted && !this.closing; index++) {
      const present = this.processes.get(processName(role, index));
      // One that is just leaving makes room first: its exit comes back here.
      if (present?.leaving === true && this.options.makesRoom(role)) this.hasten(present);
      if (present !== undefined) continue;
      const process = newProcess(role, index, wallNow());
      this.processes.set(process.name, process);
      this.start(process);
    }
    const rights = this.options.rightsOf(role);
    for (const process of this.of(role)) {
      // Rights are given up for good: one that needs others is ended, and its exit comes back here.
      const hasOthers = process.child !== null && process.rights !== rights;
      if (process.index >= wanted) this.end(process, "drain", drainMs);
      else if (hasOthers) this.end(process, "drain", drainMs, true);
    }
  }

  setState(process: RoleProcess, state: ProcessStatus["state"]): void {
    process.state = state;
    process.sinceWallMs = wallNow();
    this.options.onChange();
  }

  /** Orders one process to end; it is killed when it has not within the time and a grace. Asked twice: nothing more. */
  end(process: RoleProcess, mode: "drain" | "now", withinMs: number, replaced = false): void {
    if (process.leaving) return;
    process.leaving = true;
    process.restart?.cancel();
    const { child } = process;
    if (!child) {
      this.processes.delete(process.name);
      this.options.onChange();
      return;
    }
    this.setState(process, "draining");
    child.channel.send("stop", { mode, withinMs, ...(replaced ? { replaced } : {}) });
    if (withinMs < DRAIN_FOREVER_MS) this.options.loop.after(withinMs + KILL_GRACE_MS, () => child.kill());
  }

  /** Another process waits for its place, and does not need the end of its work. */
  private hasten({ child }: RoleProcess): void {
    child?.channel.send("stop", { mode: "now", withinMs: 0, replaced: true });
    this.options.loop.after(KILL_GRACE_MS, () => child?.kill());
  }

  /** Ends everything at once, also what is draining. */
  endAllNow(): void {
    for (const process of this.all) {
      process.leaving = false;
      this.end(process, "now", 0);
    }
  }

  /** Nothing is started any more; what waits for its restart is forgotten. */
  close(): void {
    this.closing = true;
    for (const process of this.all) if (!process.child) this.end(process, "now", 0);
  }

  private start(process: RoleProcess): void {
    const { loop, countersPath, drop, onStart, rightsOf } = this.options;
    process.rights = rightsOf(process.role);
    process.restart = null;
    process.startedAtMs = monoNow();
    process.pulse = freshPulse;
    try {
      process.child = new Child(loop, {
        role: process.role,
        index: process.index,
        drop,
        rights: process.rights,
        environment: { [COUNTERS_VARIABLE]: countersPath },
        onExit: (how) => this.onExit(process, how),
      });
    } catch (error) {
      // No descriptors, no memory, the binary is being replaced: the supervisor must not end with it.
      this.onExit(process, `a failed start: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    this.setState(process, "starting");
    onStart(process, process.child.channel);
  }

  private onExit(process: RoleProcess, how: string): void {
    process.child = null;
    if (process.leaving || this.closing) {
      this.processes.delete(process.name);
      this.options.onChange();
      this.options.onLeft(process);
      return;
    }
    const { next, delayMs } = afterExit(process.backoff, monoNow() - process.startedAtMs);
    process.backoff = next;
    process.restarts++;
    this.setState(process, "restarting");
    process.restart = this.options.loop.after(delayMs, () => this.start(process));
    this.options.onLost(process, how, delayMs);
  }

  /** A role whose loop has stopped turning is killed; its restart follows from its exit. */
  private watch(): void {
    for (const process of this.processes.values()) {
      const { child } = process;
      if (!child) continue;
      if (process.state === "starting") {
        if (monoNow() - process.startedAtMs > START_WITHIN_MS) this.kill(process, child, START_WITHIN_MS);
        continue;
      }
      const slot = headerWords.heartbeat + roleTable[process.role].heartbeat + process.index;
      process.pulse = takePulse(process.pulse, this.options.header[slot]!);
      if (isSilent(process.pulse)) this.kill(process, child, SILENCE_MAX_MS);
    }
  }

  private kill(process: RoleProcess, child: Child, silentMs: number): void {
    process.pulse = freshPulse;
    this.options.onHung(process, silentMs);
    child.kill(SIGNAL.KILL);
  }
}
