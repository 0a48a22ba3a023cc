/** Checks all real servers of the director with keepalived's timing, one attempt in flight for each. */
import type { LvsCheckConfig, LvsCommandConfig } from "../../config/types.ts";
import { unreachable } from "../../lib/result.ts";
import type { Loop, LoopTimer } from "../../sys/loop.ts";
import { checkRequest } from "../http-probe.ts";
import { afterAttempt, scriptVerdict } from "../real-server.ts";
import type { ProbeResult } from "../result.ts";
import { startDnsProbe, startPingProbe, startUdpProbe } from "./probe-datagram.ts";
import { startHttpProbe } from "./probe-http.ts";
import type { RunningProbe } from "./probe-socket.ts";
import { startSmtpProbe } from "./probe-smtp.ts";
import { startTcpProbe } from "./probe-tcp.ts";

export interface CheckedReal {
  readonly virtual: string;
  readonly real: string;
  readonly check: LvsCheckConfig;
}

/** `up` null: the attempt failed and is repeated before it counts. */
export interface RealCheckResult {
  readonly virtual: string;
  readonly real: string;
  readonly up: boolean | null;
  readonly weight: number | null;
  /** `L4CON Connection refused` */
  readonly info: string;
}

export interface RealCheckerOptions {
  /** In [0, 1). */
  readonly random: () => number;
  /** Runs a program elsewhere and calls back with its exit code; null: killed, or never started. */
  readonly runScript: (
    script: LvsCommandConfig,
    timeoutMs: number,
    done: (code: number | null, reason: string) => void,
  ) => RunningProbe;
  readonly onResult: (result: RealCheckResult) => void;
  readonly onUnable: (subject: CheckedReal, reason: string) => void;
}

interface Subject {
  readonly checked: CheckedReal;
  readonly request: Uint8Array;
  failures: number;
  timer: LoopTimer | null;
  probe: RunningProbe | null;
}

/** RFC 1035, section 4.1.1: sixteen bits. */
const DNS_IDS = 65_536;
const NOTHING = new Uint8Array(0);

export class RealServerChecker {
  private readonly loop: Loop;
  private readonly options: RealCheckerOptions;
  private subjects = new Map<string, Subject>();
  /** Sequence number of the last echo request. */
  private pings = 0;

  constructor(loop: Loop, options: RealCheckerOptions) {
    this.loop = loop;
    this.options = options;
  }

  /** Checks exactly these from now on; those whose check did not change keep their schedule. */
  configure(checked: readonly CheckedReal[]): void {
    const previous = this.subjects;
    this.subjects = new Map();
    for (const each of checked) {
      const key = `${each.virtual} ${each.real}`;
      const old = previous.get(key);
      if (old !== undefined && JSON.stringify(old.checked.check) === JSON.stringify(each.check)) {
        previous.delete(key);
        this.subjects.set(key, old);
        continue;
      }
      const { probe, target } = each.check;
      const request = probe.kind === "http" ? checkRequest(probe, target) : NOTHING;
      const subject: Subject = { checked: each, request, failures: 0, timer: null, probe: null };
      this.subjects.set(key, subject);
      // keepalived's warm-up: the first rounds are spread over one interval, so that they never come in one burst.
      this.schedule(subject, this.options.random() * each.check.intervalMs);
    }
    for (const gone of previous.values()) halt(gone);
  }

  stop(): void {
    for (const subject of this.subjects.values()) halt(subject);
    this.subjects.clear();
  }

  private schedule(subject: Subject, delayMs: number): void {
    subject.timer = this.loop.after(delayMs, () => this.begin(subject));
  }

  private begin(subject: Subject): void {
    const { check } = subject.checked;
    const { probe, target, timeoutMs } = check;
    const done = (result: ProbeResult): void => this.finish(subject, result);
    subject.timer = null;
    switch (probe.kind) {
      case "tcp":
        subject.probe = startTcpProbe(this.loop, target, timeoutMs, done);
        break;
      case "http":
        subject.probe = startHttpProbe(this.loop, target, probe, subject.request, timeoutMs, timeoutMs, done);
        break;
      case "ping":
        this.pings = (this.pings + 1) & 0xffff;
        subject.probe = startPingProbe(this.loop, target, this.pings, timeoutMs, done);
        break;
      case "udp":
        subject.probe = startUdpProbe(this.loop, target, timeoutMs, done);
        break;
      case "dns": {
        const question = { id: Math.floor(this.options.random() * DNS_IDS), name: probe.name, type: probe.type };
        subject.probe = startDnsProbe(this.loop, target, question, timeoutMs, done);
        break;
      }
      case "smtp":
        subject.probe = startSmtpProbe(this.loop, target, probe.helo, timeoutMs, done);
        break;
      case "script":
        subject.probe = this.options.runScript(probe.script, timeoutMs, (code, reason) => {
          const { passed, weight } = scriptVerdict(code, probe.dynamic);
          this.conclude(subject, passed, weight, passed ? `exit code ${code}` : reason);
        });
        break;
      default:
        unreachable(probe);
    }
  }

  private finish(subject: Subject, result: ProbeResult): void {
    if (result.kind === "checked") {
      this.conclude(subject, result.passed, null, `${result.status} ${result.info}`);
      return;
    }
    // Our own shortage says nothing about the server.
    subject.probe = null;
    this.options.onUnable(subject.checked, result.reason);
    this.schedule(subject, subject.checked.check.intervalMs);
  }

  private conclude(subject: Subject, passed: boolean, weight: number | null, info: string): void {
    const { virtual, real, check } = subject.checked;
    subject.probe = null;
    const outcome = afterAttempt(subject.failures, passed, check);
    subject.failures = outcome.failures;
    this.schedule(subject, outcome.delayMs);
    this.options.onResult({ virtual, real, up: outcome.up, weight, info });
  }
}

function halt(subject: Subject): void {
  subject.timer?.cancel();
  subject.probe?.cancel();
  subject.timer = null;
  subject.probe = null;
}
