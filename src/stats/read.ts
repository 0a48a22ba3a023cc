/**
 * Reads the counters: sums over workers in the shapes of the admin API, and forgets what a dead worker left behind.
 * Works on typed arrays only; `shell/counters.ts` maps them.
 */
import type { BackendStatus, FrontendStatus, ServerStatus } from "../admin/api.ts";
import { LATENCY_BUCKETS } from "./latency.ts";
import {
  backendCounters,
  COUNTER_MAX,
  frontendCounters,
  gauges,
  headerWords,
  type ObjectKind,
  serverCounters,
  SHARED_WORDS,
  sharedWords,
} from "./layout.ts";

export type FrontendNumbers = Pick<
  FrontendStatus,
  | "connections"
  | "connectionsTotal"
  | "requestsTotal"
  | "receivedBytes"
  | "sentBytes"
  | "deniedRequests"
  | "badRequests"
  | "responses"
  | "latency"
>;

type SharedByBackendAndServer =
  | "sessions"
  | "sessionsTotal"
  | "queue"
  | "receivedBytes"
  | "sentBytes"
  | "retries"
  | "redispatches"
  | "connectErrors"
  | "responseErrors"
  | "responses"
  | "latency";

export type BackendNumbers = Pick<BackendStatus, SharedByBackendAndServer>;
export type ServerNumbers = Pick<ServerStatus, SharedByBackendAndServer | "idleConnections">;

/** Sum of one counter of one object over the workers. */
export function sumCounter(workers: readonly Float64Array[], object: number, counter: number): number {
  let sum = 0;
  for (const worker of workers) sum += worker[object * COUNTER_MAX + counter];
  return sum;
}

function responses(
  workers: readonly Float64Array[],
  object: number,
  first: number,
): readonly [number, number, number, number, number] {
  const sum = (statusClass: number): number => sumCounter(workers, object, first + statusClass);
  return [sum(0), sum(1), sum(2), sum(3), sum(4)];
}

/** Cumulative counts per bound, then all. */
function latency(workers: readonly Float64Array[], object: number, first: number): readonly number[] {
  let sum = 0;
  return Array.from({ length: LATENCY_BUCKETS }, (_, bucket) => (sum += sumCounter(workers, object, first + bucket)));
}

/** object: the frontend's index in the registry. */
export function readFrontend(workers: readonly Float64Array[], object: number): FrontendNumbers {
  const sum = (counter: number): number => sumCounter(workers, object, counter);
  const at = frontendCounters;
  return {
    connections: sum(at.connections),
    connectionsTotal: sum(at.connectionsTotal),
    requestsTotal: sum(at.requestsTotal),
    receivedBytes: sum(at.receivedBytes),
    sentBytes: sum(at.sentBytes),
    deniedRequests: sum(at.deniedRequests),
    badRequests: sum(at.badRequests),
    responses: responses(workers, object, at.responses1xx),
    latency: latency(workers, object, at.latency),
  };
}

function readServing(
  workers: readonly Float64Array[],
  object: number,
  at: typeof backendCounters | typeof serverCounters,
): BackendNumbers {
  const sum = (counter: number): number => sumCounter(workers, object, counter);
  return {
    sessions: sum(at.sessions),
    sessionsTotal: sum(at.sessionsTotal),
    queue: sum(at.queue),
    receivedBytes: sum(at.receivedBytes),
    sentBytes: sum(at.sentBytes),
    retries: sum(at.retries),
    redispatches: sum(at.redispatches),
    connectErrors: sum(at.connectErrors),
    responseErrors: sum(at.responseErrors),
    responses: responses(workers, object, at.responses1xx),
    latency: latency(workers, object, at.latency),
  };
}

export function readBackend(workers: readonly Float64Array[], object: number): BackendNumbers {
  return readServing(workers, object, backendCounters);
}

export function readServer(workers: readonly Float64Array[], object: number): ServerNumbers {
  return {
    ...readServing(workers, object, serverCounters),
    idleConnections: sumCounter(workers, object, serverCounters.idleConnections),
  };
}

/** Clears one object for all workers: its index changes hands. */
export function clearObject(workers: readonly Float64Array[], shared: Int32Array, object: number): void {
  for (const worker of workers) worker.fill(0, object * COUNTER_MAX, (object + 1) * COUNTER_MAX);
  for (let word = 0; word < SHARED_WORDS; word++) Atomics.store(shared, object * SHARED_WORDS + word, 0);
}

/**
 * A worker has died: takes its share out of the gauges that all workers keep together (connections of the
 * appliance, requests served by each server) and sets its own gauges to zero. Its totals count on.
 * kinds: of every index ever given out, `Registry.kinds`.
 */
export function forgetWorker(
  worker: Float64Array,
  header: Int32Array,
  shared: Int32Array,
  kinds: readonly ObjectKind[],
): void {
  for (const [object, kind] of kinds.entries()) {
    const base = object * COUNTER_MAX;
    if (kind === "frontend") Atomics.sub(header, headerWords.connections, worker[base + frontendCounters.connections]);
    if (kind !== "backend") {
      const held = worker[base + (kind === "frontend" ? frontendCounters.connections : serverCounters.sessions)];
      // Servers without maxconn are not counted together: their word is zero and stays it.
      const word = object * SHARED_WORDS + sharedWords.served;
      Atomics.sub(shared, word, Math.min(held, Atomics.load(shared, word)));
    }
    for (const gauge of gauges[kind]) worker[base + gauge] = 0;
  }
}
