/** New instances that wait for the first word about their tracks: a fault that ends a moment later would only alarm people. */
import type { Readings } from "./readings.ts";
import type { Runner } from "./runner.ts";

export class Starts {
  private readonly readings: Readings;
  private waiting: readonly Runner[] = [];

  constructor(readings: Readings) {
    this.readings = readings;
  }

  /** Of these instances, `fresh` are new; those that wait and are no longer among them never start. */
  configure(runners: readonly Runner[], fresh: readonly Runner[]): void {
    this.waiting = [...this.waiting.filter((runner) => runners.includes(runner)), ...fresh];
  }

  /** Starts what may start. */
  go(): void {
    const ready = this.waiting.filter((runner) => this.readings.areKnown(runner.settings));
    this.waiting = this.waiting.filter((runner) => !ready.includes(runner));
    for (const runner of ready) {
      runner.handle({ kind: "tracks", readings: this.readings.of(runner.settings) });
      runner.handle({ kind: "start" });
    }
  }
}
