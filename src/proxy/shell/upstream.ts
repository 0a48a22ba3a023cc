/**
 * From a session that needs a server to a connection: balance, limits, queue, pool, connect, retry, redispatch.
 *
 *   assign ── pick ──┬── all full ──► queue ──(a place is free)──► pick …
 *                    ├── nobody ────► failed SC 503
 *                    └── server ──┬── idle connection ──► connected
 *                                 └── connect ──┬──► connected
 *                                               └── fails ──┬── other server: at once (redispatch)
 *                                                           ├── same server: after a turnaround
 *                                                           └── no retry left: failed SC/sC 503
 *
 * maxconn of a server holds over all workers: the gauge is a shared word, raised before use and taken back when that
 * went over. What a worker holds of it also stands in its own `sessions` counter, so the supervisor can subtract it.
 */
import { backendCounters, serverCounters } from "../../stats/layout.ts";
import { AF, EPOLL, SOCK } from "../../sys/abi.ts";
import { E } from "../../sys/errno.ts";
import * as sockets from "../../sys/socket.ts";
import { EXCLUDE_NONE, hashAddress, PICK_FULL, PICK_NONE } from "../balance.ts";
import { CONN, FLAG, NONE } from "../conn-table.ts";
import type { Plane } from "./plane.ts";
import { type BackendRuntime, type Endpoint, IDLE_MAX } from "./runtime.ts";

/** HAProxy: one second before the same server is tried again, or the connect timeout when that is smaller. */
const TURNAROUND_MS = 1000;
/** Idle server connections live this long: below the keep-alive timeout of the usual servers (Apache, Node: 5 s). */
const IDLE_MS = 4000;

export const CONNECTION_EVENTS = EPOLL.IN | EPOLL.OUT | EPOLL.RDHUP | EPOLL.ET;

export class Upstream {
  private readonly p: Plane;
  /** Backends with a queue; looked at with each tick. */
  private readonly waiting = new Set<BackendRuntime>();

  constructor(p: Plane) {
    this.p = p;
  }

  /** The client's backend is set. Ends in `connected` or `failed` of its kind, now or later. */
  assign(client: number, exclude: number): void {
    const backend = this.p.backend(client);
    // Who came first is served first.
    if (backend.queueLength > 0) return this.enqueue(client, backend);
    const index = this.pick(client, backend, exclude);
    if (index === PICK_FULL) return this.enqueue(client, backend);
    if (index === PICK_NONE) return this.p.kindOf[client].failed(client, "SC", 503);
    this.use(client, backend, index);
  }

  private pick(client: number, backend: BackendRuntime, exclude: number): number {
    if (backend.hasLimits) this.refreshFull(backend);
    const { table: t } = this.p;
    const hash =
      backend.config.balance === "source"
        ? hashAddress(t.peerAddress, client * 16, t.peerFamily[client] === 4 ? 4 : 16)
        : 0;
    return backend.balancer.pick(hash, exclude);
  }

  private refreshFull(backend: BackendRuntime): void {
    const { shared } = this.p.memory;
    for (let i = 0; i < backend.endpoints.length; i++) {
      const endpoint = backend.endpoints[i];
      const limit = endpoint.config.maxconn;
      backend.table.full[i] = limit !== null && Atomics.load(shared, endpoint.servedWord) >= limit ? 1 : 0;
    }
  }

  /** Raises the gauges of server `index` and connects to it, or queues when another worker was quicker. */
  private use(client: number, backend: BackendRuntime, index: number): void {
    const { p } = this;
    const t = p.table;
    const endpoint = backend.endpoints[index];
    if (endpoint.config.maxconn !== null) {
      const before = Atomics.add(p.memory.shared, endpoint.servedWord, 1);
      if (before >= endpoint.config.maxconn) {
        Atomics.sub(p.memory.shared, endpoint.servedWord, 1);
        return this.enqueue(client, backend);
      }
      t.flags[client] |= FLAG.COUNTED;
    }
    t.flags[client] |= FLAG.ASSIGNED;
    t.serverIndex[client] = index;
    t.assignedAt[client] = p.loop.now;
    backend.table.served[index]++;
    p.memory.own[endpoint.counters + serverCounters.sessions]++;
    p.memory.own[endpoint.counters + serverCounters.sessionsTotal]++;
    if (endpoint.idleCount > 0) {
      const server = endpoint.idle[--endpoint.idleCount];
      p.memory.own[endpoint.counters + serverCounters.idleConnections]--;
      p.memory.own[endpoint.counters + serverCounters.reusesTotal]++;
      t.flags[server] = FLAG.REUSED;
      this.join(client, server);
      t.connectedAt[client] = p.loop.now;
      p.kindOf[client].connected(client, server);
      return;
    }
    this.connect(client, endpoint);
  }

  private join(client: number, server: number): void {
    const t = this.p.table;
    t.peer[client] = server;
    t.peer[server] = client;
    t.serverIndex[server] = t.serverIndex[client];
    t.state[server] = CONN.ACTIVE;
  }

  /** A fresh connection to the server that the client is assigned to, the pool passed by. */
  reconnect(client: number): void {
    const { p } = this;
    this.connect(client, p.backend(client).endpoints[p.table.serverIndex[client]]);
  }

  private connect(client: number, endpoint: Endpoint): void {
    const { p } = this;
    const t = p.table;
    const fd = sockets.socket(endpoint.family, SOCK.STREAM | SOCK.NONBLOCK | SOCK.CLOEXEC, 0);
    if (fd < 0) return this.lackOfResources(client);
    const server = t.take(fd, CONN.CONNECTING);
    if (server < 0) {
      sockets.close(fd);
      return this.lackOfResources(client);
    }
    t.peer[client] = server;
    t.peer[server] = client;
    t.serverIndex[server] = t.serverIndex[client];
    t.state[client] = CONN.CONNECT;
    p.backendOf[server] = p.backendOf[client];
    if (endpoint.family !== AF.UNIX) sockets.setNoDelay(fd);
    const result = sockets.connectEncoded(fd, endpoint.address, endpoint.addressLength);
    if (result < 0 && result !== -E.INPROGRESS) {
      return this.connectFailed(server, result === -E.ADDRNOTAVAIL || result === -E.AGAIN, false);
    }
    p.memory.own[endpoint.counters + serverCounters.connectsTotal]++;
    p.setTimer(server, p.backend(client).config.timeouts.connectMs);
    p.loop.register(fd, CONNECTION_EVENTS, p.eventKind, server, t.generation[server]);
  }

  /** No descriptor or no slot: our lack, not the server's failure. */
  private lackOfResources(client: number): void {
    this.release(client);
    this.p.kindOf[client].failed(client, "RC", 503);
  }

  /** An event for a slot in CONNECTING. */
  onConnecting(server: number, events: number): void {
    const { p } = this;
    const t = p.table;
    const client = t.peer[server];
    if (events & (EPOLL.ERR | EPOLL.HUP)) {
      const error = sockets.socketError(t.fd[server]);
      // HUP without an error: connected, and the server has already gone again; the session will read that.
      if (error !== 0 || (events & EPOLL.OUT) === 0) return this.connectFailed(server, false, false);
    }
    if ((events & EPOLL.OUT) === 0) return;
    p.wheel.clear(server);
    t.state[server] = CONN.ACTIVE;
    // A server that speaks or leaves at once is told in this same event, and edge-triggered means once.
    if (events & (EPOLL.IN | EPOLL.RDHUP)) t.flags[server] |= FLAG.READABLE;
    if (events & (EPOLL.RDHUP | EPOLL.HUP)) t.flags[server] |= FLAG.RDHUP | FLAG.READABLE;
    t.connectedAt[client] = p.loop.now;
    p.kindOf[client].connected(client, server);
  }

  connectTimeout(server: number): void {
    this.connectFailed(server, false, true);
  }

  private connectFailed(server: number, local: boolean, timeout: boolean): void {
    const { p } = this;
    const t = p.table;
    const client = t.peer[server];
    const backend = p.backend(client);
    const failed = t.serverIndex[client];
    const endpoint = backend.endpoints[failed];
    p.drop(server, false);
    t.peer[client] = NONE;
    if (!local) {
      p.memory.own[endpoint.counters + serverCounters.connectErrors]++;
      p.memory.own[backend.counters + backendCounters.connectErrors]++;
    }
    this.release(client);
    if (t.retriesLeft[client]-- <= 0) return p.kindOf[client].failed(client, timeout ? "sC" : "SC", 503);
    p.memory.own[backend.counters + backendCounters.retries]++;
    p.memory.own[endpoint.counters + serverCounters.retries]++;
    const other = backend.config.redispatch ? this.pick(client, backend, failed) : failed;
    if (other === PICK_NONE) return p.kindOf[client].failed(client, timeout ? "sC" : "SC", 503);
    if (other === PICK_FULL) return this.enqueue(client, backend);
    if (other !== failed) {
      t.flags[client] |= FLAG.REDISPATCHED;
      p.memory.own[backend.counters + backendCounters.redispatches]++;
      p.memory.own[endpoint.counters + serverCounters.redispatches]++;
      return this.use(client, backend, other);
    }
    t.state[client] = CONN.TURNAROUND;
    t.serverIndex[client] = failed;
    p.setTimer(client, Math.min(TURNAROUND_MS, backend.config.timeouts.connectMs));
  }

  /** The turnaround is over: the same server again, or another one when it is no longer usable. */
  retry(client: number): void {
    const { p } = this;
    const t = p.table;
    const backend = p.backend(client);
    const index = t.serverIndex[client];
    if (backend.table.eligible(index)) this.use(client, backend, index);
    else this.assign(client, EXCLUDE_NONE);
  }

  /** Takes the client's session off its server's gauges and lets the next one in. */
  release(client: number): void {
    const { p } = this;
    const t = p.table;
    const flags = t.flags[client];
    if ((flags & FLAG.ASSIGNED) === 0) return;
    const backend = p.backend(client);
    const index = t.serverIndex[client];
    const endpoint = backend.endpoints[index];
    t.flags[client] = flags & ~(FLAG.ASSIGNED | FLAG.COUNTED);
    backend.table.served[index]--;
    p.memory.own[endpoint.counters + serverCounters.sessions]--;
    if (flags & FLAG.COUNTED) Atomics.sub(p.memory.shared, endpoint.servedWord, 1);
    if (backend.queueLength > 0) p.wantTickAtOnce();
  }

  private enqueue(client: number, backend: BackendRuntime): void {
    const { p } = this;
    const t = p.table;
    t.state[client] = CONN.QUEUED;
    t.queueNext[client] = NONE;
    t.queuePrevious[client] = backend.queueTail;
    if (backend.queueTail === NONE) backend.queueHead = client;
    else t.queueNext[backend.queueTail] = client;
    backend.queueTail = client;
    backend.queueLength++;
    p.memory.own[backend.counters + backendCounters.queue]++;
    p.setTimer(client, backend.config.timeouts.queueMs);
    this.waiting.add(backend);
    p.wantTick();
  }

  leaveQueue(client: number): void {
    const { p } = this;
    const t = p.table;
    const backend = p.backend(client);
    const next = t.queueNext[client];
    const previous = t.queuePrevious[client];
    if (next === NONE) backend.queueTail = previous;
    else t.queuePrevious[next] = previous;
    if (previous === NONE) backend.queueHead = next;
    else t.queueNext[previous] = next;
    backend.queueLength--;
    p.memory.own[backend.counters + backendCounters.queue]--;
    if (backend.queueLength === 0) this.waiting.delete(backend);
  }

  /** Lets waiting sessions go as long as a server has a place. */
  drainQueue(backend: BackendRuntime): void {
    while (backend.queueLength > 0) {
      const client = backend.queueHead;
      const index = this.pick(client, backend, EXCLUDE_NONE);
      if (index === PICK_FULL) return;
      this.leaveQueue(client);
      this.p.wheel.clear(client);
      if (index === PICK_NONE) this.p.kindOf[client].failed(client, "SC", 503);
      else this.use(client, backend, index);
    }
  }

  /** Places may have become free in another worker. */
  tick(): void {
    for (const backend of this.waiting) this.drainQueue(backend);
    if (this.waiting.size > 0) this.p.wantTick();
  }

  /** A server connection whose request and response ended exactly: into the pool, or closed when that is full. */
  pool(server: number): void {
    const { p } = this;
    const t = p.table;
    const endpoint = p.backend(server).endpoints[t.serverIndex[server]];
    if (endpoint.idleCount >= IDLE_MAX || endpoint.users === 0) return p.drop(server, false);
    t.state[server] = CONN.IDLE;
    t.peer[server] = NONE;
    endpoint.idle[endpoint.idleCount++] = server;
    p.memory.own[endpoint.counters + serverCounters.idleConnections]++;
    p.setTimer(server, IDLE_MS);
  }

  /** An idle connection ended, spoke unasked or grew old. */
  dropIdle(server: number): void {
    const { p } = this;
    const endpoint = p.backend(server).endpoints[p.table.serverIndex[server]];
    const at = endpoint.idle.lastIndexOf(server, endpoint.idleCount - 1);
    endpoint.idle.copyWithin(at, at + 1, endpoint.idleCount--);
    p.memory.own[endpoint.counters + serverCounters.idleConnections]--;
    p.drop(server, false);
  }

  closePool(endpoint: Endpoint): void {
    while (endpoint.idleCount > 0) this.dropIdle(endpoint.idle[endpoint.idleCount - 1]);
  }
}
