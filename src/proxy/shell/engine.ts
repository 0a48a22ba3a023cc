/**
 * The data plane of one worker: connections in, events to whoever has to act on them, and the way out (drain).
 *
 * Everything per connection lives in `Plane`; what a session does in `TcpSessions` and `HttpSessions`; configurations
 * come and go in `Configurations`.
 */
import type { Assignment, ServerState } from "../../ipc/messages.ts";
import { type MonoMs, NEVER } from "../../lib/time.ts";
import { EPOLL } from "../../sys/abi.ts";
import type { Loop } from "../../sys/loop.ts";
import { sockaddrScratch } from "../../sys/sockaddr.ts";
import * as sockets from "../../sys/socket.ts";
import { BODY, CONN, ConnTable, FLAG, NONE } from "../conn-table.ts";
import { RequestContext } from "../request-context.ts";
import { Outcome } from "../rules.ts";
import { Configurations, type Report } from "./configurations.ts";
import { GaugeAudit } from "./gauge-audit.ts";
import { HttpSessions } from "./http-session.ts";
import { type Listener, Listeners } from "./listeners.ts";
import { MEMORY_INTERVAL_MS, MemoryKeeper } from "./memory-keeper.ts";
import { type CounterMemory, Plane } from "./plane.ts";
import { rememberPeer } from "./peer-address.ts";
import { PIPES_MAX } from "./pipes.ts";
import { routeTcp } from "./routing.ts";
import { type SessionLog, Sessions } from "./sessions.ts";
import { Sweep, SWEEP_MS } from "./sweep.ts";
import { TcpSessions } from "./tcp-session.ts";
import { TlsAcceptor } from "./tls.ts";
import { CONNECTION_EVENTS, Upstream } from "./upstream.ts";

/** Blocks are 16 KiB: 256 MiB of address space at most, touched only as far as traffic needs. */
const BLOCKS_MAX = 16_384;
/** Idle server connections and pipes besides two slots per session. */
const SPARE_SLOTS = 1024;
/** Descriptors kept for pipes, logs, the channel and Bun itself; half of them all when there are very few. */
const RESERVED_DESCRIPTORS = 128 + 2 * PIPES_MAX;
/** Certificates that run out while they are served are noticed this late. */
const EXPIRY_INTERVAL_MS = 60_000;
/** Idle keep-alive connections are closed over this time when a drain begins, so that clients do not all come back at once. */
const DRAIN_SPREAD_MS = 2000;

export interface EngineOptions {
  /** Sessions this worker has room for; normally the appliance's maxconn. */
  readonly sessionsMax: number;
  /** RLIMIT_NOFILE of this process: every session needs two descriptors, and some are needed for other things. */
  readonly descriptorsMax: number;
  /** Blocks of memory for bytes that wait; default: enough for sessionsMax, up to BLOCKS_MAX. */
  readonly blocksMax?: number;
  readonly log: (engine: { readonly plane: Plane }) => SessionLog;
  readonly report: Report;
}

export class ProxyEngine {
  readonly plane: Plane;
  private readonly upstream: Upstream;
  private readonly sessions: Sessions;
  private readonly tcp: TcpSessions;
  private readonly http: HttpSessions;
  private readonly listeners: Listeners;
  private readonly configurations: Configurations;
  private readonly tls: TlsAcceptor;
  private readonly context = new RequestContext();
  private readonly outcome = new Outcome();
  private drainDone: (() => void) | null = null;
  private drainDeadline: MonoMs = NEVER;

  constructor(loop: Loop, memory: CounterMemory, options: EngineOptions) {
    const table = new ConnTable(2 * options.sessionsMax + SPARE_SLOTS);
    const blocks = Math.min(options.blocksMax ?? BLOCKS_MAX, 2 * options.sessionsMax + SPARE_SLOTS);
    this.plane = new Plane(loop, table, blocks, memory);
    const p = this.plane;
    this.upstream = new Upstream(p);
    this.sessions = new Sessions(p, this.upstream, options.log(this));
    this.listeners = new Listeners(
      loop,
      memory,
      (listener, fd) => this.accept(listener, fd),
      (text) => options.report("proxy.limit", text),
    );
    const audit = new GaugeAudit(memory.all);
    this.configurations = new Configurations(p, this.upstream, this.listeners, audit, options.report);
    this.tcp = new TcpSessions(p, this.upstream, this.sessions);
    this.http = new HttpSessions(p, this.upstream, this.sessions, this.tcp, this.context, this.configurations);
    this.tls = new TlsAcceptor(
      p,
      (client) => this.open(client),
      (client) => this.dispatch(client),
    );
    const reserved = Math.min(RESERVED_DESCRIPTORS, options.descriptorsMax / 2);
    const sessionsMax = Math.min(options.sessionsMax, Math.floor((options.descriptorsMax - reserved) / 2));
    this.listeners.hasRoom = () => this.sessionCount < Math.max(1, sessionsMax) && table.used + 2 <= table.capacity;
    this.sessions.onPlaceFree = () => this.placeFree();
    p.eventKind = loop.addKind((slot, generation, events) => this.onEvent(slot, generation, events));
    p.onTimeout = (slot) => this.onTimeout(slot);
    p.onReady = (slot) => this.dispatch(slot);
    p.onTick = () => this.upstream.tick();
    this.context.usableServers = (index) => this.configurations.current?.backends[index]?.table.usableServers() ?? 0;
    const sweep = new Sweep(p, this.sessions, audit);
    loop.every(SWEEP_MS, () => sweep.run());
    loop.every(EXPIRY_INTERVAL_MS, () => this.configurations.reportExpired());
    const memoryKeeper = new MemoryKeeper(p.arena, table, () => Bun.gc(true));
    loop.every(MEMORY_INTERVAL_MS, () => memoryKeeper.run());
  }

  /** Open client connections. */
  get sessionCount(): number {
    return this.configurations.sessionCount;
  }

  /** See `Configurations.prepare`. */
  prepare(assignment: Assignment, fds: readonly number[]): readonly string[] {
    return this.configurations.prepare(assignment, fds);
  }

  abort(): void {
    this.configurations.abort();
  }

  commit(): void {
    if (!this.configurations.commit()) return;
    // Kept connections of frontends that are gone.
    this.http.spreadIdle(DRAIN_SPREAD_MS, ({ closes, generation }) => closes && generation.retired);
  }

  setServer(state: ServerState): void {
    this.configurations.setServer(state);
    // A server that came back can take those who wait; one that went leaves them to the others.
    this.plane.wantTickAtOnce();
  }

  /** Stops accepting, lets running sessions end, cuts what is left after `withinMs`; then calls `done`. */
  drain(withinMs: number, done: () => void): void {
    const p = this.plane;
    for (const listener of this.listeners.all) this.listeners.finish(listener);
    this.drainDone = done;
    this.configurations.closeAllKept();
    this.http.spreadIdle(Math.min(DRAIN_SPREAD_MS, withinMs / 2), () => true);
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
      else this.sessions.close(slot, "KD", this.endsWithClose(slot));
    }
    this.placeFree();
  }

  /** The client takes the connection's end for the end of its response: only a reset tells that it is not whole. */
  private endsWithClose(client: number): boolean {
    const t = this.plane.table;
    if (t.state[client] !== CONN.EXCHANGE || (t.flags[client] & FLAG.ANSWERED) === 0) return false;
    const server = t.peer[client];
    return t.body[server] === BODY.UNTIL_CLOSE || (t.flags[server] & FLAG.DECHUNK) !== 0;
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

  private placeFree(): void {
    this.listeners.placeFree();
    this.configurations.dropRetired();
    if (this.drainDone !== null && this.drainDeadline !== NEVER && this.sessionCount === 0) {
      const done = this.drainDone;
      this.drainDone = null;
      this.plane.loop.defer(done);
    }
  }

  private accept(listener: Listener, fd: number): void {
    const p = this.plane;
    const t = p.table;
    const tls = this.configurations.tlsOf(listener.key);
    const client = t.take(fd, tls === undefined ? CONN.HEAD : CONN.HELLO);
    if (client < 0) {
      sockets.close(fd);
      return this.listeners.giveBack(listener);
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
    const backend = routeTcp(p, client, frontend, this.context, this.outcome);
    if (backend === null) return this.sessions.close(client, "PR", false);
    p.backendOf[client] = backend;
    this.tcp.begin(client);
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
        if (t.flags[slot] & FLAG.READABLE) this.upstream.idle.drop(slot);
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
        return this.upstream.idle.drop(slot);
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
