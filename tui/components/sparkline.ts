/** A row of block characters: the past of one figure. */
import type { Theme } from "../theme.ts";

export interface SparklineOptions {
  readonly atMs: readonly number[];
  readonly values: readonly number[];
  readonly nowMs: number;
  readonly windowMs: number;
  readonly width: number;
}

/** Each cell shows the largest sample of its share of the window, scaled to the window's maximum; the right end is now. */
export function sparkline(theme: Theme, options: SparklineOptions): string {
  const { atMs, values, nowMs, windowMs, width } = options;
  if (width <= 0) return "";
  const cells: (number | null)[] = Array.from({ length: width }, () => null);
  const startMs = nowMs - windowMs;
  let most = 0;
  for (let index = values.length - 1; index >= 0; index--) {
    const at = atMs[index] ?? 0;
    if (at <= startMs) break;
    const value = values[index] ?? 0;
    const cell = Math.min(width - 1, Math.max(0, Math.ceil(((at - startMs) / windowMs) * width) - 1));
    cells[cell] = Math.max(cells[cell] ?? 0, value);
    most = Math.max(most, value);
  }
  return bridge(cells)
    .map((value) => spark(theme, value, most))
    .join("");
}

/** A look every second in cells of half a second leaves holes: the value holds until the next one. */
function bridge(cells: readonly (number | null)[]): readonly (number | null)[] {
  let held: number | null = null;
  return cells.map((value) => {
    held = value ?? held;
    return held;
  });
}

function spark(theme: Theme, value: number | null, most: number): string {
  const { sparks } = theme;
  if (value === null) return sparks[0] ?? " ";
  if (most <= 0 || value <= 0) return sparks[1] ?? " ";
  const steps = sparks.length - 1;
  return sparks[Math.max(1, Math.min(steps, Math.ceil((value / most) * steps)))] ?? " ";
}

/** A filled share of `width` cells. */
export function bar(theme: Theme, share: number, width: number): string {
  const full = Math.max(share > 0 ? 1 : 0, Math.min(width, Math.round(share * width)));
  return theme.bar.full.repeat(full) + theme.bar.empty.repeat(Math.max(0, width - full));
}
