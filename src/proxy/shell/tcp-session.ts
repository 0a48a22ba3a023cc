/**
 * tcp mode, and what an HTTP connection becomes after a 101: two directions relayed until both have ended.
 *
 *   client FIN ─► queued bytes sent ─► FIN to the server; the other direction goes on        (and the same mirrored)
 *   RST of one side ─► RST to the other
 */
import { AssertionError } from "../../lib/result.ts";
import { EXCLUDE_NONE } from "../balance.ts";
import { CONN, FLAG } from "../conn-table.ts";
import type { Plane } from "./plane.ts";
import { RELAY, relay } from "./relay.ts";
import type { Cause, SessionKind } from "./session-kind.ts";
import type { Sessions } from "./sessions.ts";
import type { Upstream } from "./upstream.ts";

export class TcpSessions implements SessionKind {
  private readonly p: Plane;
  private readonly upstream: Upstream;
  private readonly sessions: Sessions;
  /** `relay` adds the bytes of one call here. */
  private readonly moved = new Float64Array(1);

  constructor(p: Plane, upstream: Upstream, sessions: Sessions) {
    this.p = p;
    this.upstream = upstream;
    this.sessions = sessions;
  }

  /** An accepted connection with its backend chosen. */
  begin(client: number): void {
    const t = this.p.table;
    t.retriesLeft[client] = this.p.backend(client).config.retries;
    this.sessions.enterBackend(client);
    this.upstream.assign(client, EXCLUDE_NONE);
  }

  connected(client: number): void {
    this.p.table.state[client] = CONN.TUNNEL;
    this.touch(client);
    this.pump(client);
  }

  failed(client: number, cause: Cause): void {
    this.sessions.close(client, cause, false);
  }

  clientReady(client: number): void {
    const t = this.p.table;
    if (t.state[client] === CONN.TUNNEL) this.pump(client);
    // Before a server is there nothing is read; a client that broke off need not wait for one.
    else if (t.flags[client] & FLAG.BROKEN) {
      this.sessions.close(client, t.state[client] === CONN.QUEUED ? "CQ" : "CC", true);
    }
  }

  serverReady(server: number): void {
    this.pump(this.p.table.peer[server]);
  }

  clientTimeout(client: number): void {
    const t = this.p.table;
    switch (t.state[client]) {
      case CONN.QUEUED:
        return this.sessions.close(client, "sQ", false);
      case CONN.TURNAROUND:
        return this.upstream.retry(client);
      case CONN.TUNNEL:
        return this.sessions.close(client, this.waitsForServer(client) ? "sD" : "cD", false);
      default:
        throw new AssertionError(`tcp session: timeout in state ${t.state[client]}`);
    }
  }

  serverTimeout(server: number): void {
    this.sessions.close(this.p.table.peer[server], "sD", false);
  }

  /**
   * Whose silence it was: of the side that does not take what waits for it; otherwise the server's when its timeout is
   * the shorter one. A client that has our FIN owes its own.
   */
  private waitsForServer(client: number): boolean {
    const t = this.p.table;
    const server = t.peer[client];
    if (t.flags[client] & FLAG.SHUT || t.outBlock[client] >= 0 || t.pipeBytes[server] > 0) return false;
    if (t.outBlock[server] >= 0 || t.pipeBytes[client] > 0) return true;
    return this.p.backend(client).config.timeouts.serverMs < this.p.frontendOf[client].config.timeouts.clientMs;
  }

  /** Moves what can be moved in both directions and sees to ends. */
  pump(client: number): void {
    const { p, moved } = this;
    const t = p.table;
    const server = t.peer[client];
    moved[0] = 0;
    const up = hasWork(p, client, server) ? relay(p, client, server, moved) : RELAY.IDLE;
    const upBytes = moved[0];
    const down = hasWork(p, server, client) ? relay(p, server, client, moved) : RELAY.IDLE;
    if (moved[0] > 0) {
      t.receivedBytes[client] += upBytes;
      t.sentBytes[client] += moved[0] - upBytes;
      this.touch(client);
    }
    // Most events end here: bytes moved, nothing ended.
    if ((up | down) === RELAY.IDLE && (t.flags[client] & FLAG.BROKEN) === 0) return;
    // A client that broke off is not waited for, even when the server does not take what it sent before.
    if (t.flags[client] & FLAG.BROKEN || up === RELAY.SOURCE_BROKEN || down === RELAY.TARGET_BROKEN)
      return this.sessions.close(client, "CD", true);
    // A server that broke off may have left bytes to deliver: `down` says SOURCE_BROKEN after the last of them.
    if (down === RELAY.SOURCE_BROKEN) return this.sessions.close(client, "SD", true);
    if (up === RELAY.TARGET_BROKEN && down !== RELAY.IDLE) return this.sessions.close(client, "SD", true);
    if (up === RELAY.ENDED) p.shutWrite(server);
    if (down === RELAY.ENDED) {
      p.shutWrite(client);
      // The client has our FIN; it gets only so long to send its own.
      if (up !== RELAY.ENDED) this.touch(client);
    }
    if (up === RELAY.ENDED && down === RELAY.ENDED) this.sessions.close(client, "--", false);
  }

  private touch(client: number): void {
    const { p } = this;
    const t = p.table;
    const frontend = p.frontendOf[client].config.timeouts;
    const backend = p.backend(client).config.timeouts;
    if (t.flags[client] & FLAG.SHUT) return p.setTimer(client, frontend.clientFinMs);
    const tunnel = t.flags[client] & FLAG.UPGRADE;
    p.setTimer(
      client,
      tunnel ? Math.min(frontend.tunnelMs, backend.tunnelMs) : Math.min(frontend.clientMs, backend.serverMs),
    );
  }
}

/** Whether something may be moved from `source` to `target`, or an end passed on. */
function hasWork(p: Plane, source: number, target: number): boolean {
  const t = p.table;
  return (t.flags[source] & (FLAG.READABLE | FLAG.EOF)) !== 0 || t.outBlock[target] >= 0 || t.pipe[source] >= 0;
}
