import { expect, test } from "bun:test";
import { afterAttempt, scriptVerdict } from "../../../src/checks/real-server.ts";
import type { LvsCheckConfig } from "../../../src/config/types-lvs.ts";

const check: LvsCheckConfig = {
  probe: { kind: "tcp" },
  target: { kind: "inet", family: 4, host: "192.0.2.11", port: 80 },
  tls: null,
  intervalMs: 6000,
  timeoutMs: 3000,
  retry: 3,
  retryDelayMs: 1000,
};

test("afterAttempt lets a failure count after all retries, and a success at once", () => {
  const seen: string[] = [];
  let failures = 0;
  for (const passed of [false, false, false, false, false, true, false, true]) {
    const outcome = afterAttempt(failures, passed, check);
    ({ failures } = outcome);
    seen.push(`${outcome.up} in ${outcome.delayMs}`);
  }
  expect(seen).toEqual([
    "null in 1000",
    "null in 1000",
    "null in 1000",
    "false in 6000",
    "null in 1000",
    "true in 6000",
    "null in 1000",
    "true in 6000",
  ]);
});

test("afterAttempt counts the first failure without retries", () => {
  expect(afterAttempt(0, false, { ...check, retry: 0 })).toEqual({ up: false, failures: 0, delayMs: 6000 });
});

test("scriptVerdict reads exit codes as keepalived's MISC_CHECK", () => {
  const codes = [0, 1, 2, 3, 255, null];
  expect(codes.map((code) => scriptVerdict(code, false).passed)).toEqual([true, false, false, false, false, false]);
  expect(codes.map((code) => scriptVerdict(code, true))).toEqual([
    { passed: true, weight: null },
    { passed: false, weight: null },
    { passed: true, weight: 0 },
    { passed: true, weight: 1 },
    { passed: true, weight: 253 },
    { passed: false, weight: null },
  ]);
});
