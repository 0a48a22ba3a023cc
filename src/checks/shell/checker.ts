/**
 * Checks all servers, one connection in flight for each, and reports what changes.
 * A few thousand servers: an object each, timers in the loop's heap.
 */
import type { Verdict } from "../../ipc/messages.ts";
import { unreachable } from "../../lib/result.ts";
import { monoNow } from "../../sys/clock.ts";
import type { Loop, LoopTimer } from "../../sys/loop.ts";
import { checkRequest } from "../http-probe.ts";
import { checkedKey, type CheckedServer, isSameCheck } from "../plan.ts";
import type { ProbeResult } from "../result.ts";
import { firstDelayMs, nextDelayMs } from "../schedule.ts";
import { afterCheck, type InitialHealth, initialHealth, intervalFor, isUp, progressOf } from "../verdict.ts";
import type { RunningProbe } from "./probe-socket.ts";
import { startHttpProbe } from "./probe-http.ts";
import { startTcpProbe } from "./probe-tcp.ts";

const NOTHING = new Uint8Array(0);

export interface CheckerOptions {
  /** In [0, 1). */
  readonly random: () => number;
  readonly onVerdict: (verdict: Verdict) => void;
  /** This machine could not run a check; the server's state stays as it was. */
  readonly onUnable: (server: CheckedServer, reason: string) => void;
}

/** What is known of a server when its checks begin. */
export interface KnownServer {
  readonly health: InitialHealth;
  /** In maintenance: not checked. */
  readonly isMaint: boolean;
}

interface Subject {
  readonly server: CheckedServer;
  /** What an HTTP probe sends. */
  readonly request: Uint8Array;
  health: number;
  isMaint: boolean;
  timer: LoopTimer | null;
  probe: RunningProbe | null;
  startedMs: number;
  /** The last verdict that was reported; null: none yet. */
  reported: Verdict | null;
}

export class Checker {
  private readonly loop: Loop;
  private readonly options: CheckerOptions;
  /** haproxy: spread-checks. */
  private spreadPercent = 0;
  private subjects = new Map<string, Subject>();

  constructor(loop: Loop, options: CheckerOptions) {
    this.loop = loop;
    this.options = options;
  }

  /**
   * Checks exactly these servers from now on. Those that are the same as before keep state and schedule; those whose
   * check or address changed begin their schedule anew. known: for servers that were not checked here before.
   */
  configure(
    servers: readonly CheckedServer[],
    spreadPercent: number,
    known: (server: CheckedServer) => KnownServer,
  ): void {
    this.spreadPercent = spreadPercent;
    const previous = this.subjects;
    this.subjects = new Map();
    const fresh: Subject[] = [];
    for (const server of servers) {
      const key = checkedKey(server);
      const old = previous.get(key);
      if (old !== undefined && isSameCheck(old.server, server)) {
        previous.delete(key);
        this.subjects.set(key, old);
        continue;
      }
      const { health, isMaint } = old === undefined ? known(server) : inherited(old, server);
      const subject = newSubject(server, health, isMaint);
      this.subjects.set(key, subject);
      fresh.push(subject);
    }
    for (const gone of previous.values()) halt(gone);
    for (const [position, subject] of fresh.entries()) {
      const intervalMs = intervalFor(subject.health, subject.server.check);
      if (!subject.isMaint) this.schedule(subject, firstDelayMs(intervalMs, position, fresh.length));
    }
  }

  /** Maintenance stops the checks; afterwards the server begins as at boot, up until a check fails, and is checked at once. */
  setMaint(key: string, isMaint: boolean): void {
    const subject = this.subjects.get(key);
    if (subject === undefined || subject.isMaint === isMaint) return;
    subject.isMaint = isMaint;
    halt(subject);
    if (isMaint) return;
    subject.health = initialHealth("unknown", subject.server.check);
    this.report(subject, "INI", "not checked yet", 0);
    this.schedule(subject, 0);
  }

  stop(): void {
    for (const subject of this.subjects.values()) halt(subject);
    this.subjects.clear();
  }

  private schedule(subject: Subject, delayMs: number): void {
    subject.timer = this.loop.after(delayMs, () => this.begin(subject));
  }

  private begin(subject: Subject): void {
    const { address, check, connectTimeoutMs } = subject.server;
    const { timeoutMs, tls = null } = check;
    subject.timer = null;
    subject.startedMs = monoNow();
    const done = (result: ProbeResult): void => this.finish(subject, result);
    switch (check.probe.kind) {
      case "tcp":
        subject.probe = startTcpProbe(this.loop, address, tls, connectTimeoutMs, timeoutMs, done);
        break;
      case "http":
        subject.probe = startHttpProbe(
          this.loop,
          { target: address, request: subject.request, wanted: check.probe, tls, connectTimeoutMs, timeoutMs },
          done,
        );
        break;
      default:
        unreachable(check.probe);
    }
  }

  private finish(subject: Subject, result: ProbeResult): void {
    const { check } = subject.server;
    const durationMs = monoNow() - subject.startedMs;
    subject.probe = null;
    if (result.kind === "checked") {
      subject.health = afterCheck(subject.health, result.passed, check);
      this.report(subject, result.status, result.info, durationMs);
    } else this.options.onUnable(subject.server, result.reason);
    const intervalMs = intervalFor(subject.health, check);
    this.schedule(subject, nextDelayMs(intervalMs, this.spreadPercent, this.options.random()));
  }
  /** Tells when anything but the duration is new. */
  private report(subject: Subject, checkStatus: string, checkInfo: string, checkDurationMs: number): void {
    const { server, health, reported } = subject;
    const verdict: Verdict = {
      backend: server.backend,
      server: server.server,
      health: isUp(health, server.check) ? "up" : "down",
      checkStatus,
      checkInfo,
      checkDurationMs: Math.round(checkDurationMs),
      progress: progressOf(health, server.check),
    };
    const isNews =
      reported === null ||
      reported.health !== verdict.health ||
      reported.checkStatus !== checkStatus ||
      reported.checkInfo !== checkInfo ||
      reported.progress !== verdict.progress;
    if (!isNews) return;
    subject.reported = verdict;
    this.options.onVerdict(verdict);
  }
}

function newSubject(server: CheckedServer, health: InitialHealth, isMaint: boolean): Subject {
  const { probe } = server.check;
  return {
    server,
    request: probe.kind === "http" ? checkRequest(probe, server.address, server.check.tls !== undefined) : NOTHING,
    health: initialHealth(health, server.check),
    isMaint,
    timer: null,
    probe: null,
    startedMs: 0,
    reported: null,
  };
}

/** The same server with another check keeps its health; at another address it has yet to prove it. */
function inherited(old: Subject, server: CheckedServer): KnownServer {
  const { isMaint } = old;
  if (!isUp(old.health, old.server.check)) return { health: "down", isMaint };
  const sameAddress = JSON.stringify(old.server.address) === JSON.stringify(server.address);
  return { health: sameAddress ? "up" : "unknown", isMaint };
}

function halt(subject: Subject): void {
  subject.timer?.cancel();
  subject.probe?.cancel();
  subject.timer = null;
  subject.probe = null;
}
