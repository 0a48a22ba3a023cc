/** The counter file and its readers, over a real mapping. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { latencyBucket, LATENCY_BUCKETS } from "../../../src/stats/latency.ts";
import {
  backendCounters,
  COUNTER_MAX,
  FILE_BYTES,
  frontendCounters,
  headerWords,
  serverCounters,
  SHARED_WORDS,
  WORKER_BYTES,
} from "../../../src/stats/layout.ts";
import {
  clearObject,
  forgetWorker,
  readBackend,
  readFrontend,
  readServer,
  sumCounter,
} from "../../../src/stats/read.ts";
import { openCounters, reserveCounters } from "../../../src/stats/shell/counters.ts";

let directory = "";
let path = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ballast-counters-"));
  path = join(directory, "counters");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("openCounters", () => {
  test("makes a sparse private file that others map", () => {
    const supervisor = openCounters(path, true);
    const { mode, size, blocks } = statSync(path);
    expect([mode & 0o777, size]).toEqual([0o600, FILE_BYTES]);
    expect(blocks * 512).toBeLessThan(1024 * 1024);
    const worker = openCounters(path, false);
    worker.worker(63)[COUNTER_MAX * 4096 - 1] = 7;
    worker.shared[4096 * SHARED_WORDS - 1] = 8;
    expect(supervisor.worker(63)[COUNTER_MAX * 4096 - 1]).toBe(7);
    expect(supervisor.shared[4096 * SHARED_WORDS - 1]).toBe(8);
    expect(() => worker.worker(64)).toThrow("outside 0–63");
  });

  test("has memory for what is reserved, and leaves what stands there", () => {
    const counters = openCounters(path, true);
    counters.worker(1)[0] = 7;
    const before = statSync(path).blocks;
    reserveCounters(path, 2, 4096);
    expect((statSync(path).blocks - before) * 512).toBeGreaterThanOrEqual(2 * WORKER_BYTES - 4096);
    expect(statSync(path).size).toBe(FILE_BYTES);
    expect(counters.worker(1)[0]).toBe(7);
  });

  test("creating again leaves an old mapping alive and alone", () => {
    const old = openCounters(path, true);
    old.worker(0)[0] = 5;
    expect(openCounters(path, true).worker(0)[0]).toBe(0);
    expect(old.worker(0)[0]).toBe(5);
  });

  test("refuses a file that is something else", () => {
    writeFileSync(path, "hello");
    expect(() => openCounters(path, false)).toThrow("5 bytes");
    writeFileSync(path, new Uint8Array(FILE_BYTES));
    expect(() => openCounters(path, false)).toThrow("not a counter file");
    const counters = openCounters(path, true);
    counters.header[headerWords.version] = 99;
    expect(() => openCounters(path, false)).toThrow("layout version 99, wanted 1");
    expect(() => openCounters(join(directory, "absent"), false)).toThrow("ENOENT");
  });
});

describe("readers", () => {
  test("readFrontend sums workers and accumulates latency", () => {
    const workers = [new Float64Array(COUNTER_MAX * 3), new Float64Array(COUNTER_MAX * 3)];
    for (const [i, worker] of workers.entries()) {
      worker[COUNTER_MAX + frontendCounters.connections] = i + 1;
      worker[COUNTER_MAX + frontendCounters.responses5xx] = 10;
      worker[COUNTER_MAX + frontendCounters.latency + latencyBucket(1)] = 2;
      worker[COUNTER_MAX + frontendCounters.latency + latencyBucket(1.5)] = 1;
      worker[COUNTER_MAX + frontendCounters.latency + latencyBucket(90_000)] = 1;
    }
    const numbers = readFrontend(workers, 1);
    expect(numbers.connections).toBe(3);
    expect(numbers.responses).toEqual([0, 0, 0, 0, 20]);
    expect(numbers.latency).toEqual([4, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 8]);
    expect(numbers.latency).toHaveLength(LATENCY_BUCKETS);
  });

  test("readBackend and readServer read their own columns", () => {
    const worker = new Float64Array(COUNTER_MAX);
    worker[backendCounters.redispatches] = 3;
    worker[serverCounters.idleConnections] = 4;
    worker[serverCounters.responses2xx] = 9;
    expect(readBackend([worker], 0).redispatches).toBe(3);
    expect(readServer([worker], 0)).toMatchObject({ idleConnections: 4, responses: [0, 9, 0, 0, 0] });
  });

  test("latencyBucket puts a bound in its own bucket and the rest above", () => {
    expect([0, 1, 1.01, 5000, 5001].map(latencyBucket)).toEqual([0, 0, 1, 10, 11]);
  });
});

test("forgetWorker takes the dead worker's share and leaves totals and the living alone", () => {
  const counters = openCounters(path, true);
  const [dead, alive] = [counters.worker(0), counters.worker(1)];
  const kinds = ["frontend", "backend", "server", "server"] as const;
  for (const worker of [dead, alive]) {
    worker[frontendCounters.connections] = 10;
    worker[frontendCounters.connectionsTotal] = 100;
    worker[COUNTER_MAX + backendCounters.queue] = 2;
    worker[2 * COUNTER_MAX + serverCounters.sessions] = 3;
    worker[3 * COUNTER_MAX + serverCounters.sessions] = 1;
  }
  counters.header[headerWords.connections] = 20;
  counters.shared[2 * SHARED_WORDS] = 6;
  forgetWorker(dead, counters.header, counters.shared, kinds);
  expect(counters.header[headerWords.connections]).toBe(10);
  expect(counters.shared[2 * SHARED_WORDS]).toBe(3);
  expect(counters.shared[3 * SHARED_WORDS]).toBe(0);
  const workers = [dead, alive];
  expect(sumCounter(workers, 0, frontendCounters.connections)).toBe(10);
  expect(sumCounter(workers, 0, frontendCounters.connectionsTotal)).toBe(200);
  expect(sumCounter(workers, 1, backendCounters.queue)).toBe(2);
  expect(sumCounter(workers, 2, serverCounters.sessions)).toBe(3);
});

test("clearObject clears one object for every worker", () => {
  const workers = [new Float64Array(COUNTER_MAX * 3).fill(1), new Float64Array(COUNTER_MAX * 3).fill(1)];
  const shared = new Int32Array(3 * SHARED_WORDS).fill(1);
  clearObject(workers, shared, 1);
  expect(sumCounter(workers, 1, 0) + sumCounter(workers, 1, COUNTER_MAX - 1) + shared[SHARED_WORDS]).toBe(0);
  expect([workers[0][COUNTER_MAX - 1], workers[1][2 * COUNTER_MAX], shared[0]]).toEqual([1, 1, 1]);
});
