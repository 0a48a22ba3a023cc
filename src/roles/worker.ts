/**
 * The worker role: the proxy's data plane for one core. It takes its configuration and its listening descriptors from
 * the supervisor; when that is gone it finishes what is running and ends.
 */
import type { Happening } from "../admin/api.ts";
import type { Assignment } from "../ipc/messages.ts";
import type { Channel } from "../ipc/shell/channel.ts";
import { Logger, targetEvent } from "../log/shell/sinks.ts";
import { AccessLog } from "../proxy/shell/access-log.ts";
import { ProxyEngine } from "../proxy/shell/engine.ts";
import { openCounters } from "../stats/shell/counters.ts";
import { wallNow } from "../sys/clock.ts";
import type { Loop } from "../sys/loop.ts";
import { raiseDescriptorLimit } from "../sys/process.ts";

/** Without a supervisor nobody restarts us and nobody tells us how long we may drain. */
const ORPHAN_DRAIN_MS = 30_000;

export function runWorker(channel: Channel, loop: Loop): void {
  let worker: WorkerRole | null = null;
  channel.on("start", (assignment, descriptors) => {
    worker = new WorkerRole(channel, loop, assignment);
    worker.start(assignment, descriptors);
  });
  channel.on("prepare", (assignment, descriptors) => worker?.prepare(assignment, descriptors));
  channel.on("commit", () => worker?.commit());
  channel.on("abort", () => worker?.abort());
  channel.on("server_state", (state) => worker?.engine.setServer(state));
  channel.on("stop", ({ mode, withinMs }) => {
    if (worker === null || mode === "now") return loop.stop();
    worker.drain(withinMs, true);
  });
  channel.onClose(() => {
    if (worker === null) return loop.stop();
    worker.drain(ORPHAN_DRAIN_MS, false);
  });
}

class WorkerRole {
  readonly engine: ProxyEngine;
  private readonly channel: Channel;
  private readonly loop: Loop;
  private readonly logger: Logger;
  private readonly index: number;
  private readonly allCounters: Float64Array[] = [];
  private readonly counters: ReturnType<typeof openCounters>;
  private prepared: Assignment | null = null;
  private draining = false;

  constructor(channel: Channel, loop: Loop, assignment: Assignment) {
    const { config } = assignment;
    this.channel = channel;
    this.loop = loop;
    this.index = assignment.index;
    this.counters = openCounters(assignment.counters, false);
    const identity = { tag: "ballast", pid: process.pid, host: config.global.node };
    this.logger = new Logger(loop, config.global.log, identity, (target, reason) =>
      this.tell(targetEvent(target, reason)),
    );
    this.engine = new ProxyEngine(
      loop,
      {
        header: this.counters.header,
        shared: this.counters.shared,
        own: this.counters.worker(assignment.index),
        all: this.allCounters,
      },
      {
        sessionsMax: config.global.maxconn,
        descriptorsMax: raiseDescriptorLimit(),
        log: ({ plane }) => new AccessLog(plane, this.logger),
        report: (kind, text, object = "", fields = {}) => this.tell({ level: "warning", kind, object, text, fields }),
      },
    );
  }

  start(assignment: Assignment, descriptors: readonly number[]): void {
    const reasons = this.engine.prepare(assignment, descriptors);
    if (reasons.length > 0) {
      this.channel.send("refused", { generation: assignment.generation, reasons });
      return;
    }
    this.prepared = assignment;
    this.commit();
    this.channel.send("ready", { pid: process.pid });
  }

  prepare(assignment: Assignment, descriptors: readonly number[]): void {
    const { generation } = assignment;
    const reasons = this.engine.prepare(assignment, descriptors);
    this.prepared = reasons.length === 0 ? assignment : null;
    if (reasons.length > 0) this.channel.send("refused", { generation, reasons });
    else this.channel.send("prepared", { generation });
  }

  commit(): void {
    const { prepared } = this;
    if (prepared === null) return;
    this.prepared = null;
    this.countAllWorkers(prepared.config.global.workers);
    this.logger.configure(prepared.config.global.log);
    this.engine.commit();
  }

  abort(): void {
    this.prepared = null;
    this.engine.abort();
  }

  drain(withinMs: number, tell: boolean): void {
    if (this.draining) return;
    this.draining = true;
    this.engine.drain(withinMs, () => {
      if (tell) this.channel.send("drained", {});
      this.logger.close();
      this.loop.stop();
    });
  }

  /** Gauges of all workers are summed for a frontend's maxconn. */
  private countAllWorkers(workers: number): void {
    while (this.allCounters.length < workers) this.allCounters.push(this.counters.worker(this.allCounters.length));
  }

  private tell(happening: Happening): void {
    this.channel.send("event", { id: 0, wallMs: wallNow(), source: `worker/${this.index}`, ...happening });
  }
}
