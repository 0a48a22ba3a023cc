/** Types of counts.mjs, which is plain JavaScript because it runs before anything is installed. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}
export function countOf(output: string, word: string): number;
export function countsOf(output: string, exitCode: number | null): Counts;
export function countsText(counts: Counts): string;
