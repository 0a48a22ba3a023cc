/** A small constant load that says what came of it: requests at even distances, never more than a bounded number open. */
import type { Tally } from "../tally.ts";

/** With 50 a second and a timeout of 2 s, 100 are open when nothing answers at all. */
const OPEN_MAX = 128;
const REQUEST_TIMEOUT_MS = 2_000;
const REPORT_MS = 100;

/** Requests `url` until standard input ends; `fresh`: a new connection for every request, as new clients have. */
export async function runLoad(url: string, perSecond: number, fresh: boolean): Promise<number> {
  const counts = { sent: 0, answered: 0, failed: 0 };
  const kinds: Record<string, number> = {};
  let open = 0;
  let lastGoodMs = performance.now();
  let gapMs = 0;

  const fail = (kind: string): void => {
    counts.failed++;
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  };
  const one = async (): Promise<void> => {
    open++;
    counts.sent++;
    try {
      const response = await fetch(`${url}?n=${counts.sent}`, {
        keepalive: !fresh,
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
        ...(fresh ? { headers: { connection: "close" } } : {}),
      });
      await response.text();
      if (response.ok) {
        counts.answered++;
        const nowMs = performance.now();
        gapMs = Math.max(gapMs, nowMs - lastGoodMs);
        lastGoodMs = nowMs;
      } else fail(String(response.status));
    } catch (error) {
      fail(errorKind(error));
    } finally {
      open--;
    }
  };
  const pace = setInterval(() => {
    if (open < OPEN_MAX) void one();
  }, 1000 / perSecond);
  const report = setInterval(() => {
    const tally: Tally = { ...counts, kinds, gapMs: Math.max(gapMs, performance.now() - lastGoodMs) };
    process.stdout.write(`${JSON.stringify(tally)}\n`);
  }, REPORT_MS);

  for await (const line of console) {
    if (line.trim() === "mark") gapMs = 0;
  }
  clearInterval(pace);
  clearInterval(report);
  return 0;
}

function errorKind(error: unknown): string {
  if (!(error instanceof Error)) return "error";
  if (error.name === "TimeoutError") return "timeout";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
