/** What the kernel says about a process and all its descendants: CPU time and memory. */
import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ: the unit of utime and stime in /proc/PID/stat, 100 on every Linux architecture that we build for. */
const TICK_US = 10_000;

export interface CpuUse {
  readonly userUs: number;
  readonly systemUs: number;
}

export interface MemoryUse {
  readonly rssBytes: number;
  readonly pssBytes: number;
}

interface Stat {
  readonly parent: number;
  readonly userUs: number;
  readonly systemUs: number;
}

/** Fields 4, 14 and 15 of proc(5); the name in field 2 may hold spaces and parentheses. */
export function parseStat(text: string): Stat {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { parent: Number(fields[1]), userUs: Number(fields[11]) * TICK_US, systemUs: Number(fields[12]) * TICK_US };
}

/** Sums of a smaps_rollup file, in bytes. */
export function parseRollup(text: string): MemoryUse {
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
  return { rssBytes: bytes("Rss"), pssBytes: bytes("Pss") };
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // The process ended between listing and reading.
    return null;
  }
}

/** The process and everything below it. */
export function processTree(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    if (stat !== null) parents.set(Number(name), parseStat(stat).parent);
  }
  const tree = [root];
  for (const pid of tree) for (const [child, parent] of parents) if (parent === pid) tree.push(child);
  return tree;
}

export function cpuOf(root: number): CpuUse {
  const sum = { userUs: 0, systemUs: 0 };
  for (const pid of processTree(root)) {
    const text = read(`/proc/${pid}/stat`);
    if (text === null) continue;
    const stat = parseStat(text);
    sum.userUs += stat.userUs;
    sum.systemUs += stat.systemUs;
  }
  return sum;
}

export function memoryOf(root: number): MemoryUse {
  const sum = { rssBytes: 0, pssBytes: 0 };
  for (const pid of processTree(root)) {
    const use = parseRollup(read(`/proc/${pid}/smaps_rollup`) ?? "");
    sum.rssBytes += use.rssBytes;
    sum.pssBytes += use.pssBytes;
  }
  return sum;
}
