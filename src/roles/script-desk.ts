/** Programs that the director has the supervisor run: numbered requests out, results back to whoever asked. */
import type { LvsCommandConfig } from "../config/types-lvs.ts";
import type { RunScript, ScriptResult } from "../ipc/messages.ts";

/** `code` null: killed, or never started; `reason`: why it did not end well. */
type Done = (code: number | null, reason: string) => void;

export class ScriptDesk {
  private readonly send: (script: RunScript) => void;
  private readonly waiting = new Map<number, Done>();
  private nextId = 1;

  constructor(send: (script: RunScript) => void) {
    this.send = send;
  }

  /** `cancel` forgets the result; the program itself ends or is killed in its own time. */
  run(
    { command, user }: LvsCommandConfig,
    timeoutMs: number,
    done: Done,
    environment?: RunScript["environment"],
  ): { cancel(): void } {
    const id = this.nextId++;
    this.waiting.set(id, done);
    this.send({ id, command, user, timeoutMs, ...(environment === undefined ? {} : { environment }) });
    return { cancel: () => void this.waiting.delete(id) };
  }

  result({ id, code, reason }: ScriptResult): void {
    const done = this.waiting.get(id);
    this.waiting.delete(id);
    done?.(code, reason);
  }
}
