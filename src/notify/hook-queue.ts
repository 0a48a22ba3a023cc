/**
 * The order of hooks (pure): one at a time for each instance, in the order of its states. An instance whose hook is
 * slow or hangs delays nobody else. Its queue is bounded: what does not fit takes the place of the last in it, because
 * the newest state is what counts.
 */

/** An instance that changes state this often while one hook runs is flapping; more history helps nobody. */
export const QUEUE_MAX = 64;

export class HookQueue<Call> {
  /** Instance → calls that wait; an instance is in it for as long as one of its calls runs. */
  private readonly waiting = new Map<string, Call[]>();

  /** Instances whose call runs. */
  get busy(): number {
    return this.waiting.size;
  }

  /** start: run it now; queued: later; replaced: later, and a call that waited will never run. */
  offer(instance: string, call: Call): "start" | "queued" | "replaced" {
    const queue = this.waiting.get(instance);
    if (queue === undefined) {
      this.waiting.set(instance, []);
      return "start";
    }
    if (queue.length < QUEUE_MAX) {
      queue.push(call);
      return "queued";
    }
    queue[QUEUE_MAX - 1] = call;
    return "replaced";
  }

  /** The running call of the instance has ended: the one to start now, null when none waits. */
  done(instance: string): Call | null {
    const next = this.waiting.get(instance)?.shift() ?? null;
    if (next === null) this.waiting.delete(instance);
    return next;
  }
}
