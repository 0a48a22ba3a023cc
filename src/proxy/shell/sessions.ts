/** The beginning and the end of sessions: the one place that counts, logs and frees. */
import type { MessageHead } from "../../http/head.ts";
import { latencyBucket } from "../../stats/latency.ts";
import { backendCounters, frontendCounters, headerWords, serverCounters } from "../../stats/layout.ts";
import { CONN, FLAG, NONE } from "../conn-table.ts";
import type { Plane } from "./plane.ts";
import type { FrontendRuntime } from "./runtime.ts";
import type { Cause } from "./session-kind.ts";
import type { Upstream } from "./upstream.ts";

/** Writes the access-log line of a session or request that ended; the columns still hold it. */
export interface SessionLog {
  write(client: number, cause: Cause): void;
  /** A request's head was parsed, its bytes still in the arena: the line is kept for `write`. */
  noteRequest(client: number, head: MessageHead): void;
}

export class Sessions {
  private readonly p: Plane;
  private readonly upstream: Upstream;
  readonly log: SessionLog;
  /** A place became free: paused listeners may go on. */
  onPlaceFree: () => void = () => undefined;

  constructor(p: Plane, upstream: Upstream, log: SessionLog) {
    this.p = p;
    this.upstream = upstream;
    this.log = log;
  }

  /** Counts an accepted connection, for which its listener has raised the shared gauges (`Listeners`). */
  admit(client: number, frontend: FrontendRuntime): void {
    const { own } = this.p.memory;
    this.p.frontendOf[client] = frontend;
    this.p.table.flags[client] |= FLAG.ADMITTED;
    frontend.generation.sessions++;
    const open = ++own[frontend.counters + frontendCounters.connections];
    own[frontend.counters + frontendCounters.connectionsTotal]++;
    if (open > own[frontend.counters + frontendCounters.connectionsMax]) {
      own[frontend.counters + frontendCounters.connectionsMax] = open;
    }
  }

  /** A session or request begins to use a backend. */
  enterBackend(client: number): void {
    const { own } = this.p.memory;
    const backend = this.p.backend(client);
    own[backend.counters + backendCounters.sessions]++;
    own[backend.counters + backendCounters.sessionsTotal]++;
  }

  /**
   * Counts and logs what the columns hold, and leaves server and backend. The client's connection stays.
   * @param cause null: not logged, since the client sends the request again.
   */
  finish(client: number, cause: Cause | null): void {
    const { p } = this;
    const t = p.table;
    if (t.state[client] === CONN.QUEUED) this.upstream.queues.leave(client, false);
    this.count(client);
    if (cause !== null) this.log.write(client, cause);
    this.upstream.release(client);
    const backend = p.backendOf[client];
    if (backend !== null) {
      p.memory.own[backend.counters + backendCounters.sessions]--;
      p.backendOf[client] = null;
    }
  }

  private count(client: number): void {
    const { p } = this;
    const t = p.table;
    const { own } = p.memory;
    let received = t.receivedBytes[client];
    let sent = t.sentBytes[client];
    if (t.flags[client] & FLAG.PARTLY_COUNTED) {
      t.flags[client] &= ~FLAG.PARTLY_COUNTED;
      received -= t.countedReceivedBytes[client];
      sent -= t.countedSentBytes[client];
    }
    const status = t.status[client];
    const family = status < 100 ? -1 : Math.min(5, Math.floor(status / 100)) - 1;
    const bucket = latencyBucket(p.loop.now - t.startedAt[client]);
    const { counters: f } = p.frontendOf[client];
    own[f + frontendCounters.receivedBytes] += received;
    own[f + frontendCounters.sentBytes] += sent;
    own[f + frontendCounters.latency + bucket]++;
    if (family >= 0) own[f + frontendCounters.responses1xx + family]++;
    const backend = p.backendOf[client];
    if (backend === null) return;
    // The first counters of backends and servers stand at the same places.
    this.countFor(backend.counters, received, sent, family, bucket);
    const index = t.serverIndex[client];
    if (index >= 0) this.countFor(backend.endpoints[index].counters, received, sent, family, bucket);
  }

  private countFor(at: number, received: number, sent: number, family: number, bucket: number): void {
    const { own } = this.p.memory;
    own[at + backendCounters.receivedBytes] += received;
    own[at + backendCounters.sentBytes] += sent;
    own[at + backendCounters.latency + bucket]++;
    if (family >= 0) own[at + backendCounters.responses1xx + family]++;
  }

  /** Counts what a session that goes on has moved so far. */
  countSoFar(client: number): void {
    const { p } = this;
    const t = p.table;
    const { own } = p.memory;
    if ((t.flags[client] & FLAG.PARTLY_COUNTED) === 0) {
      t.flags[client] |= FLAG.PARTLY_COUNTED;
      t.countedReceivedBytes[client] = 0;
      t.countedSentBytes[client] = 0;
    }
    const received = t.receivedBytes[client] - t.countedReceivedBytes[client];
    const sent = t.sentBytes[client] - t.countedSentBytes[client];
    if (received === 0 && sent === 0) return;
    t.countedReceivedBytes[client] += received;
    t.countedSentBytes[client] += sent;
    const { counters: f } = p.frontendOf[client];
    own[f + frontendCounters.receivedBytes] += received;
    own[f + frontendCounters.sentBytes] += sent;
    const backend = p.backendOf[client];
    if (backend === null) return;
    own[backend.counters + backendCounters.receivedBytes] += received;
    own[backend.counters + backendCounters.sentBytes] += sent;
    const index = t.serverIndex[client];
    if (index < 0) return;
    const { counters: s } = backend.endpoints[index];
    own[s + serverCounters.receivedBytes] += received;
    own[s + serverCounters.sentBytes] += sent;
  }

  /** Ends a session that is under way: logged with `cause`, both connections closed, with a reset when `abort`. */
  close(client: number, cause: Cause, abort: boolean): void {
    const { p } = this;
    const server = p.table.peer[client];
    this.finish(client, cause);
    if (server !== NONE) {
      p.table.peer[client] = NONE;
      p.drop(server, abort);
    }
    this.dropClient(client, abort);
  }

  /** Closes the client's connection; nothing is under way on it. */
  dropClient(client: number, abort: boolean): void {
    const { p } = this;
    const frontend = p.frontendOf[client];
    if (p.table.flags[client] & FLAG.ADMITTED) {
      frontend.generation.sessions--;
      p.memory.own[frontend.counters + frontendCounters.connections]--;
      Atomics.sub(p.memory.shared, frontend.connectionsWord, 1);
      Atomics.sub(p.memory.header, headerWords.connections, 1);
    }
    p.drop(client, abort);
    this.onPlaceFree();
  }
}
