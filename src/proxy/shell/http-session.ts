/**
 * HTTP/1 sessions: one client connection, request after request.
 *
 *   HEAD ─► (rules) ─► QUEUED/CONNECT/TURNAROUND ─► EXCHANGE ─┬─► HEAD           keep-alive: the next request
 *    │                      │                          │      ├─► TUNNEL         after a 101
 *    └──────────────────────┴──── own answer ──────────┴──────┴─► ANSWER ─► LINGER ─► closed
 *
 * A request and its response may overlap: the server may answer early. Then the connection ends with the response.
 */
import { type AnswerStatus, answerFor, isAnswerStatus, writeAnswer } from "../../http/answers.ts";
import { ChunkedDecoder } from "../../http/chunked.ts";
import type { MessageHead } from "../../http/head.ts";
import { methodIds } from "../../http/methods.ts";
import { writeRedirect } from "../../http/redirect.ts";
import { backendCounters, frontendCounters, serverCounters } from "../../stats/layout.ts";
import { AssertionError } from "../../lib/result.ts";
import { MSG } from "../../sys/abi.ts";
import { recv } from "../../sys/socket.ts";
import { CONN, FLAG, NONE } from "../conn-table.ts";
import type { RequestContext } from "../request-context.ts";
import type { Outcome } from "../rules.ts";
import { BLOCK_BYTES, READ_AT, WRITE_AT } from "./arena.ts";
import type { Configurations } from "./configurations.ts";
import type { HttpExchange } from "./http-exchange.ts";
import { HttpRequestBodies } from "./http-request-body.ts";
import { HttpRequests } from "./http-request.ts";
import { HttpResponses } from "./http-response.ts";
import type { Cause, Plane, SessionKind } from "./plane.ts";
import type { FrontendRuntime } from "./runtime.ts";
import type { Sessions } from "./sessions.ts";
import type { TcpSessions } from "./tcp-session.ts";
import type { Upstream } from "./upstream.ts";

/** How long and how much a client may go on sending after our answer before the connection is cut. */
const LINGER_MS = 2000;
const LINGER_ROUNDS_MAX = 16;

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
        return this.finishAnswer(client);
      case CONN.LINGER:
        return this.linger(client);
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
    if (t.outBlock[client] >= 0) {
      const flushed = p.flush(client);
      if (flushed < 0) return this.closeIdle(client);
      if (flushed === 0) return;
    }
    if (t.inBlock[client] >= 0 || t.flags[client] & FLAG.READABLE) this.requests.readHead(client);
  }

  closeIdle(client: number): void {
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
    if (requestDone && sentWhole && reusable && isClean && (t.flags[server] & FLAG.READABLE) === 0) {
      this.upstream.idle.give(server);
    } else p.drop(server, false);
    if (t.requestBlock[client] >= 0) {
      p.arena.release(t.requestBlock[client]);
      t.requestBlock[client] = NONE;
    }
    this.sessions.finish(client, "--");
    if (t.flags[client] & FLAG.CLOSE_AFTER || !requestDone) {
      t.state[client] = CONN.ANSWER;
      return this.finishAnswer(client);
    }
    this.awaitNext(client);
  }

  /** Ready for the next request of a kept connection. */
  private awaitNext(client: number): void {
    const { p } = this;
    const t = p.table;
    t.flags[client] &= ~REQUEST_FLAGS;
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
    const { p } = this;
    const t = p.table;
    if (t.flags[client] & FLAG.ANSWERED) return this.cut(client, cause);
    const known: AnswerStatus = isAnswerStatus(status) ? status : 500;
    this.leaveServer(client);
    const isHead = t.method[client] === methodIds.head && t.headAt[client] >= 0;
    const written = writeAnswer(p.bytes, WRITE_AT, WRITE_AT + BLOCK_BYTES, answerFor(known), isHead);
    this.sendOwn(client, known, written, cause, true);
  }

  redirect(client: number, redirect: Outcome["redirect"], head: MessageHead): void {
    const { p } = this;
    const t = p.table;
    if (redirect === null) return this.answer(client, 500, "PR");
    const keeps = (t.flags[client] & FLAG.CLOSE_AFTER) === 0 && (t.flags[client] & FLAG.REQUEST_DONE) !== 0;
    const written = writeRedirect(p.bytes, WRITE_AT, WRITE_AT + BLOCK_BYTES, head, redirect, keeps);
    if (written <= 0) return this.answer(client, written === 0 ? 400 : 414, "PR");
    this.sendOwn(client, statusOf(p.bytes, WRITE_AT), written, "LR", !keeps);
  }

  /** Sends `written` bytes of the write scratch as the whole answer to the request. */
  private sendOwn(client: number, status: number, written: number, cause: Cause, closes: boolean): void {
    const { p } = this;
    const t = p.table;
    t.status[client] = status;
    t.sentBytes[client] += written;
    const delivered = p.deliver(client, WRITE_AT, written);
    p.memory.own[p.frontendOf[client].counters + frontendCounters.intercepted]++;
    this.sessions.finish(client, cause);
    if (!delivered) return this.sessions.dropClient(client, true);
    if (!closes) return this.awaitNext(client);
    t.state[client] = CONN.ANSWER;
    this.finishAnswer(client);
  }

  /** Drops the server side and the kept request of an exchange. */
  private leaveServer(client: number): void {
    const { p } = this;
    const t = p.table;
    const server = t.peer[client];
    if (server !== NONE) {
      t.peer[client] = NONE;
      p.drop(server, (t.flags[client] & FLAG.REQUEST_DONE) === 0);
    }
    if (t.requestBlock[client] >= 0) {
      p.arena.release(t.requestBlock[client]);
      t.requestBlock[client] = NONE;
    }
    if (t.pipe[client] >= 0) {
      if (t.pipeBytes[client] > 0) p.pipes.discard(t.pipe[client]);
      else p.pipes.give(t.pipe[client]);
      t.pipe[client] = NONE;
      t.pipeBytes[client] = 0;
    }
  }

  /** Too late for an answer: the client must see that the response is not whole. */
  private cut(client: number, cause: Cause): void {
    this.sessions.close(client, cause, true);
  }

  serverFailed(client: number, cause: Cause): void {
    const { p } = this;
    const t = p.table;
    const server = t.peer[client];
    const backend = p.backend(client);
    if (cause === "SH" && this.mayRepeat(client, server)) {
      t.peer[client] = NONE;
      p.drop(server, false);
      t.requestSent[client] = t.requestBlock[client];
      return this.upstream.reconnect(client);
    }
    const endpoint = backend.endpoints[t.serverIndex[client]];
    p.memory.own[endpoint.counters + serverCounters.responseErrors]++;
    p.memory.own[backend.counters + backendCounters.responseErrors]++;
    if (t.flags[client] & FLAG.ANSWERED) {
      p.memory.own[endpoint.counters + serverCounters.serverAborts]++;
      p.memory.own[backend.counters + backendCounters.serverAborts]++;
    }
    this.answer(client, 502, cause);
  }

  /** The pooled connection was dead before it gave a byte, and the whole request is still here (RFC 9110 9.2.2). */
  private mayRepeat(client: number, server: number): boolean {
    const t = this.p.table;
    return (
      (t.flags[server] & FLAG.REUSED) !== 0 &&
      (t.flags[client] & (FLAG.UNREPEATABLE | FLAG.IDEMPOTENT)) === FLAG.IDEMPOTENT &&
      t.requestBlock[client] >= 0 &&
      t.inBlock[server] < 0
    );
  }

  clientFailed(client: number, cause: Cause): void {
    const { p } = this;
    const t = p.table;
    const backend = p.backendOf[client];
    if (backend !== null) p.memory.own[backend.counters + backendCounters.clientAborts]++;
    // Half-closed before its request was whole: it can still read that this was bad.
    const canAnswer = (t.flags[client] & (FLAG.BROKEN | FLAG.ANSWERED | FLAG.REQUEST_DONE)) === 0;
    if (canAnswer) return this.answer(client, 400, "CR");
    this.cut(client, cause);
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

  /** Our last bytes are on their way: then FIN, then whatever the client still sends is thrown away. */
  private finishAnswer(client: number): void {
    const { p } = this;
    const t = p.table;
    const flushed = p.flush(client);
    if (flushed < 0) return this.sessions.dropClient(client, false);
    if (flushed === 0) return p.setTimer(client, p.frontendOf[client].config.timeouts.clientMs);
    const { flags } = t;
    if (t.inBlock[client] >= 0) {
      p.arena.release(t.inBlock[client]);
      t.inBlock[client] = NONE;
    } else if (flags[client] & FLAG.REQUEST_DONE && (flags[client] & FLAG.READABLE) === 0) {
      // Nothing unread: closing cannot turn into a reset that overtakes our bytes.
      return this.sessions.dropClient(client, false);
    }
    p.shutWrite(client);
    t.state[client] = CONN.LINGER;
    p.setTimer(client, LINGER_MS);
    this.linger(client);
  }

  private linger(client: number): void {
    const { p } = this;
    const t = p.table;
    for (let round = 0; round < LINGER_ROUNDS_MAX; round++) {
      if (t.flags[client] & (FLAG.EOF | FLAG.BROKEN)) return this.sessions.dropClient(client, false);
      if ((t.flags[client] & FLAG.READABLE) === 0) return;
      p.read(client, READ_AT, WRITE_AT - READ_AT);
    }
    // A flood: the rest is looked at in the next turn, until the timer ends it.
    p.markReady(client);
  }

  clientTimeout(client: number): void {
    const { p } = this;
    const t = p.table;
    switch (t.state[client]) {
      case CONN.HEAD:
        if (t.flags[client] & FLAG.HEAD_BEGUN) return this.answer(client, 408, "cR");
        return this.closeIdle(client);
      case CONN.QUEUED:
        return this.answer(client, 503, "sQ");
      case CONN.TURNAROUND:
        return this.upstream.retry(client);
      case CONN.EXCHANGE:
        if (t.flags[client] & FLAG.ANSWERED) return this.cut(client, "cD");
        return this.answer(client, 408, "cH");
      case CONN.TUNNEL:
        return this.tcp.clientTimeout(client);
      case CONN.ANSWER:
      case CONN.LINGER:
        return this.sessions.dropClient(client, true);
      default:
        throw new AssertionError(`http session: timeout in state ${t.state[client]}`);
    }
  }

  serverTimeout(server: number): void {
    const { p } = this;
    const t = p.table;
    const client = t.peer[server];
    if (t.flags[client] & FLAG.ANSWERED) return this.cut(client, "sD");
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

/** The code of a status line `HTTP/1.1 302 …` at `at`. */
function statusOf(bytes: Uint8Array, at: number): number {
  return (bytes[at + 9] - 48) * 100 + (bytes[at + 10] - 48) * 10 + bytes[at + 11] - 48;
}
