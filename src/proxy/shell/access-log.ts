/** The access-log line of a request or session, from the columns. */
import type { MessageHead } from "../../http/head.ts";
import type { Logger } from "../../log/shell/sinks.ts";
import { backendCounters, frontendCounters, headerWords, serverCounters } from "../../stats/layout.ts";
import { wallNow, zoneOffsetMinutes } from "../../sys/clock.ts";
import { FLAG, NONE } from "../conn-table.ts";
import { LogDate } from "../log-date.ts";
import { LogRecord, REQUEST_LINE_BYTES_MAX, writeHttpLine, writeTcpLine } from "../log-line.ts";
import { writeAddress } from "../request-context.ts";
import type { Plane } from "./plane.ts";
import type { Cause } from "./session-kind.ts";
import type { SessionLog } from "./sessions.ts";

/** A request line of 1023 bytes takes three times that; the rest of a line is far below 1 KiB. */
const LINE_BYTES_MAX = 8192;

export class AccessLog implements SessionLog {
  private readonly p: Plane;
  private readonly logger: Logger;
  private readonly record = new LogRecord();
  private readonly date = new LogDate(zoneOffsetMinutes);
  private readonly line = new Uint8Array(new ArrayBuffer(LINE_BYTES_MAX));
  /** Request lines of the sessions under way; pages are touched only by slots that log. */
  private readonly requestLines: Uint8Array;
  private readonly requestLengths: Uint16Array;

  constructor(p: Plane, logger: Logger) {
    this.p = p;
    this.logger = logger;
    this.requestLines = new Uint8Array(new ArrayBuffer(p.table.capacity * REQUEST_LINE_BYTES_MAX));
    this.requestLengths = new Uint16Array(p.table.capacity);
  }

  noteRequest(client: number, head: MessageHead): void {
    if (this.p.frontendOf[client].config.options.log === null) return;
    // Without the CRLF before the first field.
    const length = Math.min(REQUEST_LINE_BYTES_MAX, Math.max(0, head.fieldsStart - 2 - head.headStart));
    const at = client * REQUEST_LINE_BYTES_MAX;
    const { bytes } = this.p;
    for (let i = 0; i < length; i++) this.requestLines[at + i] = bytes[head.headStart + i];
    this.requestLengths[client] = length;
  }

  /**
   * The client sent nothing: a health check of another load balancer, a browser's spare connection. In tcp mode bytes
   * are read only when there is a server, so that a session without one may have had some.
   */
  private isNull(client: number): boolean {
    const { p } = this;
    const t = p.table;
    if (t.receivedBytes[client] > 0 || t.flags[client] & FLAG.HEAD_BEGUN) return false;
    return p.frontendOf[client].isHttp || t.connectedAt[client] >= 0;
  }

  write(client: number, cause: Cause): void {
    const { p, record: r } = this;
    const t = p.table;
    const frontend = p.frontendOf[client];
    const form = frontend.config.options.log;
    if (form === null || !this.logger.wantsAccess) return;
    if (frontend.config.options.dontlognull && this.isNull(client)) return;
    const backend = p.backendOf[client];
    const index = t.serverIndex[client];
    const endpoint = backend !== null && index !== NONE ? backend.endpoints[index] : null;
    const { own, header } = p.memory;
    const now = p.loop.now;
    const family = t.peerFamily[client];
    writeAddress(r.source, t.peerAddress, client * 16, family === 6 ? 16 : 4);
    r.sourceFamily = family === 0 ? 0 : family === 6 ? 6 : 4;
    r.sourcePort = t.peerPort[client];
    r.wallMs = wallNow() - (now - t.startedAt[client]);
    r.frontend = frontend.nameBytes;
    r.clientIsTls = (t.flags[client] & FLAG.TLS) !== 0;
    r.backend = backend?.nameBytes ?? null;
    r.server = endpoint?.nameBytes ?? null;
    r.requestMs = between(t.startedAt[client], t.headAt[client]);
    r.queueMs = between(t.headAt[client], t.assignedAt[client]);
    r.connectMs = between(t.assignedAt[client], t.connectedAt[client]);
    r.responseMs = between(t.connectedAt[client], t.respondedAt[client]);
    r.totalMs = between(t.startedAt[client], now);
    r.status = t.status[client];
    r.sentBytes = t.sentBytes[client];
    r.cause = cause;
    r.activeConnections = Atomics.load(header, headerWords.connections);
    r.frontendConnections = own[frontend.counters + frontendCounters.connections];
    // This session itself is not among them any more, as in HAProxy.
    r.backendSessions = backend === null ? 0 : own[backend.counters + backendCounters.sessions] - 1;
    const isServed = endpoint !== null && (t.flags[client] & FLAG.ASSIGNED) !== 0;
    r.serverSessions = isServed ? own[endpoint.counters + serverCounters.sessions] - 1 : 0;
    r.retries = backend === null ? 0 : Math.min(backend.config.retries, backend.config.retries - t.retriesLeft[client]);
    r.redispatched = (t.flags[client] & FLAG.REDISPATCHED) !== 0;
    const queued = (t.flags[client] & FLAG.QUEUED_ONCE) !== 0;
    r.backendQueue = queued ? t.backendQueue[client] : 0;
    r.serverQueue = queued ? t.serverQueue[client] : 0;
    const at = client * REQUEST_LINE_BYTES_MAX;
    r.requestBytes = this.requestLines;
    r.requestStart = at;
    r.requestEnd = t.headAt[client] >= 0 ? at + this.requestLengths[client] : at;
    const end =
      form === "httplog"
        ? writeHttpLine(this.line, 0, LINE_BYTES_MAX, r, this.date)
        : writeTcpLine(this.line, 0, LINE_BYTES_MAX, r, this.date);
    if (end > 0) this.logger.accessBytes(this.line, 0, end);
  }
}

/** Whole milliseconds from one instant to another; -1 when either was not reached. */
function between(from: number, to: number): number {
  return from < 0 || to < 0 ? -1 : Math.max(0, Math.floor(to - from));
}
