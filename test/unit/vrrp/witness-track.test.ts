import { expect, test } from "bun:test";
import { answered, firstWitness, nextQuestion, type WitnessVerdict } from "../../../src/vrrp/witness-track.ts";

/** Asks `count` times without an answer. */
function ask(verdict: WitnessVerdict, count: number): WitnessVerdict {
  let after = verdict;
  for (let i = 0; i < count; i++) after = nextQuestion(after);
  return after;
}

const well = (): WitnessVerdict => {
  const asked = nextQuestion(firstWitness(7));
  return answered(asked, asked.sequence);
};

test("firstWitness says nothing until the first answer or three questions without one", () => {
  const begun = firstWitness(7);
  expect(begun.known).toBe(false);
  expect(well()).toMatchObject({ known: true, well: true });
  expect(ask(begun, 3)).toMatchObject({ known: false, well: false });
  expect(ask(begun, 4)).toMatchObject({ known: true, well: false });
});

test("nextQuestion loses a witness when three questions in a row were not answered, not before", () => {
  expect(ask(well(), 3).well).toBe(true);
  expect(ask(well(), 4).well).toBe(false);
});

test("answered brings a lost witness back with one answer", () => {
  const lost = ask(well(), 9);
  expect(answered(lost, lost.sequence)).toMatchObject({ known: true, well: true, unanswered: 0 });
});

test("answered takes late answers of the last three questions and counts from what they answer", () => {
  const waiting = ask(well(), 3);
  const late = answered(waiting, waiting.sequence - 2);
  expect(late).toMatchObject({ well: true, unanswered: 2 });
  // A witness that always answers two intervals late is well for good.
  let slow = late;
  for (let i = 0; i < 20; i++) {
    slow = nextQuestion(slow);
    expect(slow.well).toBe(true);
    slow = answered(slow, slow.sequence - 2);
  }
});

test("answered ignores old answers, answers to what was never asked, and repetitions", () => {
  const waiting = ask(well(), 3);
  expect(answered(waiting, waiting.sequence - 3)).toBe(waiting);
  expect(answered(waiting, waiting.sequence + 1)).toBe(waiting);
  const fresh = nextQuestion(firstWitness(7));
  expect(answered(fresh, fresh.sequence - 1)).toBe(fresh);
  // The answer of the last sign of life again and again: lost all the same.
  let repeated = well();
  const { sequence } = repeated;
  for (let i = 0; i < 4; i++) repeated = nextQuestion(answered(repeated, sequence));
  expect(repeated.well).toBe(false);
});

test("nextQuestion counts sequence numbers round", () => {
  const last = ask(firstWitness(0xffff), 2);
  expect(last.sequence).toBe(1);
  expect(answered(last, 0).known).toBe(true);
});
