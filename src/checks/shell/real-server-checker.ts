/** Checks all real servers of the director with keepalived's timing, one attempt in flight for each. */
import type { LvsCheckConfig, LvsCommandConfig, LvsPageConfig } from "../../config/types-lvs.ts";
import { assert, unreachable } from "../../lib/result.ts";
import type { Loop, LoopTimer } from "../../sys/loop.ts";
import { fileVerdict } from "../file-value.ts";
import { checkRequest } from "../http-probe.ts";
import { afterAttempt, scriptVerdict } from "../real-server.ts";
import type { ProbeResult } from "../result.ts";
import { startDnsProbe, startPingProbe, startUdpProbe } from "./probe-datagram.ts";
import { startHttpProbe } from "./probe-http.ts";
import { readNumber } from "./read-number.ts";
import type { RunningProbe } from "./probe-socket.ts";
import { startSmtpProbe } from "./probe-smtp.ts";
import { startTcpProbe } from "./probe-tcp.ts";

export interface CheckedReal {
  readonly virtual: string;
  readonly real: string;
  readonly check: LvsCheckConfig;
  /** The configured one, to which a file adds. */
  readonly weight: number;
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
  checked: CheckedReal;
  /** Of an HTTP check, one for each page. */
  readonly requests: readonly Uint8Array[];
  failures: number;
  timer: LoopTimer | null;
  probe: RunningProbe | null;
}

/** RFC 1035, section 4.1.1: sixteen bits. */
const DNS_IDS = 65_536;

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
        old.checked = each;
        this.subjects.set(key, old);
        continue;
      }
      const { probe, target, tls } = each.check;
      const pages = probe.kind === "http" ? probe.pages : [];
      const requests = pages.map((page) => checkRequest(page, target, tls !== null));
      const subject: Subject = { checked: each, requests, failures: 0, timer: null, probe: null };
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
    const { probe, target, tls, timeoutMs } = subject.checked.check;
    const done = (result: ProbeResult): void => this.finish(subject, result);
    subject.timer = null;
    switch (probe.kind) {
      case "tcp":
        subject.probe = startTcpProbe(this.loop, target, tls, timeoutMs, timeoutMs, done);
        break;
      case "http":
        this.askPage(subject, probe.pages, 0);
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
      case "file": {
        const value = readNumber(probe.path);
        const { passed, weight } = fileVerdict(value, probe.weight, subject.checked.weight);
        this.conclude(subject, passed, weight, `${probe.path} says ${value}`);
        break;
      }
      default:
        unreachable(probe);
    }
  }

  /** One page after the other; the first that is not as wanted fails the attempt. */
  private askPage(subject: Subject, pages: readonly LvsPageConfig[], index: number): void {
    const { target, tls, timeoutMs } = subject.checked.check;
    const wanted = pages[index];
    const request = subject.requests[index];
    assert(wanted !== undefined && request !== undefined, "check: a page without its request");
    const options = { target, request, wanted, tls, connectTimeoutMs: timeoutMs, timeoutMs };
    subject.probe = startHttpProbe(this.loop, options, (result) => {
      const passed = result.kind === "checked" && result.passed;
      if (passed && index + 1 < pages.length) this.askPage(subject, pages, index + 1);
      else this.finish(subject, passed || pages.length === 1 ? result : named(result, wanted.target));
    });
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

/** Which of several pages it was. */
function named(result: ProbeResult, target: string): ProbeResult {
  return result.kind === "checked" ? { ...result, info: `${result.info} (${target})` } : result;
}

function halt(subject: Subject): void {
  subject.timer?.cancel();
  subject.probe?.cancel();
  subject.timer = null;
  subject.probe = null;
}
