/** Starts a data plane in a child process for tests; it ends with the test, also when that fails. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TlsMaterial } from "../../src/ipc/messages.ts";
import type { ProxyOrder, ProxyStart } from "./proxy-child.ts";
import { proxyConfig, type ProxySpec } from "./proxy-config.ts";
import { PATIENCE_MS, waitFor } from "./wait.ts";

export interface ProxyEvent {
  readonly ready?: number;
  readonly ports?: Readonly<Record<string, number>>;
  readonly session?: string;
  readonly status?: unknown;
  readonly refused?: readonly string[];
  readonly report?: string;
  readonly text?: string;
  readonly drained?: boolean;
  readonly reloaded?: number;
  readonly server?: string;
}

export interface ProxyStatus {
  readonly sessions: number;
  readonly slots: number;
  readonly blocks: number;
  readonly pipes: number;
  readonly connections: number;
  /** Largest so far. */
  readonly rss: number;
  readonly rssNow: number;
  /** Slots that break the invariant of `Plane.stalledSlots`. */
  readonly stalled: readonly number[];
  readonly turns: number;
  readonly cpu: { readonly user: number; readonly system: number };
  readonly own: readonly number[];
  readonly names: Readonly<Record<string, number>>;
}

export interface RunningProxy {
  readonly port: number;
  /** By bind key. */
  readonly ports: Readonly<Record<string, number>>;
  readonly pid: number;
  readonly events: readonly ProxyEvent[];
  order(order: ProxyOrder): void;
  status(): Promise<ProxyStatus>;
  /** The next event that `wanted` accepts, past ones included. */
  event(wanted: (event: ProxyEvent) => boolean, timeoutMs?: number): Promise<ProxyEvent>;
  stop(): Promise<void>;
}

/** A loop that rests turns ten times a second, one that spins a thousand times. */
const RESTING_TURNS_MAX = 60;
const RESTING_MS = 300;

/** Waits until the proxy has nothing to do any more; fails when its loop never rests. */
export async function restingStatus(proxy: RunningProxy): Promise<ProxyStatus> {
  return waitFor("the loop to rest", async () => {
    const { turns } = await proxy.status();
    await Bun.sleep(RESTING_MS);
    const status = await proxy.status();
    return status.turns - turns < RESTING_TURNS_MAX && status;
  });
}

export async function startProxy(
  spec: ProxySpec,
  options: {
    readonly tls?: Readonly<Record<string, readonly TlsMaterial[]>>;
    readonly prefix?: readonly string[];
  } = {},
): Promise<RunningProxy> {
  const folder = mkdtempSync(join(tmpdir(), "ballast-proxy-"));
  const file = join(folder, "start.json");
  const start: ProxyStart = {
    config: proxyConfig(spec),
    tls: options.tls ?? {},
    logSessions: spec.logSessions ?? false,
    ...(spec.blocksMax === undefined ? {} : { blocksMax: spec.blocksMax }),
  };
  writeFileSync(file, JSON.stringify(start));
  const child = Bun.spawn(
    [...(options.prefix ?? []), process.execPath, join(import.meta.dir, "proxy-child.ts"), file],
    { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  );
  const events: ProxyEvent[] = [];
  const waiting = new Set<() => void>();
  let ended = false;
  void (async () => {
    let pending = "";
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      pending += decoder.decode(chunk, { stream: true });
      const lines = pending.split("\n");
      pending = lines.pop() ?? "";
      for (const line of lines) events.push(JSON.parse(line) as ProxyEvent);
      for (const wake of waiting) wake();
    }
    ended = true;
    for (const wake of waiting) wake();
  })();

  const event = (wanted: (event: ProxyEvent) => boolean, timeoutMs = PATIENCE_MS, from = 0): Promise<ProxyEvent> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(look);
        reject(new Error(`no such event from the proxy within ${timeoutMs} ms; seen: ${JSON.stringify(events)}`));
      }, timeoutMs);
      const look = (): void => {
        const found = events.slice(from).find(wanted);
        if (found === undefined && !ended) return;
        clearTimeout(timer);
        waiting.delete(look);
        if (found === undefined) reject(new Error(`the proxy ended; seen: ${JSON.stringify(events)}`));
        else resolve(found);
      };
      waiting.add(look);
      look();
    });

  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await child.exited;
    rmSync(folder, { recursive: true, force: true });
  };
  const order = (sent: ProxyOrder): void => {
    void child.stdin.write(`${JSON.stringify(sent)}\n`);
    void child.stdin.flush();
  };
  try {
    const ready = await event((seen) => seen.ready !== undefined || seen.refused !== undefined);
    if (ready.ready === undefined) throw new Error(`refused: ${ready.refused?.join("; ")}`);
    return {
      port: ready.ready,
      ports: ready.ports ?? {},
      pid: child.pid,
      events,
      order,
      status: async () => {
        const from = events.length;
        order({ order: "status" });
        const answer = await event(
          (seen) => typeof seen.status === "object" && seen.session === undefined,
          PATIENCE_MS,
          from,
        );
        return answer.status as ProxyStatus;
      },
      event,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
