/**
 * The log of a role: each line goes to every target whose level admits it, gathered in the target's buffer.
 *
 * Control-plane lines are written at the end of the loop's turn, access lines within 100 ms or when 64 KiB are
 * there. A target that does not take its lines loses them and is told how many once it does; the role never waits.
 */
import type { BallastEvent, Happening } from "../../admin/api.ts";
import type { LogLevel, LogSink, LogTarget } from "../../config/types.ts";
import { asciiBytes } from "../../http/ascii.ts";
import { unreachable } from "../../lib/result.ts";
import { later, type MonoMs, NEVER } from "../../lib/time.ts";
import { wallNow, zoneOffsetMinutes } from "../../sys/clock.ts";
import { E, errnoText } from "../../sys/errno.ts";
import type { Loop } from "../../sys/loop.ts";
import { type Pinned, pinned } from "../../sys/memory.ts";
import { eventLine } from "../event-line.ts";
import { type LogIdentity, LogHeaders } from "../header.ts";
import { LineBuffer, LOG_BUFFER_BYTES } from "../line-buffer.ts";
import { logLevelOf, severityOf } from "../priority.ts";
import { openOutlet, type Outlet } from "./outlet.ts";

const FLUSH_INTERVAL_MS = 100;
const FLUSH_BYTES = 64 * 1024;
/** How often a target that cannot be opened, or has failed, is tried again. */
const REOPEN_INTERVAL_MS = 1000;

const NOTHING = new Uint8Array(0);
const LINE_END = asciiBytes("\n");
const SEVERITY_INFO = severityOf("info");
const SEVERITY_WARNING = severityOf("warning");
const encoder = new TextEncoder();

/** Pinned memory is never given back: a reload that changes targets takes over the old ones' buffers. */
const spareBuffers: Pinned[] = [];

class Sink {
  readonly key: string;
  private readonly loop: Loop;
  private readonly target: LogTarget;
  private readonly headers: LogHeaders;
  private readonly severityMax: number;
  private readonly memory: Pinned;
  private readonly lines: LineBuffer;
  private readonly suffix: Uint8Array;
  private outlet: Outlet | null = null;
  private reopenAt = 0 as MonoMs;
  private flushAt: MonoMs = NEVER;
  private readonly onTrouble: TroubleHandler;
  /** Why the target cannot be written, in words; empty while it can. */
  private trouble = "";
  /** The trouble is that it cannot even be opened. */
  private isShut = false;

  constructor(loop: Loop, target: LogTarget, identity: LogIdentity, onTrouble: TroubleHandler) {
    const { sink, format, facility, level } = target;
    this.key = JSON.stringify(target);
    this.loop = loop;
    this.target = target;
    this.onTrouble = onTrouble;
    this.headers = new LogHeaders({ format, facility, withHost: sink.kind !== "unix" }, identity, zoneOffsetMinutes);
    this.severityMax = severityOf(level);
    this.memory = spareBuffers.pop() ?? pinned(LOG_BUFFER_BYTES);
    this.lines = new LineBuffer(this.memory.bytes);
    // A datagram is a line; streams need an end.
    this.suffix = sink.kind === "syslog" || sink.kind === "unix" ? NOTHING : LINE_END;
    this.open();
  }

  admits(severity: number): boolean {
    return severity <= this.severityMax;
  }

  add(severity: number, text: Uint8Array, start: number, end: number, isAccess: boolean): void {
    if (!this.admits(severity)) return;
    const bare = isAccess && this.target.format === "plain";
    this.lines.add(bare ? NOTHING : this.headers.at(wallNow(), severity), text, start, end, this.suffix);
    const due = isAccess && this.lines.pendingBytes < FLUSH_BYTES ? FLUSH_INTERVAL_MS : 0;
    const flushAt = later(this.loop.now, due);
    if (flushAt < this.flushAt) this.flushAt = flushAt;
  }

  nextFlush(): MonoMs {
    return this.flushAt;
  }

  turn(now: MonoMs): void {
    if (this.flushAt <= now) this.flush(now);
  }

  /** Writes what the target takes now; the rest is tried again when it is writable or after the interval. */
  flush(now: MonoMs): void {
    this.flushAt = NEVER;
    if (this.outlet === null && now >= this.reopenAt) this.open();
    while (this.outlet !== null && this.lines.pendingBytes > 0) {
      const { isDatagram } = this.outlet;
      const length = isDatagram ? this.lines.firstLineBytes : this.lines.pendingBytes;
      const taken = this.outlet.write(this.memory.address + this.lines.pendingStart, length);
      if (taken > 0) {
        this.lines.consume(taken);
        this.recover();
      } else if (taken === 0) break;
      else if (taken === -E.MSGSIZE) this.lines.dropFirst();
      else this.fail(errnoText(taken), now);
    }
    this.confessDrops();
    if (this.lines.pendingBytes > 0) this.flushAt = later(now, FLUSH_INTERVAL_MS);
    else if (this.outlet === null) this.flushAt = this.reopenAt;
  }

  /** A file was moved away: what was logged until now goes there, what follows into a new one, if it can be opened. */
  reopen(): void {
    if (this.target.sink.kind !== "file") return;
    this.flush(this.loop.now);
    const old = this.outlet;
    this.outlet = null;
    this.open();
    if (this.outlet === null) this.outlet = old;
    else old?.close();
  }

  close(): void {
    this.flush(this.loop.now);
    this.outlet?.close();
    this.outlet = null;
    this.flushAt = NEVER;
    spareBuffers.push(this.memory);
  }

  private open(): void {
    const outlet = openOutlet(this.loop, this.target.sink, () => this.flush(this.loop.now));
    this.reopenAt = later(this.loop.now, REOPEN_INTERVAL_MS);
    if (typeof outlet === "string") {
      this.isShut = true;
      if (this.flushAt === NEVER) this.flushAt = this.reopenAt;
      return this.suffer(outlet);
    }
    this.outlet = outlet;
    if (this.isShut) this.recover();
  }

  private fail(reason: string, now: MonoMs): void {
    this.outlet?.close();
    this.outlet = null;
    this.reopenAt = later(now, REOPEN_INTERVAL_MS);
    this.suffer(reason);
  }

  /** Told once, until the target takes a line again: a file on a full disk can be opened all the same. */
  private suffer(reason: string): void {
    const isNews = this.trouble === "";
    this.trouble = reason;
    if (isNews) this.onTrouble(sinkText(this.target.sink), reason);
  }

  /** There is no trouble with it any more. */
  recover(): void {
    this.isShut = false;
    if (this.trouble === "") return;
    this.trouble = "";
    this.onTrouble(sinkText(this.target.sink), null);
  }

  /** Once there is room again: how much is missing from the log. */
  private confessDrops(): void {
    if (this.outlet === null || this.lines.droppedLines === 0 || this.lines.pendingBytes > LOG_BUFFER_BYTES / 2) return;
    const text = encoder.encode(`log.dropped lines=${this.lines.takeDropped()}`);
    this.add(SEVERITY_WARNING, text, 0, text.length, false);
  }
}

/** A target cannot be written, and why: told once. Null: it takes lines again, or is no target any more. */
export type TroubleHandler = (target: string, reason: string | null) => void;

/** What becomes of a target, as an event (see admin/log-targets.ts). */
export function targetEvent(target: string, reason: string | null): Happening {
  const text = `log target ${target}: ${reason ?? "the trouble is over"}`;
  const level = reason === null ? "notice" : "warning";
  return { level, kind: "log.target", object: target, text, fields: { failed: reason === null ? 0 : 1 } };
}

/** The target as the configuration writes it. */
function sinkText(sink: LogSink): string {
  switch (sink.kind) {
    case "stderr":
    case "stdout":
      return sink.kind;
    case "file":
    case "unix":
      return `${sink.kind}:${sink.path}`;
    case "syslog":
      return sink.address.kind === "unix" ? sink.address.path : `syslog://${sink.address.host}:${sink.address.port}`;
    default:
      return unreachable(sink);
  }
}

export class Logger {
  private readonly loop: Loop;
  private readonly identity: LogIdentity;
  private readonly onTrouble: TroubleHandler;
  private sinks: Sink[] = [];

  constructor(
    loop: Loop,
    targets: readonly LogTarget[],
    identity: LogIdentity,
    onTrouble: TroubleHandler = () => undefined,
  ) {
    this.loop = loop;
    this.identity = identity;
    this.onTrouble = onTrouble;
    this.configure(targets);
    loop.addUser({
      nextDeadline: () => this.sinks.reduce<MonoMs>((next, sink) => earlier(next, sink.nextFlush()), NEVER),
      turn: (now) => {
        for (const sink of this.sinks) sink.turn(now);
      },
    });
  }

  /**
   * The targets of a new configuration. Those that stay keep what they have not written yet, and their files are
   * opened anew: a reload is what logrotate asks for.
   */
  configure(targets: readonly LogTarget[]): void {
    const previous = new Map(this.sinks.map((sink) => [sink.key, sink]));
    this.sinks = targets.map((target) => {
      const key = JSON.stringify(target);
      const kept = previous.get(key);
      previous.delete(key);
      kept?.reopen();
      return kept ?? new Sink(this.loop, target, this.identity, this.onTrouble);
    });
    for (const sink of previous.values()) {
      sink.close();
      sink.recover();
    }
  }

  /** A control-plane line: `vrrp.state instance=web from=backup to=master`. Written at the end of this turn. */
  event(level: LogLevel, text: string): void {
    const bytes = encoder.encode(text);
    const severity = severityOf(level);
    for (const sink of this.sinks) sink.add(severity, bytes, 0, bytes.length, false);
  }

  /** An event of the appliance in its log form. */
  ballastEvent(event: BallastEvent): void {
    this.event(logLevelOf(event.level), eventLine(event));
  }

  /** An access line, bytes[start, end), without line end; level info. */
  accessBytes(bytes: Uint8Array, start: number, end: number): void {
    for (const sink of this.sinks) sink.add(SEVERITY_INFO, bytes, start, end, true);
  }

  /** Whether anybody reads access lines: else none need be made. */
  get wantsAccess(): boolean {
    return this.sinks.some((sink) => sink.admits(SEVERITY_INFO));
  }

  /** Writes what can be written and closes all targets. */
  close(): void {
    for (const sink of this.sinks) sink.close();
    this.sinks = [];
  }
}

function earlier(a: MonoMs, b: MonoMs): MonoMs {
  return a < b ? a : b;
}
