/** What both demos share: a folder for their files, the load, waiting, and an end that always cleans up. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emptyTally, type Tally } from "../tally.ts";
import { type Child, runCommand, type Self, startChild } from "./children.ts";

export interface DemoTools {
  readonly self: Self;
  /** One line for the audience. */
  readonly say: (line: string) => void;
  /** Aborted by Ctrl-C, SIGTERM, or the end of the time that was asked for. */
  readonly ended: AbortSignal;
}

/** What could not be shown, in words for the audience. */
export class DemoError extends Error {
  override name = "DemoError";
}

/** A folder of this run; the roles that run as another user pass through it. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "ballast-demo-"));
  chmodSync(folder, 0o711);
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Resolves after `delayMs` or as soon as the demo is to end. */
export function pause(delayMs: number, ended: AbortSignal): Promise<void> {
  if (ended.aborted || delayMs <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      ended.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, delayMs);
    ended.addEventListener("abort", done);
  });
}

const POLL_MS = 50;

/** Milliseconds until the condition held; null when it did not within `timeoutMs` or the demo ended. */
export async function until(
  condition: () => Promise<boolean>,
  timeoutMs: number,
  ended: AbortSignal,
): Promise<number | null> {
  const startedMs = performance.now();
  while (!ended.aborted && performance.now() - startedMs < timeoutMs) {
    if (await condition()) return performance.now() - startedMs;
    await pause(POLL_MS, ended);
  }
  return null;
}

export interface Load {
  readonly tally: () => Tally;
  /** Restarts the measurement of the longest time without an answer. */
  readonly mark: () => void;
  readonly stop: () => Promise<void>;
}

export function startLoad(self: Self, prefix: readonly string[], url: string, perSecond: number, fresh: boolean): Load {
  let tally = emptyTally;
  const child = startChild(
    self,
    prefix,
    ["__toy", "load", url, String(perSecond), fresh ? "fresh" : "keep"],
    (line) => {
      tally = JSON.parse(line) as Tally;
    },
  );
  return { tally: () => tally, mark: () => child.write("mark"), stop: child.stop };
}

/** Starts a toy backend and answers it with the port that it took; port 0 lets the kernel choose. */
export async function startToy(
  self: Self,
  prefix: readonly string[],
  name: string,
  address: string,
  port: number,
): Promise<{ readonly child: Child; readonly port: number }> {
  const said = Promise.withResolvers<number>();
  const child = startChild(self, prefix, ["__toy", "backend", name, address, String(port)], (line) => {
    const match = /^port (\d+)$/.exec(line);
    if (match !== null) said.resolve(Number(match[1]));
  });
  const died = child.exited.then((code) => {
    throw new DemoError(`toy backend ${name} ended with ${code}: ${child.stderr().trim()}`);
  });
  try {
    return { child, port: await Promise.race([said.promise, died]) };
  } finally {
    // Its later end is part of the play.
    died.catch(() => undefined);
  }
}

/** Data of a `--json` command of this program; null when it failed (no daemon yet, say). */
export async function ask<T>(self: Self, words: readonly string[]): Promise<T | null> {
  const done = await runCommand([...self.command, ...words, "--json"], self.environment);
  try {
    return JSON.parse(done.stdout) as T;
  } catch {
    // Nothing was printed: the command said on stderr why.
    return null;
  }
}

/** Waits until the daemon behind `socket` answers; fails with its own words when it ends first. */
export async function daemonReady(tools: DemoTools, daemon: Child, socket: string, who: string): Promise<void> {
  const ready = await until(
    async () => !daemon.running() || (await ask(tools.self, ["-S", socket, "ls", "servers"])) !== null,
    10_000,
    tools.ended,
  );
  if (tools.ended.aborted) return;
  if (ready === null || !daemon.running()) {
    const why = daemon.stderr().trim();
    throw new DemoError(`${who} did not start${why === "" ? "" : `:\n${why}`}`);
  }
}
