/**
 * A scenario: a site that is built once in the machine, and checks on it in order, each an ordinary test result. The same
 * object gives the names on the host and does the work in the machine.
 */
import { stopAllProcesses } from "../../support/process.ts";

export interface CheckResult {
  readonly scenario: string;
  readonly check: string;
  readonly passed: boolean;
  readonly durationMs: number;
  /** Why it failed; empty when it passed. */
  readonly detail: string;
}

export interface Scenario {
  readonly name: string;
  readonly checks: readonly string[];
  /** Performs all checks and tells each result when it is known. Never throws. */
  readonly perform: (tell: (result: CheckResult) => void) => Promise<void>;
}

/** What a site must be able to do: leave nothing behind for the next scenario. */
export interface Closable {
  readonly close: () => Promise<void>;
}

/** A check that hangs must not cost the others their time. */
const CHECK_LIMIT_MS = 60_000;

function wordsOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function limited(work: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`still ran after ${CHECK_LIMIT_MS} ms`)), CHECK_LIMIT_MS);
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** `checks` run in the order of their keys; one that fails does not stop the next ones. */
export function scenario<Site extends Closable>(
  name: string,
  open: () => Promise<Site>,
  checks: Readonly<Record<string, (site: Site) => Promise<void>>>,
): Scenario {
  const perform = async (tell: (result: CheckResult) => void): Promise<void> => {
    let site: Site | null = null;
    let unopened = "";
    const startedMs = performance.now();
    try {
      site = await open();
    } catch (error) {
      unopened = `the site could not be built: ${wordsOf(error)}`;
    }
    console.log(`${name}: site ready in ${(performance.now() - startedMs).toFixed(0)} ms`);
    for (const [check, run] of Object.entries(checks)) {
      const fromMs = performance.now();
      let detail = unopened;
      if (site !== null) {
        try {
          await limited(run(site));
        } catch (error) {
          detail = wordsOf(error);
        }
      }
      tell({ scenario: name, check, passed: detail === "", durationMs: performance.now() - fromMs, detail });
    }
    try {
      await stopAllProcesses();
      await site?.close();
    } catch (error) {
      console.log(`${name}: not cleaned up: ${wordsOf(error)}`);
    }
  };
  return { name, checks: Object.keys(checks), perform };
}
