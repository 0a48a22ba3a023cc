import { expect, test } from "bun:test";
import type { ProxyHealth } from "../../../src/ipc/messages.ts";
import { ProxyHealthKeeper } from "../../../src/roles/proxy-health.ts";
import type { Loop } from "../../../src/sys/loop.ts";

/** A loop of which only the timers are asked for; `pass` lets time go by. */
function timers(): { readonly loop: Loop; readonly pass: (ms: number) => void } {
  let nowMs = 0;
  const due: { atMs: number; run: () => void }[] = [];
  const after = (delayMs: number, run: () => void): { cancel(): void } => {
    const entry = { atMs: nowMs + delayMs, run };
    due.push(entry);
    return { cancel: () => void due.splice(due.indexOf(entry), 1) };
  };
  return {
    loop: { after } as unknown as Loop,
    pass: (ms) => {
      nowMs += ms;
      for (const entry of due.filter(({ atMs }) => atMs <= nowMs)) {
        due.splice(due.indexOf(entry), 1);
        entry.run();
      }
    },
  };
}

function keeper(): { readonly keeper: ProxyHealthKeeper; readonly told: ProxyHealth[]; pass: (ms: number) => void } {
  const { loop, pass } = timers();
  const told: ProxyHealth[] = [];
  return { keeper: new ProxyHealthKeeper(loop, (health) => told.push(health)), told, pass };
}

test("ProxyHealthKeeper tells good news at once and once", () => {
  const { keeper: health, told } = keeper();
  health.update(1, 2);
  health.update(2, 2);
  expect(told).toEqual([{ serving: true, reason: "2 listeners accept" }]);
});

test("ProxyHealthKeeper says nothing of a gap that a restart closes", () => {
  const { keeper: health, told, pass } = keeper();
  health.update(1, 2);
  health.update(0, 2);
  pass(900);
  health.update(1, 2);
  pass(900);
  expect(told).toHaveLength(1);
});

test("ProxyHealthKeeper tells a longer gap, counted from its begin", () => {
  const { keeper: health, told, pass } = keeper();
  health.update(1, 2);
  health.update(0, 2);
  pass(600);
  // Another worker that ends must not begin the wait anew.
  health.update(0, 2);
  pass(600);
  expect(told.at(-1)).toEqual({ serving: false, reason: "no worker process is running" });
});

test("ProxyHealthKeeper says nothing of workers that end because the appliance stops", () => {
  const { keeper: health, told, pass } = keeper();
  health.update(1, 2);
  health.update(0, 2);
  health.end();
  pass(2000);
  health.update(0, 2);
  pass(2000);
  expect(told).toHaveLength(1);
});
