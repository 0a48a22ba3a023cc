/** When checks run: spread from the start, so that a thousand servers are not asked in one burst. */

/** Delay of the first check of server `position` of `count`: the interval divided among all (haproxy, start_checks). */
export function firstDelayMs(intervalMs: number, position: number, count: number): number {
  return (intervalMs * position) / count;
}

/** Delay after a check has ended: the interval, moved by up to `spreadPercent` either way. random: in [0, 1). */
export function nextDelayMs(intervalMs: number, spreadPercent: number, random: number): number {
  return intervalMs * (1 + (spreadPercent / 100) * (1 - 2 * random));
}
