/** What a worker does once a second so that its hot path need not: see `Sweep.run`. */
import { CONN } from "../conn-table.ts";
import type { GaugeAudit } from "./gauge-audit.ts";
import type { Plane } from "./plane.ts";
import { endSplice } from "./relay.ts";
import type { Sessions } from "./sessions.ts";

export const SWEEP_MS = 1000;

export class Sweep {
  private readonly p: Plane;
  private readonly sessions: Sessions;
  private readonly audit: GaugeAudit;

  constructor(p: Plane, sessions: Sessions, audit: GaugeAudit) {
    this.p = p;
    this.sessions = sessions;
    this.audit = audit;
  }

  /**
   * Long sessions count the bytes that they have moved so far. Pipes of connections that have not moved a byte for a
   * sweep go back to the pool. Gauges that a killed worker left too high come down.
   */
  run(): void {
    const t = this.p.table;
    const before = this.p.loop.now - SWEEP_MS;
    for (let slot = 0; slot < t.capacity; slot++) {
      const state = t.state[slot];
      if (state === CONN.FREE) continue;
      if (t.pipe[slot] >= 0) this.restPipe(slot);
      if ((state === CONN.TUNNEL || state === CONN.EXCHANGE) && t.startedAt[slot] <= before) {
        this.sessions.countSoFar(slot);
      }
    }
    this.audit.check();
  }

  private restPipe(slot: number): void {
    const t = this.p.table;
    if (t.pipeMoved[slot] === 1) t.pipeMoved[slot] = 0;
    else if (t.pipeBytes[slot] === 0) endSplice(this.p, slot);
  }
}
