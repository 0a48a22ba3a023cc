/** Whether this node's proxy serves, as VRRP is told: good news at once, bad news after the time a restart takes. */
import type { ProxyHealth } from "../ipc/messages.ts";
import type { Loop, LoopTimer } from "../sys/loop.ts";

/** A worker that crashes is back in a fraction of this; only a longer gap may move a VIP. */
const DOWN_AFTER_MS = 1000;

export class ProxyHealthKeeper {
  private readonly loop: Loop;
  private readonly onChange: (health: ProxyHealth) => void;
  private down: LoopTimer | null = null;
  private ended = false;
  current: ProxyHealth = { serving: false, reason: "workers are starting" };

  constructor(loop: Loop, onChange: (health: ProxyHealth) => void) {
    this.loop = loop;
    this.onChange = onChange;
  }

  /** After every change of a worker: how many of them accept connections, on how many listeners. */
  update(servingWorkers: number, listenerCount: number): void {
    if (this.ended) return;
    if (servingWorkers > 0) {
      this.down?.cancel();
      this.down = null;
      this.set({
        serving: true,
        reason: listenerCount === 1 ? "1 listener accepts" : `${listenerCount} listeners accept`,
      });
      return;
    }
    if (!this.current.serving) return;
    this.down ??= this.loop.after(DOWN_AFTER_MS, () => {
      this.down = null;
      this.set({ serving: false, reason: "no worker process is running" });
    });
  }

  /** The appliance stops: that its workers end is no news, and VRRP has said goodbye before them. */
  end(): void {
    this.ended = true;
    this.down?.cancel();
    this.down = null;
  }

  private set(health: ProxyHealth): void {
    if (health.serving === this.current.serving) return;
    this.current = health;
    this.onChange(health);
  }
}
