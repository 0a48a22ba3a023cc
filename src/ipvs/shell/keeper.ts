/**
 * Keeps the kernel's table as it should be: looks, plans, changes, and looks again in a while, so that what somebody
 * changes by hand is put right and what drains comes to its end.
 */
import type { LvsConfig } from "../../config/types-lvs.ts";
import type { Result } from "../../lib/result.ts";
import { monoNow } from "../../sys/clock.ts";
import type { IpvsRefusal, KeptTable } from "../kernel-table.ts";
import type { IpvsCommand, ServiceState } from "../model.ts";
import { type Ownership, sameOwnership, unionOwnership } from "../ownership.ts";
import { type DesiredService, type Draining, planTable } from "../plan.ts";
import { planSync, planTimeouts } from "../plan-sync.ts";

/** What the table is kept to. */
export interface KeeperTarget {
  readonly desired: readonly DesiredService[];
  readonly settings: LvsConfig;
  /** Whether this node is master of the instance that the sync daemon follows; null: not known. */
  readonly isMaster: boolean | null;
  readonly drainTimeoutMs: number;
  /** Drains are over, whoever is still connected. */
  readonly endsDrains?: boolean;
}

export interface KeeperReport {
  readonly commands: number;
  readonly refusals: readonly string[];
  /** `SERVICE SERVER` that somebody else put into services of ours. */
  readonly foreign: readonly string[];
  /** Destinations that still wait for their connections to end. */
  readonly draining: number;
  /** The table as it was found; null: the kernel did not show it. */
  readonly found: readonly ServiceState[] | null;
}

/** Refusals that are told of one look; a thousand equal ones help nobody. */
const REFUSALS_MAX = 20;

export class Keeper {
  private readonly table: KeptTable;
  private readonly write: (owned: Ownership) => void;
  private owned: Ownership;
  private draining: Draining = new Map();

  /** `write` keeps the ownership for the next start. */
  constructor(table: KeptTable, owned: Ownership, write: (owned: Ownership) => void) {
    this.table = table;
    this.owned = owned;
    this.write = write;
  }

  get ownership(): Ownership {
    return this.owned;
  }

  look(): Result<readonly ServiceState[], IpvsRefusal> {
    return this.table.read();
  }

  /** One look and what it takes. */
  keep(target: KeeperTarget): KeeperReport {
    const refusals: string[] = [];
    const kernel = this.table.read();
    if (!kernel.ok) {
      return { commands: 0, refusals: [kernel.error.text], foreign: [], draining: this.draining.size, found: null };
    }
    const plan = planTable({
      desired: target.desired,
      kernel: kernel.value,
      owned: this.owned,
      draining: target.endsDrains === true ? new Map() : this.draining,
      now: monoNow(),
      drainTimeoutMs: target.drainTimeoutMs,
    });
    // Before the commands: a crash between them leaves nothing behind that nobody owns.
    this.remember(unionOwnership(this.owned, plan.owned));
    const commands = [...plan.commands, ...this.others(target, refusals)];
    const failed = this.applyAll(commands, refusals);
    this.draining = plan.draining;
    if (failed === 0) this.remember(plan.owned);
    const foreign = plan.foreign.map(({ service, destination }) => `${service} ${destination}`);
    const done = commands.length - failed;
    return { commands: done, refusals, foreign, draining: plan.draining.size, found: kernel.value };
  }

  /** Timeouts and sync daemons, which belong to no service. */
  private others({ settings, isMaster }: KeeperTarget, refusals: string[]): readonly IpvsCommand[] {
    const commands: IpvsCommand[] = [];
    const timeouts = this.table.timeouts();
    if (timeouts.ok) {
      const command = planTimeouts(settings.timeouts, timeouts.value);
      if (command !== null) commands.push(command);
    } else refusals.push(timeouts.error.text);
    if (settings.sync === null) return commands;
    const daemons = this.table.daemons();
    if (daemons.ok) commands.push(...planSync(settings.sync, isMaster, daemons.value));
    else refusals.push(daemons.error.text);
    return commands;
  }

  /** How many failed: the next look sees what became of them. */
  private applyAll(commands: readonly IpvsCommand[], refusals: string[]): number {
    let failed = 0;
    for (const command of commands) {
      const refusal = this.table.apply(command);
      if (refusal === null) continue;
      failed++;
      if (refusals.length < REFUSALS_MAX) refusals.push(refusal.text);
    }
    return failed;
  }

  private remember(owned: Ownership): void {
    if (sameOwnership(this.owned, owned)) return;
    this.owned = owned;
    this.write(owned);
  }
}
