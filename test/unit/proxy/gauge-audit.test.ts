import { expect, test } from "bun:test";
import { GaugeAudit } from "../../../src/proxy/shell/gauge-audit.ts";

const CHECKS = 5;

function setUp(
  word: number,
  held: readonly number[],
): { words: Int32Array; workers: Float64Array[]; audit: GaugeAudit } {
  const words = Int32Array.of(word);
  const workers = held.map((count) => Float64Array.of(count));
  const audit = new GaugeAudit(workers);
  audit.watch([{ words, word: 0, held: [0] }]);
  return { words, workers, audit };
}

function check(audit: GaugeAudit, times: number): void {
  for (let i = 0; i < times; i++) audit.check();
}

test("check leaves a gauge alone that the workers' own counters explain", () => {
  const { words, audit } = setUp(5, [2, 3]);
  check(audit, 3 * CHECKS);
  expect(words[0]).toBe(5);
});

test("check takes out what a killed worker left, and not earlier than a worker in the middle of a step is done", () => {
  const { words, audit } = setUp(6, [2, 3]);
  check(audit, CHECKS - 1);
  expect(words[0]).toBe(6);
  check(audit, 1);
  expect(words[0]).toBe(5);
});

test("check takes only the part that was there every time", () => {
  const { words, workers, audit } = setUp(6, [2, 3]);
  check(audit, 2);
  // Another worker has raised the gauge and not noted it yet.
  words[0] = 7;
  check(audit, CHECKS - 2);
  expect(words[0]).toBe(6);
  workers[0]![0]!++;
  check(audit, 2 * CHECKS);
  expect(words[0]).toBe(6);
});

test("check forgets a difference that went away", () => {
  const { words, workers, audit } = setUp(6, [2, 3]);
  check(audit, CHECKS - 1);
  workers[0]![0] = 3;
  check(audit, 1);
  workers[0]![0] = 2;
  check(audit, CHECKS - 1);
  expect(words[0]).toBe(6);
});

test("check raises a gauge that stands too low", () => {
  const { words, audit } = setUp(4, [2, 3]);
  check(audit, CHECKS);
  expect(words[0]).toBe(5);
});

test("two workers that check take a difference out once", () => {
  const { words, workers, audit } = setUp(6, [2, 3]);
  const other = new GaugeAudit(workers);
  other.watch([{ words, word: 0, held: [0] }]);
  for (let i = 0; i < 3 * CHECKS; i++) {
    audit.check();
    other.check();
  }
  expect(words[0]).toBe(5);
});
