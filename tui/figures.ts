/** Figures as the TUI writes them; the unit stands in the head of the column or beside the figure. */
import { formatCount } from "../src/lib/humanize.ts";

/** From here on the histogram's buckets are too wide for a figure between their bounds to mean anything. */
const COARSE_MS = 1_000;

/** Milliseconds: `0.4`, `41`, `>1s` between the last two bounds of the histogram, `>5s` beyond, `-` without requests. */
export function formatMs(valueMs: number | null): string {
  if (valueMs === null) return "-";
  if (!Number.isFinite(valueMs)) return ">5s";
  if (valueMs > COARSE_MS) return ">1s";
  return valueMs < 9.95 ? valueMs.toFixed(1) : formatCount(valueMs);
}

/** Megabits per second: two digits that matter. */
export function formatMbit(bitsPerSecond: number | null): string {
  if (bitsPerSecond === null) return "-";
  const mbit = bitsPerSecond / 1_000_000;
  if (mbit === 0) return "0";
  if (mbit < 0.01) return "<0.01";
  return mbit < 9.95 ? mbit.toFixed(mbit < 1 ? 2 : 1) : formatCount(mbit);
}

export function formatPercent(part: number, whole: number): string {
  if (whole <= 0) return "-";
  const percent = (part / whole) * 100;
  // 99.99 % must not read as 100 %.
  return percent > 99 && percent < 100
    ? `${(Math.floor(percent * 100) / 100).toFixed(2)} %`
    : `${percent.toFixed(percent > 0 && percent < 10 ? 2 : 0)} %`;
}
