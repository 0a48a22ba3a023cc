/** Server connections between two requests: kept per server and worker, last in first out. */
import { serverCounters } from "../../stats/layout.ts";
import { CONN, FLAG, NONE } from "../conn-table.ts";
import type { Plane } from "./plane.ts";
import { type Endpoint, IDLE_MAX } from "./runtime.ts";

/** Idle server connections live this long: below the keep-alive timeout of the usual servers (Apache, Node: 5 s). */
const IDLE_MS = 4000;

export class IdlePool {
  private readonly p: Plane;

  constructor(p: Plane) {
    this.p = p;
  }

  /** The slot of a connection to use again, or NONE. */
  take(endpoint: Endpoint): number {
    if (endpoint.idleCount === 0) return NONE;
    const server = endpoint.idle[--endpoint.idleCount];
    const { own } = this.p.memory;
    own[endpoint.counters + serverCounters.idleConnections]--;
    own[endpoint.counters + serverCounters.reusesTotal]++;
    this.p.table.flags[server] = FLAG.REUSED;
    return server;
  }

  /** A connection whose request and response ended exactly; closed when the pool is full. */
  give(server: number): void {
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
  drop(server: number): void {
    const { p } = this;
    const endpoint = p.backend(server).endpoints[p.table.serverIndex[server]];
    const at = endpoint.idle.lastIndexOf(server, endpoint.idleCount - 1);
    endpoint.idle.copyWithin(at, at + 1, endpoint.idleCount--);
    p.memory.own[endpoint.counters + serverCounters.idleConnections]--;
    p.drop(server, false);
  }

  close(endpoint: Endpoint): void {
    while (endpoint.idleCount > 0) this.drop(endpoint.idle[endpoint.idleCount - 1]);
  }
}
