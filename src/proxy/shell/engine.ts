/**
 * The data plane of one worker: configuration generations in, connections through.
 *
 *   prepare(assignment, fds) ─► [] ─► commit()        a generation swap: sessions keep the one they began with,
 *                            └► reasons ─► abort()     new requests of kept connections use the new one
 *
 * Everything per connection lives in `Plane`; what a session does in `TcpSessions` and `HttpSessions`.
 */
import type { Assignment, ServerState } from "../../ipc/messages.ts";
import { type MonoMs, NEVER } from "../../lib/time.ts";
import { EPOLL, SOL, TCP } from "../../sys/abi.ts";
import { wallNow } from "../../sys/clock.ts";
import type { Loop } from "../../sys/loop.ts";
import { sockaddrScratch } from "../../sys/sockaddr.ts";
import * as sockets from "../../sys/socket.ts";
import { CONN, ConnTable, FLAG, NONE } from "../conn-table.ts";
import { RequestContext } from "../request-context.ts";
import { Outcome } from "../rules.ts";
import { buildTlsListener, type TlsListener } from "./certificates.ts";
import { applyServerState, buildGeneration } from "./generation.ts";
import { HttpSessions } from "./http-session.ts";
import { type Listener, Listeners } from "./listeners.ts";
import { type CounterMemory, Plane } from "./plane.ts";
import { rememberPeer } from "./peer-address.ts";
import { routeTcp } from "./routing.ts";
import type { Endpoint, FrontendRuntime, Generation } from "./runtime.ts";
import { type SessionLog, Sessions } from "./sessions.ts";
import { TcpSessions } from "./tcp-session.ts";
import { TlsAcceptor } from "./tls.ts";
import { CONNECTION_EVENTS, Upstream } from "./upstream.ts";

/** Blocks are 16 KiB: 256 MiB of address space at most, touched only as far as traffic needs. */
const BLOCKS_MAX = 16_384;
/** Idle server connections and pipes besides two slots per session. */
const SPARE_SLOTS = 1024;
/** Descriptors kept for logs, pipes, the channel and Bun itself; half of them all when there are very few. */
const RESERVED_DESCRIPTORS = 128;
/** How often unused blocks go back to the kernel. */
const TRIM_INTERVAL_MS = 10_000;
const TRIM_BLOCKS_MAX = 1024;
/** Idle keep-alive connections are closed over this time when a drain begins, so that clients do not all come back at once. */
const DRAIN_SPREAD_MS = 2000;

export interface EngineOptions {
  /** Sessions this worker has room for; normally the appliance's maxconn. */
  readonly sessionsMax: number;
  /** RLIMIT_NOFILE of this process: every session needs two descriptors, and some are needed for other things. */
  readonly descriptorsMax: number;
  readonly log: (engine: { readonly plane: Plane }) => SessionLog;
  /** One sentence for the operator: limits met, certificates refused. */
  readonly report: (kind: string, text: string) => void;
}

interface Prepared {
  readonly generation: Generation;
  readonly assignment: Assignment;
  readonly fds: readonly number[];
  readonly tls: ReadonlyMap<string, TlsListener>;
}

export class ProxyEngine {
  readonly plane: Plane;
  private readonly upstream: Upstream;
  private readonly sessions: Sessions;
  private readonly tcp: TcpSessions;
  private readonly http: HttpSessions;
  private readonly listeners: Listeners;
  private readonly tls: TlsAcceptor;
  private readonly endpoints = new Map<string, Endpoint>();
  private readonly generations: Generation[] = [];
  private readonly context = new RequestContext();
  private readonly outcome = new Outcome();
  private readonly report: EngineOptions["report"];
  private prepared: Prepared | null = null;
  private current: Generation | null = null;
  private tlsListeners: ReadonlyMap<string, TlsListener> = new Map();
  private drainDone: (() => void) | null = null;
  private drainDeadline: MonoMs = NEVER;

  constructor(loop: Loop, memory: CounterMemory, options: EngineOptions) {
    this.report = options.report;
    const table = new ConnTable(2 * options.sessionsMax + SPARE_SLOTS);
    const blocks = Math.min(BLOCKS_MAX, 2 * options.sessionsMax + SPARE_SLOTS);
    this.plane = new Plane(loop, table, blocks, memory);
    const p = this.plane;
    this.upstream = new Upstream(p);
    this.sessions = new Sessions(p, this.upstream, options.log(this));
    this.tcp = new TcpSessions(p, this.upstream, this.sessions);
    this.http = new HttpSessions(p, this.upstream, this.sessions, this.tcp, this.context);
    this.listeners = new Listeners(
      loop,
      memory,
      (listener, fd) => this.accept(listener, fd),
      (text) => options.report("proxy.limit", text),
    );
    this.tls = new TlsAcceptor(
      p,
      (client) => this.open(client),
      (client) => this.dispatch(client),
    );
    const reserved = Math.min(RESERVED_DESCRIPTORS, options.descriptorsMax / 2);
    const sessionsMax = Math.min(options.sessionsMax, Math.floor((options.descriptorsMax - reserved) / 2));
    this.listeners.hasRoom = (share) =>
      this.sessionCount < Math.max(1, sessionsMax * share) && table.used + 2 <= table.capacity;
    this.sessions.onPlaceFree = () => this.placeFree();
    p.eventKind = loop.addKind((slot, generation, events) => this.onEvent(slot, generation, events));
    p.onTimeout = (slot) => this.onTimeout(slot);
    p.onReady = (slot) => this.dispatch(slot);
    p.onTick = () => this.upstream.tick();
    this.context.usableServers = (index) => this.current?.backends[index]?.table.usableServers() ?? 0;
    loop.every(TRIM_INTERVAL_MS, () => p.arena.trim(TRIM_BLOCKS_MAX));
  }

  /** Open client connections. */
  get sessionCount(): number {
    return this.generations.reduce((sum, generation) => sum + generation.sessions, 0);
  }

  /**
   * Builds the new configuration without touching the running one. `fds` belong to the engine from here on, one per
   * `assignment.listeners`. Answers the reasons why it cannot be taken; none: `commit` or `abort` follows.
   */
  prepare(assignment: Assignment, fds: readonly number[]): readonly string[] {
    if (this.prepared !== null) this.abort();
    const reasons: string[] = [];
    const tls = new Map<string, TlsListener>();
    for (const { binds, mode } of assignment.config.frontends) {
      for (const bind of binds) {
        if (bind.tls === null) continue;
        const materials = assignment.tls[bind.key] ?? [];
        const built = buildTlsListener(bind.tls, materials, bind.path, mode === "http", wallNow());
        if (!built.ok) reasons.push(...built.error);
        else tls.set(bind.key, built.value);
      }
    }
    if (fds.length !== assignment.listeners.length) {
      reasons.push(`${assignment.listeners.length} listeners were announced, ${fds.length} descriptors came`);
    }
    let generation: Generation | null = null;
    try {
      generation = buildGeneration(assignment, this.endpoints);
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error));
    }
    if (reasons.length > 0 || generation === null) {
      for (const fd of fds) sockets.close(fd);
      return reasons;
    }
    this.prepared = { generation, assignment, fds, tls };
    return [];
  }

  abort(): void {
    if (this.prepared === null) return;
    for (const fd of this.prepared.fds) sockets.close(fd);
    this.prepared = null;
  }

  /** The prepared configuration becomes the running one, between two events. */
  commit(): void {
    const { prepared } = this;
    if (prepared === null) return;
    this.prepared = null;
    const { generation, assignment, fds } = prepared;
    for (const endpoint of generation.endpoints) {
      endpoint.users++;
      this.endpoints.set(endpoint.key, endpoint);
    }
    const kept = new Set(assignment.listeners);
    for (const listener of this.listeners.all) if (!kept.has(listener.key)) this.listeners.finish(listener);
    const old = this.current;
    this.current = generation;
    this.generations.push(generation);
    this.tlsListeners = prepared.tls;
    for (const { warnings } of prepared.tls.values())
      for (const text of warnings) this.report("proxy.certificate", text);
    for (const listener of this.listeners.all) this.listeners.remove(listener);
    this.listeners.globalMax = assignment.config.global.maxconn;
    assignment.listeners.forEach((key, i) => {
      const frontend = generation.frontends.find(({ config }) => config.binds.some((bind) => bind.key === key));
      const fd = fds[i];
      if (frontend === undefined) {
        sockets.close(fd);
        return;
      }
      // Accepted sockets inherit it: no setsockopt per connection. Not for Unix sockets, where it means nothing.
      sockets.setOption(fd, SOL.TCP, TCP.NODELAY, 1);
      this.listeners.add(key, fd, frontend);
    });
    if (old !== null) this.retire(old);
  }

  setServer(state: ServerState): void {
    for (const generation of this.generations) applyServerState(generation, state);
    // A server that came back can take those who wait; one that went leaves them to the others.
    this.plane.wantTickAtOnce();
  }

  /** Stops accepting, lets running sessions end, cuts what is left after `withinMs`; then calls `done`. */
  drain(withinMs: number, done: () => void): void {
    const p = this.plane;
    for (const listener of this.listeners.all) this.listeners.finish(listener);
    this.drainDone = done;
    this.http.draining = true;
    this.http.spreadIdle(Math.min(DRAIN_SPREAD_MS, withinMs / 2));
    p.loop.after(withinMs, () => this.cutAll());
    this.drainDeadline = p.loop.now;
    this.placeFree();
  }

  private cutAll(): void {
    const { table } = this.plane;
    for (let slot = 0; slot < table.capacity; slot++) {
      const state = table.state[slot];
      if (state === CONN.FREE || state >= CONN.CONNECTING) continue;
      if (this.isBetweenRequests(slot)) this.sessions.dropClient(slot, false);
      else this.sessions.close(slot, "KD", false);
    }
    this.placeFree();
  }

  /** No request or session is under way that a log line would be about. */
  private isBetweenRequests(client: number): boolean {
    const t = this.plane.table;
    switch (t.state[client]) {
      case CONN.HELLO:
      case CONN.HANDSHAKE:
      case CONN.ANSWER:
      case CONN.LINGER:
        return true;
      case CONN.HEAD:
        return (t.flags[client] & FLAG.HEAD_BEGUN) === 0;
      default:
        return false;
    }
  }

  private retire(generation: Generation): void {
    generation.retired = true;
    for (const endpoint of generation.endpoints) {
      endpoint.users--;
      if (endpoint.users > 0) continue;
      this.upstream.closePool(endpoint);
      if (this.endpoints.get(endpoint.key) === endpoint) this.endpoints.delete(endpoint.key);
    }
    this.http.adopt(this.current);
    this.dropRetired();
  }

  private dropRetired(): void {
    for (let i = this.generations.length - 1; i >= 0; i--) {
      if (this.generations[i].retired && this.generations[i].sessions === 0) this.generations.splice(i, 1);
    }
  }

  private placeFree(): void {
    this.listeners.placeFree();
    if (this.generations.length > 1) this.dropRetired();
    if (this.drainDone !== null && this.drainDeadline !== NEVER && this.sessionCount === 0) {
      const done = this.drainDone;
      this.drainDone = null;
      this.plane.loop.defer(done);
    }
  }

  private accept(listener: Listener, fd: number): void {
    const p = this.plane;
    const t = p.table;
    const tls = this.tlsListeners.get(listener.key);
    const client = t.take(fd, tls === undefined ? CONN.HEAD : CONN.HELLO);
    if (client < 0) {
      sockets.close(fd);
      return;
    }
    rememberPeer(t, client, sockaddrScratch.bytes);
    this.sessions.admit(client, listener.frontend);
    t.startedAt[client] = p.loop.now;
    t.receivedBytes[client] = 0;
    t.sentBytes[client] = 0;
    t.headAt[client] = NONE;
    t.assignedAt[client] = NONE;
    t.connectedAt[client] = NONE;
    t.respondedAt[client] = NONE;
    t.status[client] = NONE;
    if (tls === undefined) {
      p.loop.register(fd, CONNECTION_EVENTS, p.eventKind, client, t.generation[client]);
      this.open(client);
      return;
    }
    p.loop.register(fd, EPOLL.IN | EPOLL.RDHUP | EPOLL.ET, p.eventKind, client, t.generation[client]);
    this.tls.begin(client, tls, listener.frontend.config.timeouts.tlsHandshakeMs);
  }

  /** The client's transport is ready: a TCP connection, or TLS after its handshake. */
  private open(client: number): void {
    const p = this.plane;
    const frontend = p.frontendOf[client];
    if (frontend.isHttp) {
      p.kindOf[client] = this.http;
      this.http.begin(client);
      return;
    }
    p.kindOf[client] = this.tcp;
    p.table.headAt[client] = p.loop.now;
    const backend = this.route(client, frontend);
    if (backend === null) return this.sessions.close(client, "PR", false);
    p.backendOf[client] = backend;
    this.tcp.begin(client);
  }

  private route(client: number, frontend: FrontendRuntime): ReturnType<typeof routeTcp> {
    return routeTcp(this.plane, client, frontend, this.context, this.outcome);
  }

  private onEvent(slot: number, generation: number, events: number): void {
    const t = this.plane.table;
    if (t.generation[slot] !== generation) return;
    const state = t.state[slot];
    if (state === CONN.CONNECTING) return this.upstream.onConnecting(slot, events);
    let flags = t.flags[slot];
    if (events & EPOLL.OUT) flags &= ~FLAG.BLOCKED;
    if (events & (EPOLL.IN | EPOLL.RDHUP | EPOLL.HUP | EPOLL.ERR)) {
      flags |= FLAG.READABLE;
      if (events & (EPOLL.RDHUP | EPOLL.HUP | EPOLL.ERR)) flags |= FLAG.RDHUP;
      if (events & EPOLL.ERR) flags |= FLAG.BROKEN;
    }
    t.flags[slot] = flags;
    this.dispatch(slot);
  }

  private dispatch(slot: number): void {
    const p = this.plane;
    const t = p.table;
    switch (t.state[slot]) {
      case CONN.FREE:
      case CONN.CONNECTING:
        return;
      case CONN.IDLE:
        if (t.flags[slot] & FLAG.READABLE) this.upstream.dropIdle(slot);
        return;
      case CONN.ACTIVE:
        return p.kindOf[t.peer[slot]].serverReady(slot);
      case CONN.HELLO:
      case CONN.HANDSHAKE:
        return this.tls.onReadable(slot, this.sessions);
      default:
        return p.kindOf[slot].clientReady(slot);
    }
  }

  private onTimeout(slot: number): void {
    const p = this.plane;
    switch (p.table.state[slot]) {
      case CONN.FREE:
        return;
      case CONN.CONNECTING:
        return this.upstream.connectTimeout(slot);
      case CONN.IDLE:
        return this.upstream.dropIdle(slot);
      case CONN.ACTIVE:
        return p.kindOf[p.table.peer[slot]].serverTimeout(slot);
      case CONN.HELLO:
      case CONN.HANDSHAKE:
        return this.tls.timeout(slot, this.sessions);
      default:
        return p.kindOf[slot].clientTimeout(slot);
    }
  }
}
