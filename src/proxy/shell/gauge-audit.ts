/**
 * Gauges that all workers raise together (a server's maxconn, a frontend's, the appliance's) stay exact while workers
 * die. Each worker also notes what it holds in counters of its own, after raising and before lowering the common
 * gauge, and the supervisor subtracts that for a dead one. What SIGKILL left between the two steps is found here: a
 * difference that nobody under way explains, since it stays, is taken out.
 */

interface Gauge {
  readonly words: Int32Array;
  readonly word: number;
  /** First counters, in each worker's memory, that together should make the gauge. */
  readonly held: readonly number[];
  /** The smallest difference of `checks` consecutive looks. */
  drift: number;
  checks: number;
}

/** Looks, a second apart, that have to agree: a worker in the middle of an accept is seen once, not five times. */
const CHECKS = 5;

export class GaugeAudit {
  private readonly workers: readonly Float64Array[];
  private gauges: readonly Gauge[] = [];

  constructor(workers: readonly Float64Array[]) {
    this.workers = workers;
  }

  /** What to watch from now on. */
  watch(gauges: readonly Pick<Gauge, "words" | "word" | "held">[]): void {
    this.gauges = gauges.map((gauge) => ({ ...gauge, drift: 0, checks: 0 }));
  }

  /** Call it once a second. */
  check(): void {
    for (const gauge of this.gauges) this.checkOne(gauge);
  }

  private checkOne(gauge: Gauge): void {
    const seen = Atomics.load(gauge.words, gauge.word);
    const drift = seen - this.held(gauge);
    if (drift === 0 || (gauge.checks > 0 && Math.sign(drift) !== Math.sign(gauge.drift))) {
      gauge.checks = 0;
      return;
    }
    gauge.drift = gauge.checks === 0 || Math.abs(drift) < Math.abs(gauge.drift) ? drift : gauge.drift;
    if (++gauge.checks < CHECKS) return;
    gauge.checks = 0;
    // Every worker checks; whoever comes second sees no difference any more, or fails here.
    Atomics.compareExchange(gauge.words, gauge.word, seen, seen - gauge.drift);
  }

  private held({ held }: Gauge): number {
    let sum = 0;
    for (const worker of this.workers) for (const at of held) sum += worker[at];
    return sum;
  }
}
