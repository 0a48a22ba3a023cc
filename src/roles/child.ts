/** One role process as the supervisor sees it: spawned, spoken to, watched, killed. */
import type { Party, RoleName } from "../ipc/messages.ts";
import { Channel } from "../ipc/shell/channel.ts";
import { SysError } from "../sys/errno.ts";
import type { Loop } from "../sys/loop.ts";
import { socketPair } from "../sys/message.ts";
import { type Identity, SIGNAL, signalProcess } from "../sys/process.ts";
import { close } from "../sys/socket.ts";
import { cleanEnvironment, selfCommand } from "./self.ts";

export interface ChildOptions {
  readonly role: RoleName;
  readonly index: number;
  /** Give up rights through the starter step; null: nothing to give up. */
  readonly drop: { readonly identity: Identity | null } | null;
  /** What it keeps of them, in the starter step's form. */
  readonly rights: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Called once, after the process has ended and its channel is closed. */
  readonly onExit: (how: string) => void;
}

export class Child {
  readonly pid: number;
  readonly channel: Channel;
  private ended = false;

  /** Throws when the kernel grants no process or no descriptors. */
  constructor(loop: Loop, options: ChildOptions) {
    const ends = socketPair();
    if (typeof ends === "number") throw new SysError("socketpair", -ends, `starting ${options.role}`);
    const [ours, theirs] = ends;
    try {
      this.pid = Bun.spawn({
        cmd: [...selfCommand(), ...childArguments(options)],
        env: { ...cleanEnvironment(), ...options.environment },
        stdio: ["ignore", "inherit", "inherit", theirs],
        onExit: (_, code, signal) => {
          this.ended = true;
          this.channel.finish();
          options.onExit(signal === null ? `exit code ${code}` : `signal ${signalName(signal)}`);
        },
      }).pid;
    } catch (error) {
      close(ours);
      throw error;
    } finally {
      close(theirs);
    }
    const party: Party = options.role;
    this.channel = new Channel(loop, ours, "supervisor", party);
    // A process that lives on without its channel is of no use to anybody.
    this.channel.onClose(() => this.kill());
  }

  kill(signal: number = SIGNAL.KILL): void {
    if (!this.ended) signalProcess(this.pid, signal);
  }
}

function childArguments({ role, index, drop, rights }: ChildOptions): readonly string[] {
  if (!drop) return ["__role", role, String(index)];
  const identity = drop.identity ? [String(drop.identity.uid), String(drop.identity.gid)] : [];
  return ["__start", role, String(index), rights, ...identity];
}

function signalName(signal: number | string): string {
  return Object.entries(SIGNAL).find(([, value]) => value === signal)?.[0] ?? String(signal);
}
