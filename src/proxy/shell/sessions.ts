/** The beginning and the end of sessions: the one place that counts, logs and frees. */
import { backendCounters, frontendCounters, headerWords } from "../../stats/layout.ts";
import { CONN, FLAG, NONE } from "../conn-table.ts";
import type { Cause, Plane } from "./plane.ts";
import type { FrontendRuntime } from "./runtime.ts";
import type { Upstream } from "./upstream.ts";

/** Writes the access-log line of a session or request that ended; the columns still hold it. */
export interface SessionLog {
  write(client: number, cause: Cause): void;
}

export class Sessions {
  private readonly p: Plane;
  private readonly upstream: Upstream;
  private readonly log: SessionLog;
  /** A place became free: paused listeners may go on. */
  onPlaceFree: () => void = () => undefined;

  constructor(p: Plane, upstream: Upstream, log: SessionLog) {
    this.p = p;
    this.upstream = upstream;
    this.log = log;
  }

  /** Counts an accepted connection. */
  admit(client: number, frontend: FrontendRuntime): void {
    const { own, header } = this.p.memory;
    this.p.frontendOf[client] = frontend;
    this.p.table.flags[client] |= FLAG.ADMITTED;
    frontend.generation.sessions++;
    Atomics.add(header, headerWords.connections, 1);
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

  /** Counts and logs what the columns hold, and leaves server and backend. The client's connection stays. */
  finish(client: number, cause: Cause): void {
    const { p } = this;
    const t = p.table;
    if (t.state[client] === CONN.QUEUED) this.upstream.leaveQueue(client);
    this.log.write(client, cause);
    this.upstream.release(client);
    const backend = p.backendOf[client];
    if (backend !== null) {
      p.memory.own[backend.counters + backendCounters.sessions]--;
      p.backendOf[client] = null;
    }
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
      Atomics.sub(p.memory.header, headerWords.connections, 1);
    }
    p.drop(client, abort);
    this.onPlaceFree();
  }
}
