/**
 * Memory goes back to the kernel after a burst: blocks that lie unused at once, Bun's heap when things are quiet, since
 * its collector does not run in an idle process (hundreds of megabytes stay until somebody asks).
 */
import type { ConnTable } from "../conn-table.ts";
import type { Arena } from "./arena.ts";

export const MEMORY_INTERVAL_MS = 2000;
/** Blocks given back at a time: one madvise each, a millisecond or so together. */
const TRIM_BLOCKS_MAX = 1024;
/** Connections that make a collection worth its pause of some milliseconds … */
const BURST_CONNECTIONS = 1000;
/** … and at most so many in the last interval and still open: nobody is there to notice it. */
const QUIET_CONNECTIONS = 50;

export class MemoryKeeper {
  private readonly arena: Arena;
  private readonly table: ConnTable;
  private readonly collect: () => void;
  private takenBefore = 0;
  private takenAtCollection = 0;

  constructor(arena: Arena, table: ConnTable, collect: () => void) {
    this.arena = arena;
    this.table = table;
    this.collect = collect;
  }

  /** Call it every MEMORY_INTERVAL_MS. */
  run(): void {
    const { taken, used } = this.table;
    this.arena.trim(TRIM_BLOCKS_MAX);
    const isQuiet = taken - this.takenBefore <= QUIET_CONNECTIONS && used <= QUIET_CONNECTIONS;
    this.takenBefore = taken;
    if (!isQuiet || taken - this.takenAtCollection < BURST_CONNECTIONS) return;
    this.takenAtCollection = taken;
    this.collect();
  }
}
