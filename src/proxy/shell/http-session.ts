/**
 * HTTP/1 sessions: one client connection, request after request.
 *
 *   HEAD ─► (rules) ─► QUEUED/CONNECT/TURNAROUND ─► EXCHANGE ─┬─► HEAD           keep-alive: the next request
 *    │                      │                          │      ├─► TUNNEL         after a 101
 *    └──────────────────────┴──── own answer ──────────┴──────┴─► ANSWER ─► LINGER ─► closed
 *
 * A request and its response may overlap: the server may answer early. Then the connection ends with the response.
 */
import { ChunkedDecoder } from "../../http/chunked.ts";
import type { MessageHead } from "../../http/head.ts";
import { AssertionError } from "../../lib/result.ts";
import { MSG } from "../../sys/abi.ts";
import { E } from "../../sys/errno.ts";
import { recv } from "../../sys/socket.ts";
import { CONN, FLAG, NONE } from "../conn-table.ts";
import type { RequestContext } from "../request-context.ts";
import type { Outcome } from "../rules.ts";
import { READ_AT } from "./arena.ts";
import type { Configurations } from "./configurations.ts";
import { HttpAnswers } from "./http-answers.ts";
import type { HttpExchange } from "./http-exchange.ts";
import { HttpRequestBodies } from "./http-request-body.ts";
import { HttpRequests } from "./http-request.ts";
import { HttpResponses } from "./http-response.ts";
import type { Plane } from "./plane.ts";
import type { FrontendRuntime } from "./runtime.ts";
import type { Cause, SessionKind } from "./session-kind.ts";
import type { Sessions } from "./sessions.ts";
import type { TcpSessions } from "./tcp-session.ts";
import type { Upstream } from "./upstream.ts";

/** Bits of a client's flags that belong to one request. */
const REQUEST_FLAGS =
  FLAG.REQUEST_DONE |
  FLAG.ANSWERED |
  FLAG.HTTP10 |
  FLAG.IDEMPOTENT |
  FLAG.UPGRADE |
  FLAG.REDISPATCHED |
  FLAG.HEAD_BEGUN |
  FLAG.UNREPEATABLE |
  FLAG.QUEUED_ONCE;

export class HttpSessions implements SessionKind, HttpExchange {
  readonly sessions: Sessions;
  private readonly answers: HttpAnswers;
  private readonly p: Plane;
  private readonly upstream: Upstream;
  private readonly tcp: TcpSessions;
  private readonly requests: HttpRequests;
  private readonly bodies: HttpRequestBodies;
  private readonly responses: HttpResponses;
  private readonly configurations: Configurations;

  constructor(
    p: Plane,
    upstream: Upstream,
    sessions: Sessions,
    tcp: TcpSessions,
    context: RequestContext,
    configurations: Configurations,
  ) {
    this.p = p;
    this.configurations = configurations;
    this.upstream = upstream;
    this.sessions = sessions;
    this.tcp = tcp;
    this.answers = new HttpAnswers(p, upstream, sessions, (client) => this.awaitNext(client));
    const decoder = new ChunkedDecoder(p.table.capacity);
    this.requests = new HttpRequests(p, upstream, this, decoder, context);
    this.bodies = new HttpRequestBodies(p, this, decoder);
    this.responses = new HttpResponses(p, this, this.bodies, decoder);
  }

  /** A new client connection. */
  begin(client: number): void {
    const { p } = this;
    p.table.state[client] = CONN.HEAD;
    p.setTimer(client, p.frontendOf[client].config.timeouts.httpRequestMs);
    if (p.table.flags[client] & FLAG.READABLE) this.requests.readHead(client);
  }

  adoptConfiguration(client: number): FrontendRuntime {
    const { p } = this;
    const frontend = p.frontendOf[client];
    if (!frontend.generation.retired) return frontend;
    const successor = this.configurations.successorOf(frontend);
    // A frontend that is gone serves what is under way and then closes.
    if (successor === null) return frontend;
    frontend.generation.sessions--;
    successor.generation.sessions++;
    p.frontendOf[client] = successor;
    return successor;
  }

  connected(client: number, server: number): void {
    const { p } = this;
    p.table.state[client] = CONN.EXCHANGE;
    p.backendOf[server] = p.backendOf[client];
    p.setTimer(server, p.backend(client).config.timeouts.serverMs);
    if (!this.bodies.send(client, server)) return;
    if (p.table.flags[server] & (FLAG.READABLE | FLAG.BROKEN)) this.responses.read(client, server);
  }

  failed(client: number, cause: Cause, status: number): void {
    this.answer(client, status, cause);
  }

  clientReady(client: number): void {
    const { p } = this;
    const t = p.table;
    switch (t.state[client]) {
      case CONN.HEAD:
        return this.readNext(client);
      case CONN.EXCHANGE:
        return this.exchange(client);
      case CONN.QUEUED:
      case CONN.TURNAROUND:
      case CONN.CONNECT:
        if (this.clientLeft(client)) this.sessions.close(client, t.state[client] === CONN.QUEUED ? "CQ" : "CC", true);
        return;
      case CONN.TUNNEL:
        return this.tcp.pump(client);
      case CONN.ANSWER:
        return this.answers.finish(client);
      case CONN.LINGER:
        return this.answers.linger(client);
      default:
        throw new AssertionError(`http session: event in state ${t.state[client]}`);
    }
  }

  serverReady(server: number): void {
    const t = this.p.table;
    const client = t.peer[server];
    if (t.state[client] === CONN.TUNNEL) return this.tcp.pump(client);
    if (!this.bodies.send(client, server)) return;
    this.responses.read(client, server);
    this.watch(client, server);
  }

  private exchange(client: number): void {
    const t = this.p.table;
    const server = t.peer[client];
    if (this.clientLeft(client)) return this.clientFailed(client, t.flags[client] & FLAG.ANSWERED ? "CD" : "CH");
    if (!this.bodies.send(client, server)) return;
    if (t.outBlock[client] >= 0 || t.pipe[server] >= 0 || t.flags[server] & (FLAG.READABLE | FLAG.EOF | FLAG.BROKEN)) {
      this.responses.read(client, server);
    }
    this.watch(client, server);
  }

  /** Sets the clock of the side that is expected to move, while the exchange goes on. */
  private watch(client: number, server: number): void {
    const { p } = this;
    const t = p.table;
    if (t.state[client] !== CONN.EXCHANGE || t.peer[client] !== server) return;
    const clientMs = p.frontendOf[client].config.timeouts.clientMs;
    const waitsForClient =
      t.outBlock[client] >= 0 ||
      t.pipeBytes[server] > 0 ||
      ((t.flags[client] & FLAG.REQUEST_DONE) === 0 && t.outBlock[server] < 0 && t.pipeBytes[client] === 0);
    if (waitsForClient) {
      p.setTimer(client, clientMs);
      p.wheel.clear(server);
    } else {
      p.wheel.clear(client);
      p.setTimer(server, p.backend(client).config.timeouts.serverMs);
    }
  }

  /** A client that broke off, or that sent its end while it waits and abortonclose is set. */
  private clientLeft(client: number): boolean {
    const { p } = this;
    const t = p.table;
    const flags = t.flags[client];
    if (flags & FLAG.BROKEN) return true;
    if ((flags & FLAG.RDHUP) === 0 || (flags & FLAG.REQUEST_DONE) === 0 || flags & FLAG.ANSWERED) return false;
    const backend = p.backendOf[client];
    if (backend === null || !backend.config.abortonclose || t.inBlock[client] >= 0) return false;
    if (flags & FLAG.EOF) return true;
    // Behind a pipelined request the end may wait: only an empty stream is an abort.
    return (flags & FLAG.TLS) === 0 && recv(t.fd[client], p.base + READ_AT, 1, MSG.PEEK | MSG.DONTWAIT) === 0;
  }

  private readNext(client: number): void {
    const { p } = this;
    const t = p.table;
    // Reset before we came to read: nobody waits for the answer, and what it sent would hold a place at a server.
    if (t.flags[client] & FLAG.BROKEN) return this.closeIdle(client);
    if (t.outBlock[client] >= 0) {
      const flushed = p.flush(client);
      if (flushed < 0) return this.closeIdle(client);
      if (flushed === 0) return;
    }
    if (t.inBlock[client] >= 0 || t.flags[client] & FLAG.READABLE) this.requests.readHead(client);
  }

  closeIdle(client: number): void {
    const { p } = this;
    const t = p.table;
    // HAProxy's CR with 400: no whole request came. Between two requests nothing is missing.
    if (t.flags[client] & FLAG.HEAD_BEGUN || (t.flags[client] & FLAG.KEPT) === 0) {
      t.status[client] = 400;
      this.sessions.log.write(client, "CR");
    }
    this.sessions.dropClient(client, false);
  }

  responded(client: number): void {
    const { p } = this;
    const t = p.table;
    const server = t.peer[client];
    t.peer[client] = NONE;
    const requestDone = (t.flags[client] & FLAG.REQUEST_DONE) !== 0;
    const sentWhole = t.requestBlock[client] < 0 || t.requestSent[client] === t.requestEnd[client];
    const reusable = (t.flags[server] & (FLAG.KEEP | FLAG.BROKEN | FLAG.EOF | FLAG.RDHUP)) === FLAG.KEEP;
    const isClean = t.outBlock[server] < 0 && t.pipe[server] < 0 && t.inBlock[server] < 0 && t.pipe[client] < 0;
    if (requestDone && sentWhole && reusable && isClean && this.isSilent(server)) {
      this.upstream.idle.give(server);
    } else p.drop(server, false);
    if (t.requestBlock[client] >= 0) {
      p.arena.release(t.requestBlock[client]);
      t.requestBlock[client] = NONE;
    }
    this.sessions.finish(client, "--");
    if (t.flags[client] & FLAG.CLOSE_AFTER || !requestDone) {
      t.state[client] = CONN.ANSWER;
      return this.answers.finish(client);
    }
    this.awaitNext(client);
  }

  /**
   * No byte stands behind the response. A read or a splice that stopped at the end of the body leaves READABLE set
   * without knowing; asking costs one call, a new connection to the server five.
   */
  private isSilent(server: number): boolean {
    const { p } = this;
    const t = p.table;
    if ((t.flags[server] & FLAG.READABLE) === 0) return true;
    if (recv(t.fd[server], p.base + READ_AT, 1, MSG.PEEK | MSG.DONTWAIT) !== -E.AGAIN) return false;
    t.flags[server] &= ~FLAG.READABLE;
    return true;
  }

  /** Ready for the next request of a kept connection. */
  private awaitNext(client: number): void {
    const { p } = this;
    const t = p.table;
    t.flags[client] = (t.flags[client] & ~REQUEST_FLAGS) | FLAG.KEPT;
    t.state[client] = CONN.HEAD;
    t.scannedBytes[client] = 0;
    t.startedAt[client] = NONE;
    t.headAt[client] = NONE;
    t.assignedAt[client] = NONE;
    t.connectedAt[client] = NONE;
    t.respondedAt[client] = NONE;
    t.status[client] = NONE;
    t.receivedBytes[client] = 0;
    t.sentBytes[client] = 0;
    t.serverIndex[client] = NONE;
    p.setTimer(client, p.frontendOf[client].idleMs);
    // Pipelined requests wait for the next turn, so that one client cannot keep the loop.
    if (t.inBlock[client] >= 0 || t.flags[client] & FLAG.READABLE) p.markReady(client);
  }

  answer(client: number, status: number, cause: Cause): void {
    this.answers.answer(client, status, cause);
  }

  redirect(client: number, redirect: Outcome["redirect"], head: MessageHead): void {
    this.answers.redirect(client, redirect, head);
  }

  serverFailed(client: number, cause: Cause): void {
    this.answers.serverFailed(client, cause);
  }

  clientFailed(client: number, cause: Cause): void {
    this.answers.clientFailed(client, cause);
  }

  becomeTunnel(client: number): void {
    const { p } = this;
    const t = p.table;
    t.state[client] = CONN.TUNNEL;
    p.wheel.clear(t.peer[client]);
    const block = t.inBlock[client];
    if (block >= 0) {
      t.inBlock[client] = NONE;
      p.deliver(t.peer[client], t.inStart[client], t.inEnd[client] - t.inStart[client]);
      p.arena.release(block);
    }
    t.flags[client] |= FLAG.READABLE;
    t.flags[t.peer[client]] |= FLAG.READABLE;
    this.tcp.connected(client);
  }

  clientTimeout(client: number): void {
    const { p } = this;
    const t = p.table;
    switch (t.state[client]) {
      case CONN.HEAD:
        if (t.flags[client] & FLAG.HEAD_BEGUN || this.isSilentTooLong(client)) return this.answer(client, 408, "cR");
        return this.sessions.dropClient(client, false);
      case CONN.QUEUED:
        return this.answer(client, 503, "sQ");
      case CONN.TURNAROUND:
        return this.upstream.retry(client);
      case CONN.EXCHANGE:
        if (t.flags[client] & FLAG.ANSWERED) return this.answers.cut(client, "cD");
        return this.answer(client, 408, "cH");
      case CONN.TUNNEL:
        return this.tcp.clientTimeout(client);
      case CONN.ANSWER:
        return this.sessions.dropClient(client, true);
      case CONN.LINGER:
        return this.answers.lingerTimeout(client);
      default:
        throw new AssertionError(`http session: timeout in state ${t.state[client]}`);
    }
  }

  /** A new connection on which no request began in time; a drain closes those that wait for less (`spreadIdle`). */
  private isSilentTooLong(client: number): boolean {
    const { p } = this;
    const t = p.table;
    if (t.flags[client] & FLAG.KEPT) return false;
    return p.loop.now - t.startedAt[client] >= p.frontendOf[client].config.timeouts.httpRequestMs;
  }

  serverTimeout(server: number): void {
    const { p } = this;
    const t = p.table;
    const client = t.peer[server];
    if (t.flags[client] & FLAG.ANSWERED) return this.answers.cut(client, "sD");
    this.answer(client, 504, "sH");
  }

  /** Closes idle kept connections of frontends that `only` accepts, one after the other over `withinMs`. */
  spreadIdle(withinMs: number, only: (frontend: FrontendRuntime) => boolean): void {
    const { p } = this;
    const t = p.table;
    const idle: number[] = [];
    for (let slot = 0; slot < t.capacity; slot++) {
      if (t.state[slot] !== CONN.HEAD || t.flags[slot] & FLAG.HEAD_BEGUN) continue;
      if (only(p.frontendOf[slot])) idle.push(slot);
    }
    idle.forEach((slot, i) => p.setTimer(slot, (withinMs * (i + 1)) / idle.length));
  }
}
