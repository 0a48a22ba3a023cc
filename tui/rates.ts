/** Rates and percentiles from two looks at the daemon's totals. Pure. */
import {
  latencyBoundsMs,
  type BackendStatus,
  type FrontendStatus,
  type ServerStatus,
  type Snapshot,
} from "../src/admin/api.ts";

/** Per second; null until there are two looks, or after the daemon started again. */
export interface Rate {
  readonly requests: number | null;
  readonly connections: number | null;
  readonly inBits: number | null;
  readonly outBits: number | null;
  readonly errors5xx: number | null;
  /** Milliseconds; null: no request in the window. Infinity: beyond the last bound. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

export interface Rates {
  readonly total: Rate;
  readonly frontends: ReadonlyMap<string, Rate>;
  readonly backends: ReadonlyMap<string, Rate>;
  /** By `backend/server`. */
  readonly servers: ReadonlyMap<string, Rate>;
}

export const NO_RATE: Rate = {
  requests: null,
  connections: null,
  inBits: null,
  outBits: null,
  errors5xx: null,
  p50Ms: null,
  p99Ms: null,
};

export const NO_RATES: Rates = { total: NO_RATE, frontends: new Map(), backends: new Map(), servers: new Map() };

interface Totals {
  readonly requests: number;
  readonly connections: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly errors5xx: number;
  readonly latency: readonly number[];
}

/**
 * Rates between `previous` and `current`; percentiles between `oldest` (some seconds back, for steadiness) and `current`.
 */
export function ratesBetween(oldest: Snapshot, previous: Snapshot, current: Snapshot): Rates {
  const elapsedMs = current.wallMs - previous.wallMs;
  if (elapsedMs <= 0 || current.startedWallMs !== previous.startedWallMs) return NO_RATES;
  const seconds = elapsedMs / 1000;
  const rateOf = (now: Totals, before: Totals | undefined, old: Totals | undefined): Rate =>
    before === undefined ? NO_RATE : rate(now, before, old ?? before, seconds);
  return {
    total: rateOf(sumTotals(current), sumTotals(previous), sumTotals(oldest)),
    frontends: mapRates(frontendTotals(current), frontendTotals(previous), frontendTotals(oldest), rateOf),
    backends: mapRates(backendTotals(current), backendTotals(previous), backendTotals(oldest), rateOf),
    servers: mapRates(serverTotals(current), serverTotals(previous), serverTotals(oldest), rateOf),
  };
}

/** A server's name among all servers. */
export function serverKey(backend: string, server: string): string {
  return `${backend}/${server}`;
}

/**
 * The latency under which `share` of the requests stayed, by interpolation inside its bucket.
 * counts: cumulative, one per bound of latencyBoundsMs and one for +Inf.
 */
export function percentileMs(counts: readonly number[], share: number): number | null {
  const total = counts.at(-1) ?? 0;
  if (total <= 0) return null;
  const wanted = total * share;
  let below = 0;
  let lowMs = 0;
  for (let index = 0; index < latencyBoundsMs.length; index++) {
    const upTo = counts[index] ?? 0;
    const highMs = latencyBoundsMs[index];
    if (upTo >= wanted) {
      const inside = upTo - below;
      return inside <= 0 ? highMs : lowMs + ((highMs - lowMs) * (wanted - below)) / inside;
    }
    below = upTo;
    lowMs = highMs;
  }
  return Number.POSITIVE_INFINITY;
}

function rate(now: Totals, before: Totals, old: Totals, seconds: number): Rate {
  // A counter that went back belongs to a restarted object: no rate rather than a wrong one.
  const per = (current: number, earlier: number): number | null =>
    current < earlier ? null : (current - earlier) / seconds;
  const bits = (current: number, earlier: number): number | null => {
    const bytes = per(current, earlier);
    return bytes === null ? null : bytes * 8;
  };
  const window = now.latency.map((count, index) => Math.max(0, count - (old.latency[index] ?? 0)));
  return {
    requests: per(now.requests, before.requests),
    connections: per(now.connections, before.connections),
    inBits: bits(now.receivedBytes, before.receivedBytes),
    outBits: bits(now.sentBytes, before.sentBytes),
    errors5xx: per(now.errors5xx, before.errors5xx),
    p50Ms: percentileMs(window, 0.5),
    p99Ms: percentileMs(window, 0.99),
  };
}

function mapRates(
  now: ReadonlyMap<string, Totals>,
  before: ReadonlyMap<string, Totals>,
  old: ReadonlyMap<string, Totals>,
  rateOf: (now: Totals, before: Totals | undefined, old: Totals | undefined) => Rate,
): ReadonlyMap<string, Rate> {
  const rates = new Map<string, Rate>();
  for (const [name, totals] of now) rates.set(name, rateOf(totals, before.get(name), old.get(name)));
  return rates;
}

function frontendTotals(snapshot: Snapshot): ReadonlyMap<string, Totals> {
  return new Map(snapshot.frontends.map((frontend) => [frontend.name, totalsOfFrontend(frontend)]));
}

function backendTotals(snapshot: Snapshot): ReadonlyMap<string, Totals> {
  return new Map(snapshot.backends.map((backend) => [backend.name, totalsOfSessions(backend)]));
}

function serverTotals(snapshot: Snapshot): ReadonlyMap<string, Totals> {
  const totals = new Map<string, Totals>();
  for (const backend of snapshot.backends) {
    for (const server of backend.servers) totals.set(serverKey(backend.name, server.name), totalsOfSessions(server));
  }
  return totals;
}

function totalsOfFrontend(frontend: FrontendStatus): Totals {
  return {
    requests: frontend.requestsTotal,
    connections: frontend.connectionsTotal,
    receivedBytes: frontend.receivedBytes,
    sentBytes: frontend.sentBytes,
    errors5xx: frontend.responses[4],
    latency: frontend.latency,
  };
}

/** A session of a backend or server is one request (http) or one connection (tcp). */
function totalsOfSessions(object: BackendStatus | ServerStatus): Totals {
  return {
    requests: object.sessionsTotal,
    connections: object.sessionsTotal,
    receivedBytes: object.receivedBytes,
    sentBytes: object.sentBytes,
    errors5xx: object.responses[4],
    latency: object.latency,
  };
}

function sumTotals(snapshot: Snapshot): Totals {
  const latency = Array.from({ length: latencyBoundsMs.length + 1 }, () => 0);
  let requests = 0;
  let connections = 0;
  let receivedBytes = 0;
  let sentBytes = 0;
  let errors5xx = 0;
  for (const frontend of snapshot.frontends) {
    requests += frontend.requestsTotal;
    connections += frontend.connectionsTotal;
    receivedBytes += frontend.receivedBytes;
    sentBytes += frontend.sentBytes;
    errors5xx += frontend.responses[4];
    frontend.latency.forEach((count, index) => {
      latency[index] = (latency[index] ?? 0) + count;
    });
  }
  return { requests, connections, receivedBytes, sentBytes, errors5xx, latency };
}
