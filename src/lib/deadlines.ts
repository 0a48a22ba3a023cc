/**
 * A binary heap of deadlines with their callbacks: the loop's own timers, tens to a few thousand.
 * (Connections use the wheel in `timer-wheel.ts`: their timers are set and cancelled with every request.)
 */
import { type MonoMs, NEVER } from "./time.ts";

export interface Deadline {
  readonly at: MonoMs;
  readonly run: () => void;
  cancelled: boolean;
}

export class DeadlineHeap {
  private readonly heap: Deadline[] = [];

  get size(): number {
    return this.heap.length;
  }

  next(): MonoMs {
    while (this.heap.length > 0 && this.heap[0]!.cancelled) this.pop();
    return this.heap[0]?.at ?? NEVER;
  }

  push(at: MonoMs, run: () => void): Deadline {
    const entry: Deadline = { at, run, cancelled: false };
    this.heap.push(entry);
    let child = this.heap.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (this.heap[parent]!.at <= entry.at) break;
      this.heap[child] = this.heap[parent]!;
      child = parent;
    }
    this.heap[child] = entry;
    return entry;
  }

  /** The earliest entry that is due and not cancelled, removed; null when none is. */
  takeDue(now: MonoMs): Deadline | null {
    return this.next() <= now ? this.pop() : null;
  }

  private pop(): Deadline {
    const top = this.heap[0]!;
    const last = this.heap.pop()!;
    const size = this.heap.length;
    if (size > 0) {
      let parent = 0;
      for (;;) {
        let child = 2 * parent + 1;
        if (child >= size) break;
        if (child + 1 < size && this.heap[child + 1]!.at < this.heap[child]!.at) child++;
        if (this.heap[child]!.at >= last.at) break;
        this.heap[parent] = this.heap[child]!;
        parent = child;
      }
      this.heap[parent] = last;
    }
    return top;
  }
}
