/** The latency histogram: a worker counts each request in one bucket; readers make it cumulative. */
import { latencyBoundsMs } from "./layout.ts";

/** Bounds and +Inf. */
export const LATENCY_BUCKETS = latencyBoundsMs.length + 1;

/** Bucket of a request that took `totalMs`: its counter is `latency + latencyBucket(totalMs)`. */
export function latencyBucket(totalMs: number): number {
  let bucket = 0;
  while (bucket < latencyBoundsMs.length && totalMs > latencyBoundsMs[bucket]) bucket++;
  return bucket;
}
