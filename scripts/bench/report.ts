/** Rounds → medians → a table: one row per case, both products side by side, ratio Ballast / HAProxy. */

export interface Round {
  readonly userUsPerRequest: number;
  readonly systemUsPerRequest: number;
  readonly cpuUsPerRequest: number;
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly rssBytes: number;
  readonly pssBytes: number;
  readonly errors: number;
}

export interface CaseResult {
  readonly name: string;
  readonly title: string;
  readonly rounds: Readonly<Record<string, readonly Round[]>>;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of every column; errors are summed, as one is one too many. */
export function medianRound(rounds: readonly Round[]): Round {
  const column = (pick: (round: Round) => number): number => median(rounds.map(pick));
  return {
    userUsPerRequest: column((round) => round.userUsPerRequest),
    systemUsPerRequest: column((round) => round.systemUsPerRequest),
    cpuUsPerRequest: column((round) => round.cpuUsPerRequest),
    requestsPerSecond: column((round) => round.requestsPerSecond),
    bytesPerSecond: column((round) => round.bytesPerSecond),
    p50Us: column((round) => round.p50Us),
    p99Us: column((round) => round.p99Us),
    rssBytes: column((round) => round.rssBytes),
    pssBytes: column((round) => round.pssBytes),
    errors: rounds.reduce((sum, round) => sum + round.errors, 0),
  };
}

const head = [
  "case",
  "proxy",
  "CPU µs/request",
  "user",
  "system",
  "requests/s",
  "MB/s",
  "p50 ms",
  "p99 ms",
  "RSS MB",
  "PSS MB",
  "errors",
] as const;

function cells(title: string, proxy: string, round: Round): string[] {
  return [
    title,
    proxy,
    round.cpuUsPerRequest.toFixed(1),
    round.userUsPerRequest.toFixed(1),
    round.systemUsPerRequest.toFixed(1),
    round.requestsPerSecond.toFixed(0),
    (round.bytesPerSecond / 1e6).toFixed(1),
    (round.p50Us / 1000).toFixed(2),
    (round.p99Us / 1000).toFixed(2),
    (round.rssBytes / 1e6).toFixed(0),
    (round.pssBytes / 1e6).toFixed(0),
    String(round.errors),
  ];
}

function ratioCells(first: Round, second: Round): string[] {
  const ratio = (pick: (round: Round) => number): string => {
    const value = pick(second) / pick(first);
    return Number.isFinite(value) ? `**${value.toFixed(2)}**` : "–";
  };
  return [
    "",
    "ratio",
    ratio((round) => round.cpuUsPerRequest),
    ratio((round) => round.userUsPerRequest),
    ratio((round) => round.systemUsPerRequest),
    ratio((round) => round.requestsPerSecond),
    ratio((round) => round.bytesPerSecond),
    ratio((round) => round.p50Us),
    ratio((round) => round.p99Us),
    ratio((round) => round.rssBytes),
    ratio((round) => round.pssBytes),
    "",
  ];
}

/** Markdown; the ratio row is second proxy / first proxy, below one is less. */
export function markdownTable(results: readonly CaseResult[]): string {
  const rows: string[][] = [];
  for (const { title, rounds } of results) {
    const medians = Object.entries(rounds).map(([proxy, list]) => [proxy, medianRound(list)] as const);
    for (const [index, [proxy, round]] of medians.entries()) rows.push(cells(index === 0 ? title : "", proxy, round));
    if (medians.length === 2) rows.push(ratioCells(medians[0]![1], medians[1]![1]));
  }
  const widths = head.map((word, column) => Math.max(word.length, ...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(" | ")} |`;
  const rule = `| ${widths.map((width, column) => (column < 2 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}
