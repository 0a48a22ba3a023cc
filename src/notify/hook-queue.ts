/**
 * The order of hooks (pure): one at a time for each key (an instance, or a group), in the order of its states. One whose
 * hook is slow or hangs delays nobody else. Its queue is bounded: what does not fit takes the place of the last in it, because
 * the newest state is what counts.
 */

/** What changes state this often while one hook runs is flapping; more history helps nobody. */
export const QUEUE_MAX = 64;

export class HookQueue<Call> {
  /** Calls that wait; a key is in it for as long as one of its calls runs. */
  private readonly waiting = new Map<string, Call[]>();

  /** Keys whose call runs. */
  get busy(): number {
    return this.waiting.size;
  }

  /** start: run it now; queued: later; replaced: later, and a call that waited will never run. */
  offer(key: string, call: Call): "start" | "queued" | "replaced" {
    const queue = this.waiting.get(key);
    if (queue === undefined) {
      this.waiting.set(key, []);
      return "start";
    }
    if (queue.length < QUEUE_MAX) {
      queue.push(call);
      return "queued";
    }
    queue[QUEUE_MAX - 1] = call;
    return "replaced";
  }

  /** The running call of the key has ended: the one to start now, null when none waits. */
  done(key: string): Call | null {
    const next = this.waiting.get(key)?.shift() ?? null;
    if (next === null) this.waiting.delete(key);
    return next;
  }
}
