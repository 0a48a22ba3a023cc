/** wrk's report in numbers. */

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly readBytes: number;
  /** Socket errors and answers other than 2xx and 3xx. */
  readonly errors: number;
}

const timeUs = { us: 1, ms: 1_000, s: 1_000_000, m: 60_000_000 } as const;
const sizeBytes = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 } as const;

function find(text: string, pattern: RegExp): RegExpExecArray {
  const match = pattern.exec(text);
  if (match === null) throw new Error(`wrk's output has no ${pattern}:\n${text}`);
  return match;
}

function percentileUs(text: string, percent: number): number {
  const [, value, unit] = find(text, new RegExp(`^\\s+${percent}%\\s+([\\d.]+)(us|ms|s|m)$`, "m"));
  return Number(value) * timeUs[unit as keyof typeof timeUs];
}

/** Parses the output of `wrk --latency`. Throws with the output when it is something else. */
export function parseWrk(text: string): LoadResult {
  const [, requests, seconds, secondsUnit, size, sizeUnit] = find(
    text,
    /(\d+) requests in ([\d.]+)(us|ms|s|m), ([\d.]+)(B|KB|MB|GB|TB) read/,
  );
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  const answers = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? "0";
  return {
    requests: Number(requests),
    seconds: (Number(seconds) * timeUs[secondsUnit as keyof typeof timeUs]) / 1e6,
    p50Us: percentileUs(text, 50),
    p99Us: percentileUs(text, 99),
    readBytes: Number(size) * sizeBytes[sizeUnit as keyof typeof sizeBytes],
    errors: [...sockets, answers].reduce((sum, count) => sum + Number(count), 0),
  };
}
