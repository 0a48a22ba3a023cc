/**
 * Where each counter lives in the shared memory file that every process maps.
 *
 *   0            header: 1024 int32 words; heartbeats and appliance-wide gauges
 *   4096         shared: OBJECT_MAX × SHARED_WORDS int32, changed with Atomics by several workers
 *   SHARED_END   worker 0: OBJECT_MAX × COUNTER_MAX float64, one writer
 *                worker 1: …
 *
 * A counter is a float64: exact to 2^53, stored in one aligned write, read by anybody without a lock.
 * An object is a frontend, a backend or a server; the supervisor gives it an index that stays the same over reloads.
 */

/** Enough for 1,000 frontends and backends with 3,000 servers; 1 MiB of sparse file a worker. */
export const OBJECT_MAX = 4096;
export const COUNTER_MAX = 32;
export const SHARED_WORDS = 4;
export const WORKER_MAX = 64;

export const HEADER_BYTES = 4096;
export const SHARED_BYTES = OBJECT_MAX * SHARED_WORDS * 4;
export const WORKER_BYTES = OBJECT_MAX * COUNTER_MAX * 8;
export const FILE_BYTES = HEADER_BYTES + SHARED_BYTES + WORKER_MAX * WORKER_BYTES;

/** int32 words of the header. Role heartbeats stand at heartbeat + process index (0–127). */
export const headerWords = {
  magic: 0,
  version: 1,
  /** Client connections of all workers (Atomics), for global maxconn. */
  connections: 2,
  heartbeat: 128,
} as const;

export const LAYOUT_MAGIC = 0x424c5354;
export const LAYOUT_VERSION = 1;

/**
 * int32 words of an object (shared, Atomics). served: over all workers, a server's requests under way (only while it
 * has a maxconn), a frontend's open connections.
 */
export const sharedWords = { served: 0 } as const;

/** Gauges go back to zero when their worker ends; everything else counts on. */
export const frontendCounters = {
  connections: 0, // gauge
  connectionsTotal: 1,
  requestsTotal: 2,
  receivedBytes: 3,
  sentBytes: 4,
  deniedRequests: 5,
  badRequests: 6,
  responses1xx: 7,
  responses2xx: 8,
  responses3xx: 9,
  responses4xx: 10,
  responses5xx: 11,
  connectionsMax: 12,
  tlsHandshakes: 13,
  tlsErrors: 14,
  intercepted: 15,
  /** Latency histogram: requests whose total time is at most latencyBoundsMs[i]; slot 16 + i, last is +Inf. */
  latency: 16, // 16 … 27
} as const;

export const latencyBoundsMs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000] as const;

export const backendCounters = {
  sessions: 0, // gauge
  sessionsTotal: 1,
  queue: 2, // gauge
  receivedBytes: 3,
  sentBytes: 4,
  connectErrors: 5,
  responseErrors: 6,
  retries: 7,
  redispatches: 8,
  responses1xx: 9,
  responses2xx: 10,
  responses3xx: 11,
  responses4xx: 12,
  responses5xx: 13,
  clientAborts: 14,
  serverAborts: 15,
  latency: 16, // as for a frontend
  /** gauge: when the first in this worker's queue began to wait, wall clock; 0: nobody waits */
  waitingSinceWallMs: 28,
} as const;

export const serverCounters = {
  sessions: 0, // gauge: being served
  sessionsTotal: 1,
  queue: 2, // gauge
  receivedBytes: 3,
  sentBytes: 4,
  connectErrors: 5,
  responseErrors: 6,
  retries: 7,
  redispatches: 8,
  responses1xx: 9,
  responses2xx: 10,
  responses3xx: 11,
  responses4xx: 12,
  responses5xx: 13,
  clientAborts: 14,
  serverAborts: 15,
  latency: 16,
  idleConnections: 28, // gauge
  connectsTotal: 29,
  reusesTotal: 30,
} as const;

export const gauges = {
  frontend: [frontendCounters.connections],
  backend: [backendCounters.sessions, backendCounters.queue, backendCounters.waitingSinceWallMs],
  server: [serverCounters.sessions, serverCounters.queue, serverCounters.idleConnections],
} as const;

export type ObjectKind = keyof typeof gauges;

/** Object names as the supervisor registers them; the index of each goes out with the configuration. */
export function objectKey(kind: ObjectKind, name: string): string {
  return `${kind}/${name}`;
}
