/**
 * Configuration generations: the one that runs, those that sessions still hold, the one that is prepared.
 *
 *   prepare(assignment, fds) ─► [] ─► commit()        sessions keep the generation they began with,
 *                            └► reasons ─► abort()     new requests of kept connections use the new one
 */
import type { Assignment, ServerState } from "../../ipc/messages.ts";
import { COUNTER_MAX, frontendCounters, headerWords, serverCounters } from "../../stats/layout.ts";
import { SOL, TCP } from "../../sys/abi.ts";
import { wallNow } from "../../sys/clock.ts";
import * as sockets from "../../sys/socket.ts";
import { buildTlsListener, type TlsListener } from "./certificates.ts";
import type { GaugeAudit } from "./gauge-audit.ts";
import { applyServerState, buildGeneration } from "./generation.ts";
import type { Listeners } from "./listeners.ts";
import type { Plane } from "./plane.ts";
import type { Endpoint, FrontendRuntime, Generation } from "./runtime.ts";
import type { Upstream } from "./upstream.ts";

/** One sentence for the operator: limits met, certificates that expired. `object`: the frontend, when it is one. */
export type Report = (kind: string, text: string, object?: string, fields?: Readonly<Record<string, number>>) => void;

/** A kept connection of a frontend that goes away may be idle for this long: a request may be on its way. */
const LAST_IDLE_MS = 200;

interface Prepared {
  readonly generation: Generation;
  readonly assignment: Assignment;
  readonly fds: readonly number[];
  readonly tls: ReadonlyMap<string, TlsListener>;
}

export class Configurations {
  private readonly p: Plane;
  private readonly upstream: Upstream;
  private readonly listeners: Listeners;
  private readonly audit: GaugeAudit;
  private readonly report: Report;
  /** Servers that several generations share, with their pools. */
  private readonly endpoints = new Map<string, Endpoint>();
  private readonly generations: Generation[] = [];
  /** Counters of every frontend so far: other workers may have connections of one that is gone. */
  private readonly frontendsSeen = new Set<number>();
  private prepared: Prepared | null = null;
  private tls: ReadonlyMap<string, TlsListener> = new Map();
  private expiryTold = new Set<string>();
  /** One worker speaks for all of certificates: they have the same. */
  private speaks = false;
  current: Generation | null = null;

  constructor(p: Plane, upstream: Upstream, listeners: Listeners, audit: GaugeAudit, report: Report) {
    this.p = p;
    this.upstream = upstream;
    this.listeners = listeners;
    this.audit = audit;
    this.report = report;
  }

  /** Open client connections. */
  get sessionCount(): number {
    let sum = 0;
    for (const { sessions } of this.generations) sum += sessions;
    return sum;
  }

  tlsOf(bindKey: string): TlsListener | undefined {
    return this.tls.get(bindKey);
  }

  /**
   * Builds the new configuration without touching the running one. `fds` belong to the data plane from here on, one
   * per `assignment.listeners`. Answers the reasons why it cannot be taken; none: `commit` or `abort` follows.
   */
  prepare(assignment: Assignment, fds: readonly number[]): readonly string[] {
    if (this.prepared !== null) this.abort();
    const reasons: string[] = [];
    const tls = new Map<string, TlsListener>();
    for (const { binds, mode } of assignment.config.frontends) {
      for (const bind of binds) {
        if (bind.tls === null) continue;
        const materials = assignment.tls[bind.key] ?? [];
        const built = buildTlsListener(bind.tls, materials, bind.path, mode === "http");
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

  /** The prepared configuration becomes the running one, between two events. False: nothing was prepared. */
  commit(): boolean {
    const { prepared } = this;
    if (prepared === null) return false;
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
    this.tls = prepared.tls;
    this.expiryTold = new Set();
    this.speaks = assignment.index === 0;
    this.reportExpired();
    for (const listener of this.listeners.all) this.listeners.remove(listener);
    this.listeners.globalMax = assignment.config.global.maxconn;
    assignment.listeners.forEach((key, i) => this.listen(key, fds[i], generation));
    if (old !== null) this.retire(old);
    this.watchGauges(generation, assignment);
    return true;
  }

  setServer(state: ServerState): void {
    for (const generation of this.generations) applyServerState(generation, state);
  }

  /** Certificates that are past their end are served all the same, and told once a configuration. */
  reportExpired(): void {
    const { current } = this;
    if (!this.speaks || current === null) return;
    const wallMs = wallNow();
    for (const [key, { certificates }] of this.tls) {
      const frontend = current.frontends.find(({ config }) => config.binds.some((bind) => bind.key === key));
      for (const { path, validToWallMs } of certificates) {
        if (validToWallMs >= wallMs || this.expiryTold.has(path)) continue;
        this.expiryTold.add(path);
        const text = `${path}: expired on ${new Date(validToWallMs).toISOString()}; it is served all the same`;
        this.report("proxy.certificate", text, frontend?.name, { generation: current.id });
      }
    }
  }

  /** Responses end their connections from now on, and kept ones go when they are idle. */
  closeKept(frontend: FrontendRuntime): void {
    frontend.closes = true;
    frontend.idleMs = Math.min(frontend.idleMs, LAST_IDLE_MS);
  }

  /** As `closeKept`, for every frontend of every generation. */
  closeAllKept(): void {
    for (const { frontends } of this.generations) for (const frontend of frontends) this.closeKept(frontend);
  }

  /** Forgets generations that no session holds any more. */
  dropRetired(): void {
    if (this.generations.length === 1) return;
    for (let i = this.generations.length - 1; i >= 0; i--) {
      if (this.generations[i].retired && this.generations[i].sessions === 0) this.generations.splice(i, 1);
    }
  }

  private listen(key: string, fd: number, generation: Generation): void {
    const frontend = generation.frontends.find(({ config }) => config.binds.some((bind) => bind.key === key));
    if (frontend === undefined) {
      sockets.close(fd);
      return;
    }
    // Accepted sockets inherit it: no setsockopt per connection. Not for Unix sockets, where it means nothing.
    sockets.setOption(fd, SOL.TCP, TCP.NODELAY, 1);
    this.listeners.add(key, fd, frontend);
  }

  private retire(old: Generation): void {
    old.retired = true;
    for (const endpoint of old.endpoints) {
      endpoint.users--;
      if (endpoint.users > 0) continue;
      this.upstream.idle.close(endpoint);
      if (this.endpoints.get(endpoint.key) === endpoint) this.endpoints.delete(endpoint.key);
    }
    for (const frontend of old.frontends) if (this.successorOf(frontend) === null) this.closeKept(frontend);
    this.dropRetired();
  }

  /** The frontend that new requests of a kept connection belong to: null when it is gone from the configuration. */
  successorOf(frontend: FrontendRuntime): FrontendRuntime | null {
    return (
      this.current?.frontends.find(({ name, isHttp }) => name === frontend.name && isHttp === frontend.isHttp) ?? null
    );
  }

  private watchGauges(generation: Generation, { objects }: Assignment): void {
    const { header, shared } = this.p.memory;
    const own = new Set(generation.frontends.map(({ counters }) => counters));
    // An index that was given to something else counts something else.
    const taken = new Set(Object.values(objects).map((index) => index * COUNTER_MAX));
    for (const counters of this.frontendsSeen) if (taken.has(counters)) this.frontendsSeen.delete(counters);
    for (const counters of own) this.frontendsSeen.add(counters);
    const connections = (counters: number): number => counters + frontendCounters.connections;
    this.audit.watch([
      { words: header, word: headerWords.connections, held: [...this.frontendsSeen].map(connections) },
      ...generation.frontends.map(({ connectionsWord, counters }) => ({
        words: shared,
        word: connectionsWord,
        held: [connections(counters)],
      })),
      ...generation.endpoints
        .filter(({ config }) => config.maxconn !== null)
        .map(({ servedWord, counters }) => ({
          words: shared,
          word: servedWord,
          held: [counters + serverCounters.sessions],
        })),
    ]);
  }
}
