/**
 * The event loop of every role: our descriptors and Bun's in one epoll set.
 *
 * A thread that blocks in its own epoll_wait starves Bun: timers, promises, TLS sockets, Bun.serve. So Bun's own epoll
 * descriptor is nested in ours. When it turns readable, or the cap below is reached, the loop lets Bun take one turn
 * (`setImmediate`) and goes on. With nothing to do it wakes ten times a second.
 *
 * Two ways in: `watch` (a callback a descriptor; control plane) and `register` (a handler a kind, with slot and
 * generation in the event; the data plane, no allocation).
 */
import { readdirSync, readlinkSync } from "node:fs";
import { type Deadline, DeadlineHeap } from "../lib/deadlines.ts";
import { assert } from "../lib/result.ts";
import { later, type MonoMs } from "../lib/time.ts";
import { EPOLL } from "./abi.ts";
import { monoNow } from "./clock.ts";
import { createEpoll, epollAdd, epollDelete, epollModify, EventBatch } from "./epoll.ts";
import { E, must } from "./errno.ts";

/** Longest sleep: bounds how late a Bun timer fires, since Bun keeps its timers outside its epoll set. */
const SLEEP_MAX_MS = 100;
/** While our descriptors are busy Bun still gets a turn this often. */
const BUN_TURN_MAX_MS = 10;

const KIND_BUN = 0;
const KIND_WATCH = 1;
/** Kinds from here on belong to `register`. */
const KIND_FIRST = 2;
const KIND_MAX = 15;
export const GENERATION_MASK = 0xffffff;

export type SlotHandler = (slot: number, generation: number, events: number) => void;

/** Something with its own timers that wants a look at each turn: the connection timer wheel, a probe scheduler. */
export interface LoopUser {
  /** When `turn` must run at the latest. */
  nextDeadline(): MonoMs;
  /** Called once a turn after the events. */
  turn(now: MonoMs): void;
}

export interface Watch {
  modify(events: number): void;
  /** Stops watching; the descriptor stays open and is the caller's to close, after this. */
  close(): void;
}

export interface LoopTimer {
  cancel(): void;
}

export class Loop {
  /** The instant at which this turn began. */
  now: MonoMs = monoNow();
  /** Turns so far; a role copies it to its heartbeat. */
  turns = 0;

  private readonly epoll = must("epoll_create1", createEpoll(), "event loop");
  private readonly batch = new EventBatch();
  private readonly handlers: (SlotHandler | null)[] = [null, null];
  private readonly callbacks: (((events: number) => void) | null)[] = [];
  private readonly generations: number[] = [];
  private readonly freeSlots: number[] = [];
  private readonly timers = new DeadlineHeap();
  private readonly users: LoopUser[] = [];
  private deferred: (() => void)[] = [];
  private running = false;
  private bunIsNested = false;
  private bunIsDue = false;
  private finish: (() => void) | null = null;

  /** A new kind of events for `register`, with its handler. */
  addKind(handler: SlotHandler): number {
    assert(this.handlers.length <= KIND_MAX, "event loop: too many kinds");
    return this.handlers.push(handler) - 1;
  }

  /** 0 or -errno. `generation` comes back with each event: an event for a slot that was reused meanwhile is told apart. */
  register(fd: number, events: number, kind: number, slot: number, generation: number): number {
    return epollAdd(this.epoll, fd, events, slot, (kind << 24) | (generation & GENERATION_MASK));
  }

  reregister(fd: number, events: number, kind: number, slot: number, generation: number): number {
    return epollModify(this.epoll, fd, events, slot, (kind << 24) | (generation & GENERATION_MASK));
  }

  /** Not needed before `close(fd)`: the kernel forgets a closed descriptor that has no duplicate. */
  unregister(fd: number): void {
    epollDelete(this.epoll, fd);
  }

  /** Calls back with the EPOLL bits, level-triggered unless EPOLL.ET is given. */
  watch(fd: number, events: number, callback: (events: number) => void): Watch {
    const slot = this.freeSlots.pop() ?? this.callbacks.length;
    const generation = ((this.generations[slot] ?? 0) + 1) & GENERATION_MASK;
    this.generations[slot] = generation;
    this.callbacks[slot] = callback;
    must("epoll_ctl", epollAdd(this.epoll, fd, events, slot, (KIND_WATCH << 24) | generation), `descriptor ${fd}`);
    let open = true;
    return {
      modify: (changed) => {
        if (open) epollModify(this.epoll, fd, changed, slot, (KIND_WATCH << 24) | generation);
      },
      close: () => {
        if (!open) return;
        open = false;
        epollDelete(this.epoll, fd);
        this.generations[slot] = (generation + 1) & GENERATION_MASK;
        this.callbacks[slot] = null;
        this.freeSlots.push(slot);
      },
    };
  }

  at(instant: MonoMs, run: () => void): LoopTimer {
    const entry: Deadline = this.timers.push(instant, run);
    return { cancel: () => void (entry.cancelled = true) };
  }

  after(delayMs: number, run: () => void): LoopTimer {
    return this.at(later(monoNow(), delayMs), run);
  }

  every(intervalMs: number, run: () => void): LoopTimer {
    const tick = (): void => {
      timer = this.after(intervalMs, tick);
      run();
    };
    let timer = this.after(intervalMs, tick);
    return { cancel: () => timer.cancel() };
  }

  /** Runs at the end of this turn (or of the next, when called from outside a turn). */
  defer(run: () => void): void {
    this.deferred.push(run);
  }

  addUser(user: LoopUser): void {
    this.users.push(user);
  }

  /** Lets Bun run before the next sleep: needed after work that resolved a promise or wrote to a Bun socket. */
  yieldToBun(): void {
    this.bunIsDue = true;
  }

  /** Runs until `stop`; resolves then. */
  run(): Promise<void> {
    assert(!this.running, "event loop: started twice");
    this.running = true;
    return new Promise((resolve) => {
      this.finish = resolve;
      setImmediate(this.turn);
    });
  }

  stop(): void {
    this.running = false;
  }

  private readonly turn = (): void => {
    if (!this.bunIsNested) this.nestBun();
    const bunTurnDue = later(monoNow(), BUN_TURN_MAX_MS);
    this.bunIsDue = false;
    while (this.running && !this.bunIsDue) {
      this.poll();
      this.runDue();
      if (this.now >= bunTurnDue) this.bunIsDue = true;
    }
    if (this.running) setImmediate(this.turn);
    else this.finish?.();
  };

  /** One epoll_wait and its events. */
  private poll(): void {
    const count = this.batch.wait(this.epoll, this.sleepMs(monoNow()));
    this.now = monoNow();
    this.turns++;
    assert(count >= 0 || count === -E.INTR, `event loop: epoll_wait failed with ${count}`);
    for (let i = 0; i < count; i++) {
      const high = this.batch.high(i);
      const kind = high >>> 24;
      const slot = this.batch.low(i);
      if (kind >= KIND_FIRST) {
        this.handlers[kind]!(slot, high & GENERATION_MASK, this.batch.events(i));
        continue;
      }
      // Bun has events, or a callback is about to run that may resolve promises: either way Bun is next.
      this.bunIsDue = true;
      if (kind === KIND_WATCH && this.generations[slot] === (high & GENERATION_MASK)) {
        this.callbacks[slot]?.(this.batch.events(i));
      }
    }
  }

  private sleepMs(now: MonoMs): number {
    if (this.deferred.length > 0) return 0;
    let deadline = Math.min(this.timers.next(), now + SLEEP_MAX_MS);
    for (const user of this.users) deadline = Math.min(deadline, user.nextDeadline());
    return deadline <= now ? 0 : Math.ceil(deadline - now);
  }

  private runDue(): void {
    for (let due = this.timers.takeDue(this.now); due; due = this.timers.takeDue(this.now)) {
      this.bunIsDue = true;
      due.run();
    }
    for (const user of this.users) user.turn(this.now);
    if (this.deferred.length === 0) return;
    const batch = this.deferred;
    this.deferred = [];
    this.bunIsDue = true;
    for (const run of batch) run();
  }

  /** Finds Bun's epoll descriptors among ours; Bun opens the first one with its first timer or socket. */
  private nestBun(): void {
    for (const name of readdirSync("/proc/self/fd")) {
      const fd = Number(name);
      if (fd === this.epoll || linkOf(fd) !== "anon_inode:[eventpoll]") continue;
      if (epollAdd(this.epoll, fd, EPOLL.IN, 0, KIND_BUN << 24) >= 0) this.bunIsNested = true;
    }
  }
}

function linkOf(fd: number): string | null {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch (error) {
    // The descriptor that readdir used is gone by now.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
