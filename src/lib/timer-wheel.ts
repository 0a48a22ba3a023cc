/**
 * A hashed timer wheel over slots: one deadline a slot, set and moved with every request, almost never reached.
 *
 * Links live in Int32Arrays, so setting a timer allocates nothing. Moving a deadline later is one store: the entry stays
 * in its bucket and travels on when the wheel comes by (lazy re-arm). Only an earlier deadline relinks.
 *
 *   bucket   0    1    2   …  4095        one bucket is TICK_MS wide, the wheel spans 65.5 s;
 *            │    │                       later deadlines wait at the far end and travel on from there
 *          slot ⇄ slot ⇄ slot
 *
 * Has the shape of the loop's LoopUser (`nextDeadline`, `turn`).
 */
import { type MonoMs, NEVER } from "./time.ts";

/** Precision of a timeout: fine enough for the shortest timeout in use (tens of milliseconds). */
export const TICK_MS = 16;
const BUCKETS = 4096;
const MASK = BUCKETS - 1;
const NONE = -1;

export class TimerWheel {
  /** Milliseconds; NEVER when the slot has no timer. Read only. */
  readonly deadline: Float64Array;
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  /** The tick under which the slot is linked; -1 when it is in no bucket. */
  private readonly linkedTick: Float64Array;
  private readonly heads = new Int32Array(BUCKETS).fill(NONE);
  /** One bit a bucket that is not empty: finding the next one reads at most 128 words. */
  private readonly occupied = new Int32Array(BUCKETS / 32);
  /** Slots met before their time; linked again when all buckets of the turn are done. */
  private readonly again: Int32Array;
  private againCount = 0;
  private readonly expire: (slot: number, now: MonoMs) => void;
  /** Every tick up to here has been handled. */
  private doneTick: number;
  /** No bucket before this tick is occupied. */
  private earliestTick = Number.POSITIVE_INFINITY;

  /** `expire` runs once for each deadline that passed, in the turn after it; it may set timers again. */
  constructor(slotCount: number, now: MonoMs, expire: (slot: number, now: MonoMs) => void) {
    this.deadline = new Float64Array(slotCount).fill(NEVER);
    this.next = new Int32Array(slotCount).fill(NONE);
    this.previous = new Int32Array(slotCount).fill(NONE);
    this.linkedTick = new Float64Array(slotCount).fill(NONE);
    this.again = new Int32Array(slotCount);
    this.doneTick = Math.floor(now / TICK_MS);
    this.expire = expire;
  }

  /** Sets or moves the slot's only timer. Never fires early, at most a tick late. */
  set(slot: number, at: MonoMs): void {
    this.deadline[slot] = at;
    const linked = this.linkedTick[slot]!;
    const tick = Math.ceil(at / TICK_MS);
    if (linked >= 0) {
      if (linked <= tick) return;
      this.unlink(slot);
    }
    this.link(slot, tick);
  }

  /** The slot has no timer any more. Its link goes when the wheel comes by. */
  clear(slot: number): void {
    this.deadline[slot] = NEVER;
  }

  nextDeadline(): MonoMs {
    return (this.earliestTick * TICK_MS) as MonoMs;
  }

  turn(now: MonoMs): void {
    const target = Math.floor(now / TICK_MS);
    if (target < this.earliestTick) return;
    const from = Math.max(this.doneTick + 1, this.earliestTick);
    const until = Math.min(target, from + MASK);
    // Handled first: timers set by `expire` land after `target`.
    this.doneTick = target;
    this.earliestTick = Number.POSITIVE_INFINITY;
    for (let tick = from; tick <= until; tick++) this.visit(tick & MASK, now);
    this.linkAgain();
    this.earliestTick = Math.min(this.earliestTick, this.findEarliest());
  }

  private visit(bucket: number, now: MonoMs): void {
    for (;;) {
      const slot = this.heads[bucket]!;
      if (slot === NONE) return;
      this.unlink(slot);
      const at = this.deadline[slot]!;
      if (at <= now) {
        this.deadline[slot] = NEVER;
        this.expire(slot, now);
      } else if (at !== NEVER) {
        // Not linked here: its next bucket may be this very one, and the loop would not end.
        if (this.againCount === this.again.length) this.linkAgain();
        this.again[this.againCount++] = slot;
      }
    }
  }

  private linkAgain(): void {
    for (let i = 0; i < this.againCount; i++) {
      const slot = this.again[i]!;
      const at = this.deadline[slot]!;
      // `expire` of another slot may have set or cleared it meanwhile.
      if (this.linkedTick[slot] === NONE && at !== NEVER) this.link(slot, Math.ceil(at / TICK_MS));
    }
    this.againCount = 0;
  }

  private link(slot: number, wanted: number): void {
    const tick = Math.max(this.doneTick + 1, Math.min(wanted, this.doneTick + MASK));
    const bucket = tick & MASK;
    const head = this.heads[bucket]!;
    this.next[slot] = head;
    this.previous[slot] = NONE;
    if (head !== NONE) this.previous[head] = slot;
    this.heads[bucket] = slot;
    this.linkedTick[slot] = tick;
    this.occupied[bucket >>> 5]! |= 1 << (bucket & 31);
    if (tick < this.earliestTick) this.earliestTick = tick;
  }

  private unlink(slot: number): void {
    const bucket = this.linkedTick[slot]! & MASK;
    const next = this.next[slot]!;
    const previous = this.previous[slot]!;
    if (next !== NONE) this.previous[next] = previous;
    if (previous === NONE) this.heads[bucket] = next;
    else this.next[previous] = next;
    if (this.heads[bucket] === NONE) this.occupied[bucket >>> 5]! &= ~(1 << (bucket & 31));
    this.linkedTick[slot] = NONE;
  }

  /** The first occupied tick after `doneTick`; infinite when the wheel is empty. */
  private findEarliest(): number {
    const first = this.doneTick + 1;
    const start = first & MASK;
    for (let step = 0; step <= BUCKETS / 32; step++) {
      const word = ((start >>> 5) + step) & (BUCKETS / 32 - 1);
      let bits = this.occupied[word]!;
      if (step === 0) bits &= -1 << (start & 31);
      if (step === BUCKETS / 32) bits &= ~(-1 << (start & 31));
      if (bits === 0) continue;
      const bucket = (word << 5) | (31 - Math.clz32(bits & -bits));
      return first + ((bucket - start) & MASK);
    }
    return Number.POSITIVE_INFINITY;
  }
}
