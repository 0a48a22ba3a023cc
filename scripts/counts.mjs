/** Reads the summary that bun test and scripts/check.ts print: ` 12 pass`, ` 1 fail`, ` 2 skip`, ` 1 error`. */

/** The last line of that form: what a test prints itself comes before the summary. */
export function countOf(output, word) {
  const matches = [...output.matchAll(new RegExp(`^ *(\\d+) ${word}s?$`, "gm"))];
  return Number(matches.at(-1)?.[1] ?? 0);
}

/** Counts of one run; one that ended badly has failed even when no test says so (a crash, a hang, a file that does not load). */
export function countsOf(output, exitCode) {
  const failed = countOf(output, "fail") + countOf(output, "error");
  return {
    passed: countOf(output, "pass"),
    failed: exitCode !== 0 && failed === 0 ? 1 : failed,
    skipped: countOf(output, "skip") + countOf(output, "todo"),
  };
}

/** `N passed, N failed[, N skipped]`. */
export function countsText({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
