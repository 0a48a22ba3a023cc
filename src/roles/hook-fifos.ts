/** The named pipes that changes are written to: those of the running configuration, open all the time. */
import { Fifo } from "../notify/shell/fifo.ts";

/** A pipe began to refuse lines, for a reason, or takes them again (null). Said once until it changes. */
export type FifoReport = (path: string, trouble: string | null) => void;

export class HookFifos {
  private readonly report: FifoReport;
  private readonly fifos = new Map<string, Fifo>();
  /** Why a pipe did not take its last line. */
  private readonly troubles = new Map<string, string>();

  constructor(report: FifoReport) {
    this.report = report;
  }

  /** Opens these pipes and closes those that nobody names any more. */
  keep(wanted: ReadonlySet<string>): void {
    for (const [path, fifo] of this.fifos) {
      if (wanted.has(path)) continue;
      fifo.close();
      this.fifos.delete(path);
      this.troubles.delete(path);
    }
    for (const path of wanted) {
      const fifo = this.fifos.get(path) ?? new Fifo(path);
      this.fifos.set(path, fifo);
      this.note(path, fifo.open());
    }
  }

  write(path: string, line: string): void {
    const fifo = this.fifos.get(path);
    if (fifo !== undefined) this.note(path, fifo.write(line));
  }

  close(): void {
    for (const fifo of this.fifos.values()) fifo.close();
    this.fifos.clear();
  }

  private note(path: string, trouble: string | null): void {
    if (trouble === (this.troubles.get(path) ?? null)) return;
    if (trouble === null) this.troubles.delete(path);
    else this.troubles.set(path, trouble);
    this.report(path, trouble);
  }
}
