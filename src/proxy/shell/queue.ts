/**
 * Sessions that wait for a place at a server: one FIFO a backend and worker, linked through the columns.
 *
 * With `balance source` a session waits for its own server and those of other servers pass it by; otherwise for any.
 * Several workers share a server's places, and each can only wake its own queue. So that a busy worker cannot keep the
 * others waiting for ever, each publishes since when its first one waits, and leaves free places to a worker whose
 * first one has waited noticeably longer (it looks every RETRY_TICK_MS).
 */
import { backendCounters, serverCounters } from "../../stats/layout.ts";
import { wallNow } from "../../sys/clock.ts";
import { CONN, FLAG, NONE } from "../conn-table.ts";
import type { Plane } from "./plane.ts";
import type { BackendRuntime } from "./runtime.ts";

/** Many times the interval at which the others look: places do not lie idle while workers are about even. */
const LONGER_MS = 100;

export class Queues {
  private readonly p: Plane;
  /** Backends with a queue; looked at with each tick. */
  readonly waiting = new Set<BackendRuntime>();

  constructor(p: Plane) {
    this.p = p;
  }

  /** `wanted`: the server to wait for, NONE for any. */
  enter(client: number, backend: BackendRuntime, wanted: number): void {
    const { p } = this;
    const t = p.table;
    t.state[client] = CONN.QUEUED;
    t.serverIndex[client] = wanted;
    if ((t.flags[client] & FLAG.QUEUED_ONCE) === 0) {
      t.flags[client] |= FLAG.QUEUED_ONCE;
      t.serverQueue[client] = 0;
      t.backendQueue[client] = 0;
    }
    t.queueEntry[client] = backend.dequeued[wanted + 1];
    backend.queued[wanted + 1]++;
    if (wanted >= 0) p.memory.own[backend.endpoints[wanted].counters + serverCounters.queue]++;
    t.queueNext[client] = NONE;
    t.queuePrevious[client] = backend.queueTail;
    if (backend.queueTail === NONE) this.setHead(backend, client);
    else t.queueNext[backend.queueTail] = client;
    backend.queueTail = client;
    backend.queueLength++;
    p.memory.own[backend.counters + backendCounters.queue]++;
    p.setTimer(client, backend.config.timeouts.queueMs);
    this.waiting.add(backend);
    p.wantTick();
  }

  /** `served`: a place was found; otherwise the session gave up. It is in no queue afterwards. */
  leave(client: number, served: boolean): void {
    const { p } = this;
    const t = p.table;
    const backend = p.backend(client);
    const next = t.queueNext[client];
    const previous = t.queuePrevious[client];
    t.state[client] = CONN.CONNECT;
    if (next === NONE) backend.queueTail = previous;
    else t.queuePrevious[next] = previous;
    if (previous === NONE) this.setHead(backend, next);
    else t.queueNext[previous] = next;
    backend.queueLength--;
    p.memory.own[backend.counters + backendCounters.queue]--;
    if (backend.queueLength === 0) this.waiting.delete(backend);
    // Tw ends here, whatever comes next.
    t.assignedAt[client] = p.loop.now;
    const wanted = t.serverIndex[client];
    backend.queued[wanted + 1]--;
    // As HAProxy counts: those who went before it, and itself (queue.c, queue_idx).
    const place = backend.dequeued[wanted + 1] - t.queueEntry[client] + 1;
    if (served) backend.dequeued[wanted + 1]++;
    if (wanted < 0) t.backendQueue[client] += place;
    else {
      t.serverQueue[client] += place;
      p.memory.own[backend.endpoints[wanted].counters + serverCounters.queue]--;
    }
  }

  /** False while another worker's first one has waited longer than ours (`first`), or than a newcomer (NONE). */
  mayGo(backend: BackendRuntime, first: number): boolean {
    const { own, all } = this.p.memory;
    if (all.length === 1) return true;
    const at = backend.counters + backendCounters.waitingSinceWallMs;
    const limit = (first === NONE ? wallNow() : own[at]) - LONGER_MS;
    for (const worker of all) if (worker[at] > 0 && worker[at] < limit) return false;
    return true;
  }

  /** Whether somebody waits for a server that has a place. `table.full` is up to date. */
  hasPlace(backend: BackendRuntime): boolean {
    const { table, queued } = backend;
    if (queued[0] > 0) return true;
    for (let i = 0; i < table.count; i++) {
      if (queued[i + 1] > 0 && (table.full[i] === 0 || !table.eligible(i))) return true;
    }
    return false;
  }

  private setHead(backend: BackendRuntime, client: number): void {
    const { p } = this;
    backend.queueHead = client;
    const { headAt } = p.table;
    p.memory.own[backend.counters + backendCounters.waitingSinceWallMs] =
      client === NONE ? 0 : wallNow() - Math.max(0, p.loop.now - headAt[client]);
  }
}
