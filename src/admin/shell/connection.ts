/**
 * One client of the admin socket: one request, one answer, and the end.
 *
 *             whole request            answer          all sent          client closed, or 1 s
 *   reading ────────────────▶ waiting ───────▶ sending ────────▶ lingering ────────────────▶ closed
 *      │ malformed, too late     │ GET /v1/events/stream   ▲
 *      ├─────────────────────────┼──────▶ streaming ───────┘ stop
 *      └─▶ sending
 *
 * Lingering: a socket that is closed with unread bytes resets the peer, who might lose the answer by that.
 */
import { later, type MonoMs, NEVER } from "../../lib/time.ts";
import { EPOLL, SHUT } from "../../sys/abi.ts";
import { monoNow } from "../../sys/clock.ts";
import { E } from "../../sys/errno.ts";
import type { Loop, Watch } from "../../sys/loop.ts";
import { pinned } from "../../sys/memory.ts";
import { close, recv, send, shutdown } from "../../sys/socket.ts";
import type { Caller } from "../access.ts";
import { CONTINUE, errorAnswer, STREAM_END, STREAM_HEAD } from "../answer.ts";
import { type AdminRequest, IncomingRequest } from "../incoming.ts";

export interface ConnectionLimits {
  /** From accept to the last byte of the request; not extended by single bytes. */
  readonly requestTimeoutMs: number;
  /** For the client to take the whole answer. */
  readonly answerTimeoutMs: number;
  readonly lingerMs: number;
  /** Unread bytes at which a reader of the event stream is cut off. */
  readonly streamBacklogBytesMax: number;
}

export interface ConnectionOwner {
  readonly limits: ConnectionLimits;
  /** The whole request is here; `answer` or `stream` must follow, now or later. */
  onRequest(connection: Connection, request: AdminRequest): void;
  onSlowReader(connection: Connection): void;
  onClosed(connection: Connection): void;
}

type State = "reading" | "waiting" | "streaming" | "sending" | "lingering" | "closed";

/** Shared by all connections: each use ends before the next begins. */
const scratch = pinned(64 * 1024);

export class Connection {
  readonly caller: Caller;
  private readonly fd: number;
  private readonly owner: ConnectionOwner;
  private readonly watch: Watch;
  private state: State = "reading";
  private deadline: MonoMs;
  private readonly incoming = new IncomingRequest();
  private readonly outgoing: Uint8Array[] = [];
  /** Bytes of the first outgoing piece that are sent already. */
  private sentBytes = 0;
  private backlogBytes = 0;

  /** `fd` is non-blocking and belongs to the connection from now on. */
  constructor(loop: Loop, fd: number, caller: Caller, owner: ConnectionOwner) {
    this.fd = fd;
    this.caller = caller;
    this.owner = owner;
    this.deadline = later(monoNow(), owner.limits.requestTimeoutMs);
    this.watch = loop.watch(fd, EPOLL.IN, (events) => this.onEvents(events));
  }

  get isStreaming(): boolean {
    return this.state === "streaming";
  }

  /** The last bytes for this client. Nothing happens when it is gone: an order's reply may come after that. */
  answer(bytes: Uint8Array): void {
    if (this.state !== "waiting" && this.state !== "reading") return;
    this.enter("sending", this.owner.limits.answerTimeoutMs);
    this.queue(bytes);
  }

  /** From here on the client gets chunks until it leaves. */
  stream(backlog: Uint8Array): void {
    if (this.state !== "waiting") return;
    this.enter("streaming", null);
    this.queue(STREAM_HEAD);
    if (this.isStreaming && backlog.length > 0) this.queue(backlog);
  }

  /** One more chunk of the stream; a reader that lags too far is cut off and finds the rest in the journal. */
  push(chunk: Uint8Array): void {
    if (this.state !== "streaming") return;
    if (this.backlogBytes > this.owner.limits.streamBacklogBytesMax) {
      this.close();
      this.owner.onSlowReader(this);
      return;
    }
    this.queue(chunk);
  }

  /** Orderly end, for a role that stops: streams get their last chunk, an unfinished request is not waited for. */
  finish(): void {
    if (this.state === "streaming") {
      this.enter("sending", this.owner.limits.answerTimeoutMs);
      this.queue(STREAM_END);
    } else if (this.state === "reading" || this.state === "lingering") {
      this.close();
    }
  }

  close(): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.outgoing.length = 0;
    this.watch.close();
    close(this.fd);
    this.owner.onClosed(this);
  }

  /** Called a few times a second. */
  expire(now: MonoMs): void {
    if (now < this.deadline) return;
    if (this.state === "reading" && !this.incoming.isEmpty) {
      const seconds = this.owner.limits.requestTimeoutMs / 1000;
      this.answer(errorAnswer(408, `the request was not complete within ${seconds} s`));
    } else {
      this.close();
    }
  }

  private enter(state: State, withinMs: number | null): void {
    this.state = state;
    this.deadline = withinMs === null ? NEVER : later(monoNow(), withinMs);
  }

  private onEvents(events: number): void {
    if (events & (EPOLL.ERR | EPOLL.HUP)) return this.close();
    if (events & EPOLL.OUT) this.flush();
    if (this.state === "reading" && events & EPOLL.IN) this.receive();
    else if (this.state === "lingering" && events & EPOLL.IN) this.discard();
    else if (this.state === "streaming" && events & EPOLL.RDHUP) this.close();
  }

  private receive(): void {
    const received = recv(this.fd, scratch.address, scratch.bytes.length, 0);
    if (received === -E.AGAIN || received === -E.INTR) return;
    if (received <= 0) {
      if (received === 0 && !this.incoming.isEmpty) return this.answer(errorAnswer(400, "the request ends early"));
      return this.close();
    }
    const step = this.incoming.add(scratch.bytes.subarray(0, received));
    switch (step.kind) {
      case "more":
        return;
      case "continue":
        return this.queue(CONTINUE);
      case "refused":
        return this.answer(errorAnswer(step.status, step.text));
      case "request":
        this.enter("waiting", null);
        this.listenFor(0);
        return this.owner.onRequest(this, step.request);
    }
  }

  private discard(): void {
    const received = recv(this.fd, scratch.address, scratch.bytes.length, 0);
    if (received === 0 || (received < 0 && received !== -E.AGAIN && received !== -E.INTR)) this.close();
  }

  private queue(bytes: Uint8Array): void {
    this.outgoing.push(bytes);
    this.backlogBytes += bytes.length;
    if (this.outgoing.length === 1) this.flush();
  }

  private flush(): void {
    for (let first = this.outgoing[0]; first !== undefined; first = this.outgoing[0]) {
      const length = Math.min(scratch.bytes.length, first.length - this.sentBytes);
      scratch.bytes.set(first.subarray(this.sentBytes, this.sentBytes + length));
      const sent = send(this.fd, scratch.address, length, 0);
      if (sent === -E.AGAIN) return this.listenFor(EPOLL.OUT);
      if (sent < 0) return this.close();
      this.sentBytes += sent;
      this.backlogBytes -= sent;
      if (this.sentBytes === first.length) {
        this.outgoing.shift();
        this.sentBytes = 0;
      }
    }
    if (this.state === "sending") {
      shutdown(this.fd, SHUT.WR);
      this.enter("lingering", this.owner.limits.lingerMs);
    }
    this.listenFor(0);
  }

  /** What is waited for besides room to send; the kernel always reports hang-up and errors. */
  private listenFor(extra: number): void {
    const reads = this.state === "reading" || this.state === "lingering" ? EPOLL.IN : 0;
    const leaves = this.state === "streaming" ? EPOLL.RDHUP : 0;
    this.watch.modify(extra | reads | leaves);
  }
}
