/** What the demo's load saw: counted in the load process, sent as one JSON line, subtracted for "since then". */

export interface Tally {
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  /** Failures by kind: `503`, `timeout`, `ECONNREFUSED`. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Longest time without one good answer since the last mark, milliseconds. */
  readonly gapMs: number;
}

export const emptyTally: Tally = { sent: 0, answered: 0, failed: 0, kinds: {}, gapMs: 0 };

/** What happened between two tallies of the same load; the gap is the later one's. */
export function since(before: Tally, now: Tally): Tally {
  const kinds: Record<string, number> = {};
  for (const [kind, count] of Object.entries(now.kinds)) {
    const more = count - (before.kinds[kind] ?? 0);
    if (more > 0) kinds[kind] = more;
  }
  return {
    sent: now.sent - before.sent,
    answered: now.answered - before.answered,
    failed: now.failed - before.failed,
    kinds,
    gapMs: now.gapMs,
  };
}

/** `211 requests, 0 failed` or `211 requests, 3 failed (2 × 502, 1 × timeout)`. */
export function tallyText(tally: Tally): string {
  const kinds = Object.entries(tally.kinds)
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${count} × ${kind}`)
    .join(", ");
  return `${tally.answered + tally.failed} requests, ${tally.failed} failed${kinds === "" ? "" : ` (${kinds})`}`;
}
