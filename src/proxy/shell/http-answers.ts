/**
 * What Ballast itself says to an HTTP client (errors, redirects, what is left to say when a side fails), and the end of
 * its connection after the last bytes:
 *
 *   ANSWER ── bytes sent ──► FIN ──► LINGER ── client's end; or 2 s, and it has everything or takes no more ──► closed
 */
import { type AnswerStatus, answerFor, isAnswerStatus, writeAnswer } from "../../http/answers.ts";
import type { MessageHead } from "../../http/head.ts";
import { methodIds } from "../../http/methods.ts";
import { writeRedirect } from "../../http/redirect.ts";
import { backendCounters, frontendCounters, serverCounters } from "../../stats/layout.ts";
import { CONN, FLAG, NONE } from "../conn-table.ts";
import type { Outcome } from "../rules.ts";
import { BLOCK_BYTES, READ_AT, WRITE_AT } from "./arena.ts";
import type { Plane } from "./plane.ts";
import type { Cause } from "./session-kind.ts";
import type { Sessions } from "./sessions.ts";
import type { Upstream } from "./upstream.ts";

/**
 * How long and how much a client may go on sending after our answer before the connection is cut. One that is still
 * reading gets the time for that: a reset would destroy what it has not got yet (RFC 9112 9.6).
 */
const LINGER_MS = 2000;
const LINGER_ROUNDS_MAX = 16;

export class HttpAnswers {
  private readonly p: Plane;
  private readonly upstream: Upstream;
  private readonly sessions: Sessions;
  private readonly awaitNext: (client: number) => void;

  /** `awaitNext`: the connection is kept, a request may follow. */
  constructor(p: Plane, upstream: Upstream, sessions: Sessions, awaitNext: (client: number) => void) {
    this.p = p;
    this.upstream = upstream;
    this.sessions = sessions;
    this.awaitNext = awaitNext;
  }

  /** Ends what is under way and answers with our own page; the connection ends after it. */
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
    this.finish(client);
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
  cut(client: number, cause: Cause): void {
    this.sessions.close(client, cause, true);
  }

  /** The server broke off or spoke nonsense. */
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
    if (cause === "SH" && this.clientRepeats(client, server)) return this.closeUnanswered(client);
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

  /**
   * The pooled connection was dead before it gave a byte, and so was the request: only the client knows whether it may
   * be sent again. It does when a kept connection ends without an answer (RFC 9112 9.3.1; HAProxy relies on that too).
   */
  private clientRepeats(client: number, server: number): boolean {
    const t = this.p.table;
    return (
      (t.flags[server] & FLAG.REUSED) !== 0 &&
      (t.flags[client] & (FLAG.KEPT | FLAG.ANSWERED)) === FLAG.KEPT &&
      t.sentBytes[client] === 0 &&
      t.inBlock[server] < 0
    );
  }

  private closeUnanswered(client: number): void {
    this.leaveServer(client);
    this.sessions.finish(client, null);
    this.p.table.state[client] = CONN.ANSWER;
    this.finish(client);
  }

  /** The client broke off. */
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

  /** Our last bytes are on their way: then FIN, then whatever the client still sends is thrown away. */
  finish(client: number): void {
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
    t.ackedBytes[client] = NONE;
    t.ackedAt[client] = p.loop.now;
    p.setTimer(client, LINGER_MS);
    this.linger(client);
  }

  /** Throws away what comes in, up to the client's end. */
  linger(client: number): void {
    const { p } = this;
    const t = p.table;
    for (let round = 0; round < LINGER_ROUNDS_MAX; round++) {
      if (t.flags[client] & FLAG.BROKEN) return this.sessions.dropClient(client, false);
      if (t.flags[client] & FLAG.EOF) {
        // A TLS socket may still hold our last record; it closes itself when that has left.
        if ((t.flags[client] & FLAG.TLS) === 0) this.sessions.dropClient(client, false);
        return;
      }
      if ((t.flags[client] & FLAG.READABLE) === 0) return;
      p.read(client, READ_AT, WRITE_AT - READ_AT);
    }
    // A flood: the rest is looked at in the next turn, until the timer ends it.
    p.markReady(client);
  }

  /** It has lingered for a while: whether the client has everything, or has stopped to take it. */
  lingerTimeout(client: number): void {
    const { p } = this;
    const t = p.table;
    const { isComplete, ackedBytes } = p.delivery(client);
    if (isComplete) return this.sessions.dropClient(client, false);
    const { clientMs } = p.frontendOf[client].config.timeouts;
    if (ackedBytes !== t.ackedBytes[client]) {
      t.ackedBytes[client] = ackedBytes;
      t.ackedAt[client] = p.loop.now;
    } else if (p.loop.now - t.ackedAt[client] >= clientMs) return this.sessions.dropClient(client, true);
    p.setTimer(client, Math.min(LINGER_MS, clientMs));
  }
}

/** The code of a status line `HTTP/1.1 302 …` at `at`. */
function statusOf(bytes: Uint8Array, at: number): number {
  return (bytes[at + 9] - 48) * 100 + (bytes[at + 10] - 48) * 10 + bytes[at + 11] - 48;
}
