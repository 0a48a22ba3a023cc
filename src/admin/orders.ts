/** Orders on their way to the supervisor, each with its client's callback, until the reply or the time limit (pure). */
import { type MonoMs, later } from "../lib/time.ts";
import type { Reply } from "./api.ts";

interface Pending {
  readonly deadline: MonoMs;
  readonly reply: (reply: Reply) => void;
}

/** At most one a client: the server's limit of clients is the limit here. */
export class Orders {
  private readonly pending = new Map<number, Pending>();
  private readonly timeoutMs: number;
  private lastId = 0;

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
  }

  /** The number under which the supervisor answers. */
  open(reply: (reply: Reply) => void, now: MonoMs): number {
    const id = ++this.lastId;
    this.pending.set(id, { deadline: later(now, this.timeoutMs), reply });
    return id;
  }

  /** False when nobody waits for it any more. */
  settle(id: number, reply: Reply): boolean {
    const order = this.pending.get(id);
    this.pending.delete(id);
    order?.reply(reply);
    return order !== undefined;
  }

  expire(now: MonoMs): void {
    for (const [id, { deadline }] of this.pending) {
      if (now < deadline) continue;
      const text = `no reply from the supervisor within ${this.timeoutMs / 1000} s; the order may still be carried out`;
      this.settle(id, { ok: false, kind: "busy", text });
    }
  }
}
