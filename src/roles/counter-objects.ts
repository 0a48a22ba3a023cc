/** The objects that count in shared memory, over reloads: prepared with a configuration, kept when it is committed. */
import type { Config } from "../config/types.ts";
import { err, ok, type Result } from "../lib/result.ts";
import { WORKER_MAX } from "../stats/layout.ts";
import { clearObject, forgetWorker } from "../stats/read.ts";
import { EMPTY_REGISTRY, objectKeys, register, type Registry } from "../stats/registry.ts";
import { type Counters, reserveCounters } from "../stats/shell/counters.ts";
import { SysError } from "../sys/errno.ts";

export class CounterObjects {
  private readonly counters: Counters;
  private registry: Registry = EMPTY_REGISTRY;
  private prepared: Registry | null = null;

  constructor(counters: Counters) {
    this.counters = counters;
  }

  /** objectKey → index for this configuration, or why it does not fit. Nothing changes until `commit`. */
  prepare(config: Config): Result<Readonly<Record<string, number>>, string> {
    const registration = register(this.registry, objectKeys(config));
    if (!registration.ok) return err(registration.error);
    const { registry, reused } = registration.value;
    const { length: objectCount } = registry.kinds;
    try {
      reserveCounters(this.counters.path, config.global.workers, objectCount);
    } catch (error) {
      if (error instanceof SysError) return err(error.message);
      throw error;
    }
    const workers = Array.from({ length: WORKER_MAX }, (_, index) => this.counters.worker(index));
    // Free until now, so nobody counts there.
    for (const object of reused) clearObject(workers, this.counters.shared, object);
    this.prepared = registry;
    return ok(registry.objects);
  }

  commit(): void {
    this.registry = this.prepared ?? this.registry;
    this.prepared = null;
  }

  /** Resets the gauges of a worker that ended and takes its share out of the shared ones. */
  forgetWorker(index: number): void {
    const { header, shared } = this.counters;
    forgetWorker(this.counters.worker(index), header, shared, this.registry.kinds);
  }
}
