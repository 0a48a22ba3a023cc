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
import { IdlePool } from "./idle-pool.ts";
import type { Plane } from "./plane.ts";
import { Queues } from "./queue.ts";
import type { BackendRuntime, Endpoint } from "./runtime.ts";

/** HAProxy: one second before the same server is tried again, or the connect timeout when that is smaller. */
const TURNAROUND_MS = 1000;
/** leastconn looks at the other workers' figures this often: they change with every request. */
const ELSEWHERE_MS = 1;

export const CONNECTION_EVENTS = EPOLL.IN | EPOLL.OUT | EPOLL.RDHUP | EPOLL.ET;

export class Upstream {
  readonly idle: IdlePool;
  readonly queues: Queues;
  private readonly p: Plane;

  constructor(p: Plane) {
    this.p = p;
    this.idle = new IdlePool(p);
    this.queues = new Queues(p);
  }

  /** The client's backend is set. Ends in `connected` or `failed` of its kind, now or later. */
  assign(client: number, exclude: number): void {
    const { queues } = this;
    const backend = this.p.backend(client);
    // Who came first is served first, except that with source those of other servers do not count.
    if (backend.queueLength > 0 && !backend.isSource) return queues.enter(client, backend, NONE);
    const index = this.pick(client, backend, exclude);
    if (index === PICK_NONE) return this.p.kindOf[client].failed(client, "SC", 503);
    if (index === PICK_FULL) return queues.enter(client, backend, backend.balancer.wanted);
    if (backend.hasLimits) {
      if (backend.isSource && backend.queued[index + 1] > 0) return queues.enter(client, backend, index);
      if (!backend.isSource && !queues.mayGo(backend, NONE)) return queues.enter(client, backend, NONE);
    }
    this.useOrWait(client, backend, index);
  }

  private pick(client: number, backend: BackendRuntime, exclude: number): number {
    if (backend.hasLimits) this.refreshFull(backend);
    if (backend.isLeastConn) this.refreshElsewhere(backend);
    if (!backend.isSource) return backend.balancer.pick(0, exclude);
    const { table: t } = this.p;
    const hash = hashAddress(t.peerAddress, client * 16, t.peerFamily[client] === 4 ? 4 : 16);
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

  private refreshElsewhere(backend: BackendRuntime): void {
    const { own, all } = this.p.memory;
    const { now } = this.p.loop;
    if (all.length === 1 || now - backend.elsewhereAt < ELSEWHERE_MS) return;
    backend.elsewhereAt = now;
    for (let i = 0; i < backend.endpoints.length; i++) {
      const at = backend.endpoints[i].counters + serverCounters.sessions;
      let sessions = -own[at];
      for (const worker of all) sessions += worker[at];
      backend.table.servedElsewhere[i] = sessions;
    }
  }

  /** Takes one of the server's places, which hold over all workers. False: another worker was quicker. */
  private reserve(client: number, endpoint: Endpoint): boolean {
    const limit = endpoint.config.maxconn;
    if (limit === null) return true;
    const { shared } = this.p.memory;
    if (Atomics.add(shared, endpoint.servedWord, 1) >= limit) {
      Atomics.sub(shared, endpoint.servedWord, 1);
      return false;
    }
    this.p.table.flags[client] |= FLAG.COUNTED;
    return true;
  }

  private useOrWait(client: number, backend: BackendRuntime, index: number): void {
    if (this.reserve(client, backend.endpoints[index])) this.use(client, backend, index);
    else this.queues.enter(client, backend, backend.isSource ? index : NONE);
  }

  /** Raises the gauges of server `index`, whose place is taken, and connects to it. */
  private use(client: number, backend: BackendRuntime, index: number): void {
    const { p } = this;
    const t = p.table;
    const endpoint = backend.endpoints[index];
    t.flags[client] |= FLAG.ASSIGNED;
    t.serverIndex[client] = index;
    t.assignedAt[client] = p.loop.now;
    backend.table.served[index]++;
    p.memory.own[endpoint.counters + serverCounters.sessions]++;
    p.memory.own[endpoint.counters + serverCounters.sessionsTotal]++;
    const server = mayReuse(t.flags[client]) ? this.idle.take(endpoint) : NONE;
    if (server === NONE) return this.connect(client, endpoint);
    t.peer[client] = server;
    t.peer[server] = client;
    t.serverIndex[server] = index;
    t.state[server] = CONN.ACTIVE;
    t.connectedAt[client] = p.loop.now;
    p.kindOf[client].connected(client, server);
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
    if (other === PICK_FULL) return this.queues.enter(client, backend, backend.balancer.wanted);
    if (other !== failed) {
      t.flags[client] |= FLAG.REDISPATCHED;
      p.memory.own[backend.counters + backendCounters.redispatches]++;
      p.memory.own[endpoint.counters + serverCounters.redispatches]++;
      return this.useOrWait(client, backend, other);
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
    if (backend.table.eligible(index)) this.useOrWait(client, backend, index);
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

  /** Lets waiting sessions go as long as a server has a place. */
  drainQueue(backend: BackendRuntime): void {
    const { p, queues } = this;
    const t = p.table;
    for (let client = backend.queueHead; client !== NONE;) {
      const next = t.queueNext[client];
      if (!backend.isSource && !queues.mayGo(backend, client)) return;
      const index = this.pick(client, backend, EXCLUDE_NONE);
      const isFull = index === PICK_FULL || (index >= 0 && !this.reserve(client, backend.endpoints[index]));
      if (isFull && !(backend.isSource && queues.hasPlace(backend))) return;
      if (!isFull) {
        queues.leave(client, true);
        p.wheel.clear(client);
        if (index === PICK_NONE) p.kindOf[client].failed(client, "SC", 503);
        else this.use(client, backend, index);
      }
      client = next;
    }
  }

  /** Places may have become free in another worker. */
  tick(): void {
    const { waiting } = this.queues;
    for (const backend of waiting) this.drainQueue(backend);
    if (waiting.size > 0) this.p.wantTick();
  }
}

/**
 * A pooled connection may turn out to be dead. Then the request is sent again, or its client is made to do so, which
 * clients do on connections that were kept (RFC 9112 9.3.1). The first request of a connection that Ballast may not
 * repeat itself gets a fresh connection: HAProxy's "http-reuse safe", except that it holds for every first request.
 */
function mayReuse(clientFlags: number): boolean {
  const repeatable = FLAG.IDEMPOTENT | FLAG.REQUEST_DONE;
  return (clientFlags & FLAG.KEPT) !== 0 || (clientFlags & repeatable) === repeatable;
}
