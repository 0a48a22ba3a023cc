/**
 * Whether a witness answers. It is asked once an interval; three questions in a row without an answer, and it is lost:
 *
 *   asked     0   1   2   3          lost when the question at 3 is due: less than four intervals after its last sign
 *   answered  –   –   –   ↑
 *
 * Questions are counted and not time: a node that slept has not asked, and does not hold that against the witness.
 */

/** Intervals without an answer until the witness is lost. */
export const WITNESS_INTERVALS = 3;

export interface WitnessVerdict {
  /** Neither an answer nor three questions without one yet: instances that follow it wait. */
  readonly known: boolean;
  readonly well: boolean;
  /** Of the last question, 0–65535. */
  readonly sequence: number;
  /** Questions so far, as far as it matters: answers to older ones do not count. */
  readonly asked: number;
  /** Questions since the last one that was answered. */
  readonly unanswered: number;
}

const SEQUENCE_MASK = 0xffff;

export function firstWitness(sequence: number): WitnessVerdict {
  return { known: false, well: false, sequence: sequence & SEQUENCE_MASK, asked: 0, unanswered: 0 };
}

/** An interval has begun: the verdict on those before it, and the number of the next question. */
export function nextQuestion(verdict: WitnessVerdict): WitnessVerdict {
  const lost = verdict.unanswered >= WITNESS_INTERVALS;
  return {
    known: verdict.known || lost,
    well: verdict.well && !lost,
    sequence: (verdict.sequence + 1) & SEQUENCE_MASK,
    asked: Math.min(WITNESS_INTERVALS, verdict.asked + 1),
    unanswered: Math.min(WITNESS_INTERVALS, verdict.unanswered + 1),
  };
}

/** An answer to question `sequence` came. One to a question that is three intervals old, or was never asked, is none. */
export function answered(verdict: WitnessVerdict, sequence: number): WitnessVerdict {
  const age = (verdict.sequence - sequence) & SEQUENCE_MASK;
  if (age >= verdict.asked) return verdict;
  // An answer that comes a second time must not keep a dead witness alive: it is as old as its question.
  return { ...verdict, known: true, well: true, unanswered: Math.min(verdict.unanswered, age) };
}
