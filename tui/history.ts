/** The past of a few figures, for the sparklines. Pure: every step gives a new history. */
import type { Snapshot } from "../src/admin/api.ts";
import { NO_RATE, type Rates, serverKey } from "./rates.ts";

export const totalSeries = ["requests", "connections", "inBits", "outBits", "p99Ms", "errors5xx"] as const;
export type TotalSeries = (typeof totalSeries)[number];
export const serverSeries = ["requests", "sessions", "p99Ms"] as const;
export type ServerSeries = (typeof serverSeries)[number];

export interface Track<Name extends string> {
  /** When each sample was taken, the daemon's wall clock; as long as every series. */
  readonly atMs: readonly number[];
  readonly series: Readonly<Record<Name, readonly number[]>>;
}

export interface History {
  readonly total: Track<TotalSeries>;
  /** By `backend/server`. */
  readonly servers: ReadonlyMap<string, Track<ServerSeries>>;
}

/** One hour at one look a second: the longest window. */
export const TOTAL_SAMPLES_MAX = 3_600;
/** Five minutes at one look a second. */
export const SERVER_SAMPLES_MAX = 300;
/** 500 servers × 3 series × 300 samples are 3.6 MB; larger installations see totals only. */
export const SERVERS_WITH_HISTORY_MAX = 500;

export const EMPTY_HISTORY: History = {
  total: { atMs: [], series: { requests: [], connections: [], inBits: [], outBits: [], p99Ms: [], errors5xx: [] } },
  servers: new Map(),
};

const EMPTY_SERVER_TRACK: Track<ServerSeries> = { atMs: [], series: { requests: [], sessions: [], p99Ms: [] } };

/** Adds one look at the daemon. Without rates (the first look) there is nothing to remember. */
export function remember(history: History, snapshot: Snapshot, rates: Rates): History {
  if (rates.total.requests === null && rates.total.connections === null) return history;
  const { total } = rates;
  return {
    total: push(history.total, snapshot.wallMs, TOTAL_SAMPLES_MAX, {
      requests: total.requests ?? 0,
      connections: total.connections ?? 0,
      inBits: total.inBits ?? 0,
      outBits: total.outBits ?? 0,
      p99Ms: finite(total.p99Ms),
      errors5xx: total.errors5xx ?? 0,
    }),
    servers: rememberServers(history.servers, snapshot, rates),
  };
}

function rememberServers(
  tracks: ReadonlyMap<string, Track<ServerSeries>>,
  snapshot: Snapshot,
  rates: Rates,
): ReadonlyMap<string, Track<ServerSeries>> {
  const count = snapshot.backends.reduce((sum, backend) => sum + backend.servers.length, 0);
  if (count > SERVERS_WITH_HISTORY_MAX) return new Map();
  const next = new Map<string, Track<ServerSeries>>();
  for (const backend of snapshot.backends) {
    for (const server of backend.servers) {
      const key = serverKey(backend.name, server.name);
      const rate = rates.servers.get(key) ?? NO_RATE;
      next.set(
        key,
        push(tracks.get(key) ?? EMPTY_SERVER_TRACK, snapshot.wallMs, SERVER_SAMPLES_MAX, {
          requests: rate.requests ?? 0,
          sessions: server.sessions,
          p99Ms: finite(rate.p99Ms),
        }),
      );
    }
  }
  return next;
}

/** A percentile beyond the last bound is drawn at twice that bound; none at all at zero. */
function finite(valueMs: number | null): number {
  if (valueMs === null) return 0;
  return Number.isFinite(valueMs) ? valueMs : 10_000;
}

function push<Name extends string>(
  track: Track<Name>,
  atMs: number,
  samplesMax: number,
  sample: Readonly<Record<Name, number>>,
): Track<Name> {
  const series = Object.fromEntries(
    (Object.keys(sample) as Name[]).map((name) => [name, append(track.series[name], sample[name], samplesMax)]),
  ) as Record<Name, readonly number[]>;
  return { atMs: append(track.atMs, atMs, samplesMax), series };
}

function append(values: readonly number[], value: number, samplesMax: number): readonly number[] {
  const kept = values.length >= samplesMax ? values.slice(values.length - samplesMax + 1) : values.slice();
  kept.push(value);
  return kept;
}

/** The largest sample not older than `windowMs`; null when there is none. */
export function peak(
  atMs: readonly number[],
  values: readonly number[],
  nowMs: number,
  windowMs: number,
): number | null {
  let most: number | null = null;
  for (let index = values.length - 1; index >= 0; index--) {
    if ((atMs[index] ?? 0) < nowMs - windowMs) break;
    most = Math.max(most ?? 0, values[index] ?? 0);
  }
  return most;
}
