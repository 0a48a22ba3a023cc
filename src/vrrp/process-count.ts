/**
 * Which processes run, by name, from looks at /proc (keepalived: track_process). A look lists the process numbers and
 * reads names only where they may have changed: a number that is new or young (a shell forks first and becomes the
 * program then), one that is counted, and a few of the rest in turn. A node with thousands of processes costs little.
 */

/** A process keeps its name for good once it has survived this many looks, as a rule. */
const YOUNG_LOOKS = 4;
/** Old names that are read again at each look, in turn: an old process may still become another program. */
const OLD_NAMES_PER_LOOK = 64;

interface Known {
  name: string;
  looks: number;
}

export class ProcessCount {
  private readonly known = new Map<number, Known>();
  private turn = 0;

  /** One look: `pids` run now, `nameOf` reads a name (null: it has just ended), `wanted` are the names that count. */
  look(pids: readonly number[], nameOf: (pid: number) => string | null, wanted: ReadonlySet<string>): void {
    const running = new Set(pids);
    for (const pid of this.known.keys()) if (!running.has(pid)) this.known.delete(pid);
    const from = this.turn % Math.max(1, pids.length);
    this.turn = from + OLD_NAMES_PER_LOOK;
    pids.forEach((pid, at) => {
      const entry = this.known.get(pid);
      const isDue = (at - from + pids.length) % pids.length < OLD_NAMES_PER_LOOK;
      if (entry !== undefined && entry.looks >= YOUNG_LOOKS && !wanted.has(entry.name) && !isDue) return;
      const name = nameOf(pid);
      if (name === null) this.known.delete(pid);
      else if (entry === undefined) this.known.set(pid, { name, looks: 1 });
      else {
        entry.name = name;
        entry.looks++;
      }
    });
  }

  count(name: string): number {
    let count = 0;
    for (const entry of this.known.values()) if (entry.name === name) count++;
    return count;
  }
}
