/**
 * What every part of the data plane works on: the columns, the arena, the wheel, the counters, and reading and writing
 * a connection whatever carries it (a socket of ours, or a TLS socket of Bun's).
 *
 * Edge-triggered throughout. Two rules keep it from stalling:
 *  - FLAG.READABLE stays set until a read came back short or empty. After a short read the descriptor is drained and no
 *    second recv is spent to learn it, except when the event said RDHUP: the end is then read as well.
 *  - bytes queued (`outBlock`, `pipeBytes`, an unsent request) ⇒ FLAG.BLOCKED (EPOLLOUT will come) or on the ready list.
 */
import { assert } from "../../lib/result.ts";
import { later, type MonoMs, NEVER } from "../../lib/time.ts";
import { TimerWheel } from "../../lib/timer-wheel.ts";
import { MSG, SHUT } from "../../sys/abi.ts";
import { E } from "../../sys/errno.ts";
import type { Loop } from "../../sys/loop.ts";
import * as sockets from "../../sys/socket.ts";
import { type Delivery, deliveryOf } from "../../sys/tcp-delivery.ts";
import { CONN, type ConnTable, FLAG, NONE } from "../conn-table.ts";
import { Arena, BLOCK_BYTES } from "./arena.ts";
import { PipePool } from "./pipes.ts";
import type { BackendRuntime, FrontendRuntime } from "./runtime.ts";
import type { SessionKind } from "./session-kind.ts";

/** How often a plane with waiting sessions (queue, no free block) looks again: another worker may have freed a place. */
export const RETRY_TICK_MS = 5;

/** Blocks that one read may take. */
const READ_BLOCKS = 2;

/** A client's TLS socket as the plane uses it (`tls.ts`). */
export interface TlsConnection {
  /** Bytes taken, 0 when full (a drain event follows), -errno. */
  write(bytes: Uint8Array, start: number, end: number): number;
  /** Bytes copied, 0 at the end, -EAGAIN. */
  read(bytes: Uint8Array, start: number, length: number): number;
  shutdown(): void;
  /** After `shutdown`: how far its bytes have got. */
  delivery(): Delivery;
  /** `abort`: reset instead of an orderly end. */
  close(abort: boolean): void;
}

export interface CounterMemory {
  readonly header: Int32Array;
  readonly shared: Int32Array;
  /** This worker's own counters. */
  readonly own: Float64Array;
  /** Those of all workers, for gauges that are summed. */
  readonly all: readonly Float64Array[];
}

export class Plane {
  readonly loop: Loop;
  readonly table: ConnTable;
  readonly arena: Arena;
  readonly wheel: TimerWheel;
  readonly pipes = new PipePool();
  readonly memory: CounterMemory;
  /** Valid while the client slot is in use. */
  readonly frontendOf: FrontendRuntime[] = [];
  readonly backendOf: (BackendRuntime | null)[];
  readonly tlsOf: (TlsConnection | null)[];
  /** Valid from the moment the client's transport is ready. */
  readonly kindOf: SessionKind[] = [];
  readonly bytes: Uint8Array;
  readonly base: number;
  private readonly reservedBlocks: number;
  private readonly ready: Int32Array;
  private readyHead = 0;
  private readyCount = 0;
  private nextTick: MonoMs = NEVER;
  private tickAtOnce = false;
  /** Runs every RETRY_TICK_MS while `wantTick` is asked for again. */
  onTick: () => void = () => undefined;
  onTimeout: (slot: number) => void = () => undefined;
  onReady: (slot: number) => void = () => undefined;
  /** Kind number of our connections' events. */
  eventKind = 0;

  constructor(loop: Loop, table: ConnTable, blockCount: number, memory: CounterMemory) {
    this.loop = loop;
    this.table = table;
    this.arena = new Arena(blockCount);
    this.reservedBlocks = READ_BLOCKS + (blockCount >> 3);
    this.bytes = this.arena.bytes;
    this.base = this.arena.address;
    this.memory = memory;
    this.backendOf = Array.from({ length: table.capacity }, () => null);
    this.tlsOf = Array.from({ length: table.capacity }, () => null);
    this.ready = new Int32Array(table.capacity);
    this.wheel = new TimerWheel(table.capacity, loop.now, (slot) => this.onTimeout(slot));
    loop.addUser(this.wheel);
    loop.addUser({ nextDeadline: () => this.nextDeadline(), turn: (now) => this.turn(now) });
  }

  /** The backend of a session that has one. */
  backend(slot: number): BackendRuntime {
    const backend = this.backendOf[slot];
    assert(backend !== null, "data plane: a session without a backend");
    return backend;
  }

  private tls(slot: number): TlsConnection {
    const connection = this.tlsOf[slot];
    assert(connection !== null, "data plane: a TLS slot without its socket");
    return connection;
  }

  setTimer(slot: number, delayMs: number): void {
    this.wheel.set(slot, later(this.loop.now, delayMs));
  }

  /** Looks at the slot again in this turn's end: it stopped with work left, to let others run. */
  markReady(slot: number): void {
    const { flags } = this.table;
    if (flags[slot] & FLAG.READY) return;
    flags[slot] |= FLAG.READY;
    this.ready[(this.readyHead + this.readyCount++) % this.table.capacity] = slot;
  }

  /** `onTick` runs soon: something waits that no event of ours announces. */
  wantTick(): void {
    if (this.nextTick === NEVER) this.nextTick = later(this.loop.now, RETRY_TICK_MS);
  }

  /** `onTick` runs at the end of this turn: a place that others wait for became free here. */
  wantTickAtOnce(): void {
    this.tickAtOnce = true;
  }

  /** Bytes received at arena offset `at`; 0 at the end of the stream, -errno. READABLE is kept in step. */
  read(slot: number, at: number, length: number): number {
    const t = this.table;
    const flags = t.flags[slot];
    const received =
      flags & FLAG.TLS
        ? this.tls(slot).read(this.bytes, at, length)
        : sockets.recv(t.fd[slot], this.base + at, length, MSG.DONTWAIT);
    if (received > 0) {
      if (received < length && (flags & (FLAG.RDHUP | FLAG.TLS)) === 0) t.flags[slot] = flags & ~FLAG.READABLE;
    } else if (received === 0) t.flags[slot] = (flags & ~FLAG.READABLE) | FLAG.EOF;
    else if (received === -E.AGAIN) t.flags[slot] = flags & ~FLAG.READABLE;
    else if (received !== -E.INTR) t.flags[slot] = (flags & ~FLAG.READABLE) | FLAG.BROKEN | FLAG.EOF;
    return received;
  }

  /** Bytes the connection took, 0 when it is full, -errno when it is broken. BLOCKED is kept in step. */
  write(slot: number, at: number, length: number): number {
    const t = this.table;
    const sent =
      t.flags[slot] & FLAG.TLS
        ? this.tls(slot).write(this.bytes, at, at + length)
        : sockets.send(t.fd[slot], this.base + at, length, MSG.DONTWAIT);
    if (sent === length) return sent;
    if (sent >= 0 || sent === -E.AGAIN || sent === -E.INTR) {
      t.flags[slot] |= FLAG.BLOCKED;
      return sent < 0 ? 0 : sent;
    }
    // What the peer sent before it broke off may still be read.
    t.flags[slot] |= FLAG.BROKEN | FLAG.READABLE;
    return sent;
  }

  /**
   * Sends arena bytes [at, at + length), keeping what does not fit in the connection's block: the one place that queues.
   * False when the connection is broken. The caller made sure that a block is free or held (`mayRead`).
   */
  deliver(slot: number, at: number, length: number): boolean {
    const t = this.table;
    let sent = 0;
    if (t.outBlock[slot] < 0 && (t.flags[slot] & FLAG.BLOCKED) === 0) {
      sent = this.write(slot, at, length);
      if (sent === length) return true;
      if (sent < 0) return false;
    }
    return this.keep(slot, at + sent, length - sent);
  }

  /** False, and the connection is given up, when no block is free: only for answers that nobody reserved one for. */
  private keep(slot: number, at: number, length: number): boolean {
    const t = this.table;
    let block = t.outBlock[slot];
    if (block < 0) {
      block = this.arena.acquire();
      if (block < 0) {
        t.flags[slot] |= FLAG.BROKEN;
        return false;
      }
      t.outBlock[slot] = block;
      t.outStart[slot] = block;
      t.outEnd[slot] = block;
    } else if (t.outEnd[slot] + length > block + BLOCK_BYTES) {
      this.bytes.copyWithin(block, t.outStart[slot], t.outEnd[slot]);
      t.outEnd[slot] = block + t.outEnd[slot] - t.outStart[slot];
      t.outStart[slot] = block;
    }
    assert(t.outEnd[slot] + length <= block + BLOCK_BYTES, "data plane: a block overflows");
    this.bytes.copyWithin(t.outEnd[slot], at, at + length);
    t.outEnd[slot] += length;
    return true;
  }

  /** Sends what is queued. 1: nothing is queued any more; 0: the connection is full; -1: it is broken. */
  flush(slot: number): number {
    const t = this.table;
    const block = t.outBlock[slot];
    if (block < 0) return 1;
    if (t.flags[slot] & FLAG.BLOCKED) return 0;
    const sent = this.write(slot, t.outStart[slot], t.outEnd[slot] - t.outStart[slot]);
    if (sent < 0) return -1;
    t.outStart[slot] += sent;
    if (t.outStart[slot] < t.outEnd[slot]) return 0;
    this.arena.release(block);
    t.outBlock[slot] = NONE;
    return 1;
  }

  /** A new request may be read. Those under way need blocks to come to their end, so some are left for them. */
  get mayBegin(): boolean {
    return this.arena.freeBlocks > this.reservedBlocks;
  }

  /**
   * A read may begin: what it brings can be kept, as bytes not accepted on the other side and as a part not understood
   * yet. Otherwise it is tried again soon.
   */
  mayRead(slot: number): boolean {
    if (this.arena.freeBlocks >= READ_BLOCKS) return true;
    // Starved: the tick comes back to it.
    this.starved.push(slot);
    this.wantTick();
    return false;
  }

  /** Slots that found no block; looked at again with each tick. */
  starved: number[] = [];

  /** Sends our FIN. */
  shutWrite(slot: number): void {
    const t = this.table;
    if (t.flags[slot] & FLAG.SHUT) return;
    t.flags[slot] |= FLAG.SHUT;
    if (t.flags[slot] & FLAG.TLS) this.tls(slot).shutdown();
    else sockets.shutdown(t.fd[slot], SHUT.WR);
  }

  /** How far the bytes before our FIN have got. */
  delivery(slot: number): Delivery {
    const t = this.table;
    return t.flags[slot] & FLAG.TLS ? this.tls(slot).delivery() : deliveryOf(t.fd[slot]);
  }

  /** Gives everything that the slot owns back and closes it. `abort`: the peer sees a reset. */
  drop(slot: number, abort: boolean): void {
    const t = this.table;
    if (t.inBlock[slot] >= 0) this.arena.release(t.inBlock[slot]);
    if (t.outBlock[slot] >= 0) this.arena.release(t.outBlock[slot]);
    if (t.requestBlock[slot] >= 0) this.arena.release(t.requestBlock[slot]);
    if (t.pipe[slot] >= 0) {
      if (t.pipeBytes[slot] > 0) this.pipes.discard(t.pipe[slot]);
      else this.pipes.give(t.pipe[slot]);
    }
    this.wheel.clear(slot);
    if (t.flags[slot] & FLAG.TLS) {
      const tls = this.tlsOf[slot];
      this.tlsOf[slot] = null;
      tls?.close(abort);
    } else if (abort) sockets.closeWithReset(t.fd[slot]);
    else sockets.close(t.fd[slot]);
    this.backendOf[slot] = null;
    t.release(slot);
  }

  /** Slots with queued bytes that nothing will move: must be none, whenever no handler runs. For tests. */
  stalledSlots(): readonly number[] {
    const t = this.table;
    const stalled: number[] = [];
    for (let slot = 0; slot < t.capacity; slot++) {
      const state = t.state[slot];
      if (state === CONN.FREE || state === CONN.CONNECTING) continue;
      const queued = t.outBlock[slot] >= 0 || (t.pipeBytes[slot] > 0 && t.peer[slot] >= 0);
      if (!queued) continue;
      const target = t.outBlock[slot] >= 0 ? slot : t.peer[slot];
      if (((t.flags[target] | t.flags[slot]) & (FLAG.BLOCKED | FLAG.READY | FLAG.BROKEN)) === 0) stalled.push(slot);
    }
    return stalled;
  }

  private nextDeadline(): MonoMs {
    return this.readyCount > 0 || this.tickAtOnce ? this.loop.now : this.nextTick;
  }

  private turn(now: MonoMs): void {
    if (now >= this.nextTick || this.tickAtOnce) {
      this.nextTick = NEVER;
      this.tickAtOnce = false;
      const starved = this.starved;
      if (starved.length > 0) {
        this.starved = [];
        for (const slot of starved) if (this.table.state[slot] !== CONN.FREE) this.markReady(slot);
      }
      this.onTick();
    }
    // Those that mark themselves again wait for the next turn.
    for (let count = this.readyCount; count > 0; count--) {
      const slot = this.ready[this.readyHead];
      this.readyHead = (this.readyHead + 1) % this.table.capacity;
      this.readyCount--;
      this.table.flags[slot] &= ~FLAG.READY;
      if (this.table.state[slot] !== CONN.FREE) this.onReady(slot);
    }
  }
}
