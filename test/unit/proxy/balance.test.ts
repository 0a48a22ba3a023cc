/** Distributions of the balancers: exact for round robin and source, bounded for leastconn. */
import { describe, expect, test } from "bun:test";
import {
  type Algorithm,
  createBalancer,
  EXCLUDE_NONE,
  hashAddress,
  PICK_FULL,
  PICK_NONE,
} from "../../../src/proxy/balance.ts";
import { ServerTable } from "../../../src/proxy/server-table.ts";

function tableOf(...weights: number[]): ServerTable {
  const table = new ServerTable(weights.length);
  weights.forEach((weight, i) => table.set(i, weight, true));
  return table;
}

function picks(algorithm: Algorithm, table: ServerTable, times: number): number[] {
  const balancer = createBalancer(algorithm, table);
  return Array.from({ length: times }, (_, i) => balancer.pick(i, EXCLUDE_NONE));
}

function countOf(values: readonly number[], servers: number): number[] {
  const counts = Array.from({ length: servers }, () => 0);
  for (const value of values) counts[value]++;
  return counts;
}

describe("roundrobin", () => {
  test("pick takes turns among equal weights", () => {
    expect(picks("roundrobin", tableOf(1, 1, 1), 6)).toEqual([0, 1, 2, 0, 1, 2]);
  });

  test("pick spreads 3:1 instead of serving in a burst", () => {
    expect(picks("roundrobin", tableOf(3, 1), 8)).toEqual([0, 0, 1, 0, 0, 0, 1, 0]);
  });

  test("pick is exact over one round for seeded weights", () => {
    let seed = 7;
    const next = (limit: number): number => (seed = (seed * 48271) % 2147483647) % limit;
    for (let round = 0; round < 20; round++) {
      const weights = Array.from({ length: 2 + next(6) }, () => 1 + next(20));
      const sum = weights.reduce((a, b) => a + b, 0);
      expect(countOf(picks("roundrobin", tableOf(...weights), 3 * sum), weights.length)).toEqual(
        weights.map((weight) => 3 * weight),
      );
    }
  });

  test("pick follows a changed weight at once", () => {
    const table = tableOf(256, 1);
    const balancer = createBalancer("roundrobin", table);
    for (let i = 0; i < 200; i++) balancer.pick(0, EXCLUDE_NONE);
    table.set(0, 1, true);
    const after = Array.from({ length: 4 }, () => balancer.pick(0, EXCLUDE_NONE));
    expect(countOf(after, 2)).toEqual([2, 2]);
  });
});

describe("leastconn", () => {
  test("pick takes turns among idle servers whatever their weight", () => {
    expect(picks("leastconn", tableOf(5, 1, 1), 6)).toEqual([0, 1, 2, 0, 1, 2]);
  });

  test("pick holds served in proportion to the weight when sessions stay", () => {
    const table = tableOf(3, 1);
    const balancer = createBalancer("leastconn", table);
    for (let i = 0; i < 400; i++) table.served[balancer.pick(0, EXCLUDE_NONE)]++;
    expect(Math.abs(table.served[0] - 300)).toBeLessThanOrEqual(2);
  });
});

describe("source", () => {
  test("pick gives each server its share of the map", () => {
    expect(countOf(picks("source", tableOf(2, 4, 6), 12), 3)).toEqual([2, 4, 6]);
  });

  test("pick answers the same server for the same address while nothing changes", () => {
    const table = tableOf(1, 1, 1);
    const balancer = createBalancer("source", table);
    const hash = hashAddress(Uint8Array.of(192, 0, 2, 7), 0, 4);
    expect(hash).toBe(0xc0000207);
    const first = balancer.pick(hash, EXCLUDE_NONE);
    for (let i = 0; i < 10; i++) expect(balancer.pick(hash, EXCLUDE_NONE)).toBe(first);
    table.set(first, 1, false);
    expect(balancer.pick(hash, EXCLUDE_NONE)).not.toBe(first);
  });

  test("pick hands a failed server's client to another one", () => {
    const balancer = createBalancer("source", tableOf(1, 1));
    expect(balancer.pick(0, 0)).toBe(1);
  });

  test("hashAddress folds IPv6 into 32 unsigned bits", () => {
    const address = new Uint8Array(16).fill(0xff, 0, 4);
    address[15] = 1;
    expect(hashAddress(address, 0, 16)).toBe(0xfffffffe);
  });
});

describe.each(["roundrobin", "leastconn", "source"] as const)("%s", (algorithm) => {
  test("pick passes by unusable servers and those of weight 0", () => {
    const table = tableOf(1, 0, 1);
    table.set(2, 1, false);
    expect(new Set(picks(algorithm, table, 5))).toEqual(new Set([0]));
  });

  test("pick answers none when every server is gone", () => {
    const table = tableOf(1, 0);
    table.set(0, 1, false);
    expect(picks(algorithm, table, 2)).toEqual([PICK_NONE, PICK_NONE]);
    expect(createBalancer(algorithm, new ServerTable(0)).pick(0, EXCLUDE_NONE)).toBe(PICK_NONE);
  });

  test("pick uses the first usable backup only while no active server is left", () => {
    const table = tableOf(1, 1, 1);
    table.backup[1] = 1;
    table.backup[2] = 1;
    expect(new Set(picks(algorithm, table, 4))).toEqual(new Set([0]));
    table.set(0, 1, false);
    expect(new Set(picks(algorithm, table, 4))).toEqual(new Set([1]));
    table.set(1, 1, false);
    expect(new Set(picks(algorithm, table, 4))).toEqual(new Set([2]));
    expect(table.usableServers()).toBe(1);
  });

  test("pick returns the excluded server when it is the only one", () => {
    const table = tableOf(1, 1);
    const balancer = createBalancer(algorithm, table);
    expect(balancer.pick(0, 0)).toBe(1);
    table.set(1, 0, true);
    expect(balancer.pick(0, 0)).toBe(0);
  });

  test("pick says full when every candidate is at its maxconn", () => {
    const table = tableOf(1, 1);
    table.full.fill(1);
    expect(picks(algorithm, table, 1)).toEqual([PICK_FULL]);
  });
});

test("usableServers counts active servers that may get sessions", () => {
  const table = tableOf(1, 0, 3);
  expect(table.usableServers()).toBe(2);
  table.set(2, 3, false);
  expect(table.usableServers()).toBe(1);
});
