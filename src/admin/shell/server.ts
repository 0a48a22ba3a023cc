/**
 * The admin socket: accepts clients, knows who they are, bounds how many there are, and answers the routes of `api.ts`.
 * The listening descriptor comes from the supervisor, so clients wait in its queue while this role restarts.
 */
import { unreachable } from "../../lib/result.ts";
import { later, type MonoMs } from "../../lib/time.ts";
import { EPOLL } from "../../sys/abi.ts";
import { E, errnoText, SysError } from "../../sys/errno.ts";
import type { Loop, LoopTimer, Watch } from "../../sys/loop.ts";
import { accept, close, peerCredentials } from "../../sys/socket.ts";
import { type Caller, describeCaller, identify } from "../access.ts";
import { answer, type ContentType, errorAnswer, lineChunk, replyAnswer } from "../answer.ts";
import type { BallastEvent, EventLevel, Reply, Request } from "../api.ts";
import type { AdminRequest } from "../incoming.ts";
import { parseRequest } from "../request.ts";
import { routeOf } from "../route.ts";
import { readAccounts } from "./accounts.ts";
import { Connection, type ConnectionLimits, type ConnectionOwner } from "./connection.ts";

export interface ServerLimits extends ConnectionLimits {
  /** A TUI, an exporter and a few scripts are a handful; 64 with a full backlog each hold 64 MiB. */
  readonly clients: number;
  /** The last of these seats are for those who may write: readers cannot lock the operator out. */
  readonly seatsForWriters: number;
  /** Beyond `clients` so many more are told that it is busy, the rest is closed at once: a queue would lock out writers. */
  readonly turnedAway: number;
  /** For the supervisor to reply. A reload waits 5 s for the roles and reads certificates; beyond this it is stuck. */
  readonly orderTimeoutMs: number;
}

export const serverLimits: ServerLimits = {
  clients: 64,
  seatsForWriters: 8,
  turnedAway: 16,
  orderTimeoutMs: 30_000,
  requestTimeoutMs: 10_000,
  answerTimeoutMs: 30_000,
  lingerMs: 1_000,
  streamBacklogBytesMax: 1024 * 1024,
};

/** What the server answers from. */
export interface ServerSource {
  /** JSON text of a Snapshot for this caller. */
  snapshot(caller: Caller): string;
  config(options: { readonly defaults: boolean; readonly accept: string }): {
    readonly type: ContentType;
    readonly body: string;
  };
  eventsSince(id: number): readonly BallastEvent[];
  adminGroup(): string | null;
  /** Hands an order to the supervisor; `reply` is called once, maybe after the client has left. */
  order(request: Request, caller: Caller, reply: (reply: Reply) => void): void;
  report(level: EventLevel, kind: string, text: string, fields: BallastEvent["fields"]): void;
}

/** Connections taken per turn: the loop has other work. */
const ACCEPTS_PER_TURN = 16;
const SWEEP_INTERVAL_MS = 250;
/** Out of descriptors: how long the listener rests, and how often that is reported. */
const ACCEPT_PAUSE_MS = 100;
const REPORT_INTERVAL_MS = 10_000;

export class AdminServer implements ConnectionOwner {
  readonly limits: ServerLimits;
  private readonly loop: Loop;
  private readonly source: ServerSource;
  private readonly connections = new Set<Connection>();
  /** Connections that were over the limit when they came; each gets one 503. */
  private readonly turnedAway = new Set<Connection>();
  private readonly sweeper: LoopTimer;
  private listener: { readonly fd: number; readonly watch: Watch; readonly daemonUid: number } | null = null;
  private pause: LoopTimer | null = null;
  private nextReport = new Map<string, MonoMs>();
  private idleHandler: (() => void) | null = null;

  constructor(loop: Loop, source: ServerSource, limits: ServerLimits = serverLimits) {
    this.loop = loop;
    this.source = source;
    this.limits = limits;
    this.sweeper = loop.every(SWEEP_INTERVAL_MS, () => {
      for (const connection of this.connections) connection.expire(loop.now);
    });
  }

  /** Accepts on this descriptor, which belongs to the server from now on, instead of the one before. */
  listen(fd: number): void {
    this.stopListening();
    // The credentials of a listening socket are those of whoever called listen(): the supervisor.
    const owner = peerCredentials(fd);
    if (owner === null) throw new SysError("getsockopt SO_PEERCRED", E.NOTSOCK, "admin socket");
    const watch = this.loop.watch(fd, EPOLL.IN, () => this.acceptSome());
    this.listener = { fd, watch, daemonUid: owner.uid };
  }

  /** To every reader of the event stream. */
  publish(event: BallastEvent): void {
    const streams = [...this.connections].filter((connection) => connection.isStreaming);
    if (streams.length === 0) return;
    const chunk = lineChunk([event]);
    for (const connection of streams) connection.push(chunk);
  }

  /** No new clients, streams end, running answers are finished; `done` when nobody is left. */
  drain(done: () => void): void {
    this.stopListening();
    for (const connection of this.connections) connection.finish();
    this.idleHandler = done;
    this.checkIdle();
  }

  /** Ends everything now; a `drain` that was under way is not reported any more. */
  close(): void {
    this.idleHandler = null;
    this.stopListening();
    this.sweeper.cancel();
    for (const connection of this.connections) connection.close();
  }

  onRequest(connection: Connection, request: AdminRequest): void {
    if (this.turnedAway.has(connection)) {
      connection.answer(errorAnswer(503, `${this.limits.clients} clients are served already; try again`));
      return;
    }
    const route = routeOf(request.method, request.target);
    if (!route.ok) {
      const { status, text, allow } = route.error;
      connection.answer(errorAnswer(status, text, allow === undefined ? "" : `Allow: ${allow}\r\n`));
      return;
    }
    switch (route.value.kind) {
      case "snapshot":
        return connection.answer(answer(200, "application/json", this.source.snapshot(connection.caller)));
      case "config": {
        const { type, body } = this.source.config({ defaults: route.value.defaults, accept: request.accept });
        return connection.answer(answer(200, type, body));
      }
      case "events": {
        const events = JSON.stringify(this.source.eventsSince(route.value.since));
        return connection.answer(answer(200, "application/json", events));
      }
      case "stream":
        return connection.stream(lineChunk(this.source.eventsSince(route.value.since)));
      case "request":
        return this.onOrder(connection, request.body);
      default:
        return unreachable(route.value);
    }
  }

  onSlowReader({ caller }: Connection): void {
    const text = `event reader ${describeCaller(caller)} cut off: it left ${this.limits.streamBacklogBytesMax} bytes unread`;
    this.source.report("warning", "admin.slow_reader", text, { user: caller.name, uid: caller.uid });
  }

  onClosed(connection: Connection): void {
    this.connections.delete(connection);
    this.turnedAway.delete(connection);
    this.checkIdle();
  }

  private onOrder(connection: Connection, body: string): void {
    const { caller } = connection;
    if (!caller.mayWrite) {
      const text = `${describeCaller(caller)} may read only; orders are taken from root, the daemon's user and admin_group`;
      this.reportSometimes("admin.forbidden", `order refused: ${text}`, { user: caller.name, uid: caller.uid });
      connection.answer(errorAnswer(403, text));
      return;
    }
    const request = parseRequest(body);
    if (!request.ok) {
      connection.answer(errorAnswer(400, request.error));
      return;
    }
    this.source.order(request.value, caller, (reply) => connection.answer(replyAnswer(reply)));
  }

  private acceptSome(): void {
    for (let i = 0; i < ACCEPTS_PER_TURN && this.listener !== null; i++) {
      const fd = accept(this.listener.fd);
      if (fd === -E.AGAIN) return;
      if (fd === -E.INTR || fd === -E.CONNABORTED) continue;
      if (fd < 0) return this.rest(fd);
      this.welcome(fd, this.listener.daemonUid);
    }
  }

  private welcome(fd: number, daemonUid: number): void {
    const credentials = peerCredentials(fd);
    if (credentials === null) {
      close(fd);
      return;
    }
    const policy = { daemonUid, adminGroup: this.source.adminGroup() };
    const caller = identify(credentials, readAccounts(), policy);
    const seats = this.limits.clients - (caller.mayWrite ? 0 : this.limits.seatsForWriters);
    const isTurnedAway = this.connections.size - this.turnedAway.size >= seats;
    if (isTurnedAway && this.turnedAway.size >= this.limits.turnedAway) {
      close(fd);
      return;
    }
    const connection = new Connection(this.loop, fd, caller, this);
    this.connections.add(connection);
    if (isTurnedAway) this.turnedAway.add(connection);
  }

  /** The kernel refuses new descriptors: a level-triggered listener would spin until one is free. */
  private rest(error: number): void {
    this.listener?.watch.modify(0);
    this.pause?.cancel();
    this.pause = this.loop.after(ACCEPT_PAUSE_MS, () => this.listener?.watch.modify(EPOLL.IN));
    this.reportSometimes("admin.accept", `the admin socket cannot take a client: ${errnoText(error)}`, {});
  }

  private stopListening(): void {
    this.pause?.cancel();
    this.pause = null;
    if (this.listener === null) return;
    this.listener.watch.close();
    close(this.listener.fd);
    this.listener = null;
  }

  private checkIdle(): void {
    if (this.idleHandler === null || this.connections.size > 0) return;
    const done = this.idleHandler;
    this.idleHandler = null;
    this.sweeper.cancel();
    done();
  }

  /** Anybody can cause these again and again; the journal has better use for its thousand places. */
  private reportSometimes(kind: string, text: string, fields: BallastEvent["fields"]): void {
    if (this.loop.now < (this.nextReport.get(kind) ?? 0)) return;
    this.nextReport.set(kind, later(this.loop.now, REPORT_INTERVAL_MS));
    this.source.report("warning", kind, text, fields);
  }
}
