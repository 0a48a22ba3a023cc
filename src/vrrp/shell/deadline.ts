/** The timer of one instance's next deadline. One that is armed too early is kept: it fires, its owner looks and arms again. */
import { type MonoMs, NEVER } from "../../lib/time.ts";
import type { Loop, LoopTimer } from "../../sys/loop.ts";

export class Deadline {
  private readonly loop: Loop;
  private readonly fired: () => void;
  private timer: LoopTimer | null = null;
  private at: MonoMs = NEVER;

  constructor(loop: Loop, fired: () => void) {
    this.loop = loop;
    this.fired = fired;
  }

  get isArmed(): boolean {
    return this.timer !== null;
  }

  arm(at: MonoMs): void {
    if (at === NEVER || (this.timer !== null && this.at <= at)) return;
    this.timer?.cancel();
    this.at = at;
    this.timer = this.loop.at(at, () => {
      this.timer = null;
      this.fired();
    });
  }
}
