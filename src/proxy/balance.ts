/**
 * Who serves next: HAProxy's roundrobin, leastconn and source over one `ServerTable`.
 *
 * All of them: usable servers of weight 1 and more; when there is none, the first usable backup. A server to avoid
 * (`exclude`: the one that just failed) is taken only when nobody else is left, and then the caller waits before it
 * tries it again. A loop over at most SERVERS_MAX columns; nothing is allocated by a pick.
 */
import { unreachable } from "../lib/result.ts";
import type { ServerTable } from "./server-table.ts";

/** No usable server at all: 503. */
export const PICK_NONE = -1;
/** Every candidate is at its maxconn: wait in the queue. Occurs only when the caller maintains `table.full`. */
export const PICK_FULL = -2;
/** `exclude` of a first attempt. */
export const EXCLUDE_NONE = -1;

export type Algorithm = "roundrobin" | "leastconn" | "source";

export interface Balancer {
  /** After PICK_FULL: the one server that this session has to wait for; -1: any. */
  readonly wanted: number;
  /**
   * Index of the server for a new session, PICK_NONE or PICK_FULL.
   * hash: `hashAddress` of the client, used by source only. exclude: a server to avoid, or EXCLUDE_NONE.
   */
  pick(hash: number, exclude: number): number;
}

export function createBalancer(algorithm: Algorithm, table: ServerTable): Balancer {
  switch (algorithm) {
    case "roundrobin":
      return new RoundRobin(table);
    case "leastconn":
      return new LeastConn(table);
    case "source":
      return new Source(table);
    default:
      return unreachable(algorithm);
  }
}

/** haproxy's hash of a client address: its big-endian 32-bit words XORed. length: 4 or 16 bytes. */
export function hashAddress(bytes: Uint8Array, start: number, length: number): number {
  let hash = 0;
  for (let i = start; i < start + length; i += 4) {
    hash ^= (bytes[i] << 24) | (bytes[i + 1] << 16) | (bytes[i + 2] << 8) | bytes[i + 3];
  }
  return hash >>> 0;
}

/** What to answer when no active server could be chosen: nobody, somebody who is full, or the one to avoid. */
function pickSpare(table: ServerTable, exclude: number, activeFull: boolean): number {
  if (exclude >= 0 && table.backup[exclude] === 0 && table.eligible(exclude)) {
    return table.full[exclude] === 1 ? PICK_FULL : exclude;
  }
  if (activeFull) return PICK_FULL;
  let avoided = PICK_NONE;
  let spareFull = false;
  for (let i = 0; i < table.count; i++) {
    if (table.backup[i] === 0 || !table.eligible(i)) continue;
    if (table.full[i] === 1) spareFull = true;
    else if (i === exclude) avoided = i;
    else return i;
  }
  return avoided === PICK_NONE && spareFull ? PICK_FULL : avoided;
}

/**
 * Smooth weighted round robin: each candidate gains its weight, the richest serves and pays the sum.
 * 3:1 gives A A B A, never A A A B. Scores start again at zero when weights or states change.
 */
class RoundRobin implements Balancer {
  readonly wanted = -1;
  private readonly table: ServerTable;
  private readonly score: Int32Array;
  private version = 0;

  constructor(table: ServerTable) {
    this.table = table;
    this.score = new Int32Array(table.count);
  }

  pick(_hash: number, exclude: number): number {
    const { table, score } = this;
    if (this.version !== table.version) {
      score.fill(0);
      this.version = table.version;
    }
    let best = -1;
    let sum = 0;
    let full = false;
    for (let i = 0; i < table.count; i++) {
      const weight = table.weight[i];
      if (weight === 0 || table.usable[i] === 0 || table.backup[i] === 1 || i === exclude) continue;
      if (table.full[i] === 1) {
        full = true;
        continue;
      }
      sum += weight;
      score[i] += weight;
      if (best < 0 || score[i] > score[best]) best = i;
    }
    if (best < 0) return pickSpare(table, exclude, full);
    score[best] -= sum;
    return best;
  }
}

/** Fewest sessions for the weight: (served + 1) / weight, idle servers all equal (lb_fwlc.c); equals take turns. */
class LeastConn implements Balancer {
  readonly wanted = -1;
  private readonly table: ServerTable;
  private last = -1;

  constructor(table: ServerTable) {
    this.table = table;
  }

  pick(_hash: number, exclude: number): number {
    const { table } = this;
    let best = -1;
    let bestLoad = 0;
    let bestWeight = 1;
    let full = false;
    for (let step = 1; step <= table.count; step++) {
      let i = this.last + step;
      if (i >= table.count) i -= table.count;
      const weight = table.weight[i];
      if (weight === 0 || table.usable[i] === 0 || table.backup[i] === 1 || i === exclude) continue;
      if (table.full[i] === 1) {
        full = true;
        continue;
      }
      const sessions = table.served[i] + table.servedElsewhere[i];
      const load = sessions > 0 ? sessions + 1 : 0;
      // load / weight < bestLoad / bestWeight, in integers.
      if (best >= 0 && load * bestWeight >= bestLoad * weight) continue;
      best = i;
      bestLoad = load;
      bestWeight = weight;
    }
    if (best < 0) return pickSpare(table, exclude, full);
    this.last = best;
    return best;
  }
}

/**
 * haproxy's map-based hash: a table with one entry per unit of weight (lb_map.c), so that clients stay where they were
 * when Ballast takes haproxy's place.
 * The map is rebuilt when a server comes or goes, and most clients then change servers.
 * A full server keeps its clients (they queue); a server to avoid hands its client to the next one on the map.
 */
class Source implements Balancer {
  wanted = -1;
  private readonly table: ServerTable;
  private map: Uint8Array = new Uint8Array(0);
  private version = 0;

  constructor(table: ServerTable) {
    this.table = table;
  }

  pick(hash: number, exclude: number): number {
    const { table } = this;
    if (this.version !== table.version) {
      this.map = buildMap(table);
      this.version = table.version;
    }
    const size = this.map.length;
    this.wanted = -1;
    if (size === 0) return pickSpare(table, exclude, false);
    const start = hash % size;
    let chosen = this.map[start];
    for (let step = 1; chosen === exclude && step < size; step++) chosen = this.map[(start + step) % size];
    if (table.full[chosen] === 0) return chosen;
    this.wanted = chosen;
    return PICK_FULL;
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

function buildMap(table: ServerTable): Uint8Array {
  let divisor = 0;
  let sum = 0;
  for (let i = 0; i < table.count; i++) {
    if (table.backup[i] === 1 || !table.eligible(i)) continue;
    sum += table.weight[i];
    divisor = greatestCommonDivisor(table.weight[i], divisor);
  }
  if (sum === 0) return new Uint8Array(0);
  const map = new Uint8Array(sum / divisor);
  const score = new Int32Array(table.count);
  for (let slot = 0; slot < map.length; slot++) {
    let best = -1;
    let bestShare = 0;
    for (let i = 0; i < table.count; i++) {
      if (table.backup[i] === 1 || !table.eligible(i)) continue;
      score[i] += table.weight[i];
      // Whole shares, the first server of the most wins: coarser than round robin, and haproxy's order to the entry.
      const share = Math.trunc((score[i] + sum) / sum);
      if (best >= 0 && share <= bestShare) continue;
      best = i;
      bestShare = share;
    }
    score[best] -= sum;
    map[slot] = best;
  }
  return map;
}
