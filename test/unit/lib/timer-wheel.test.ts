import { expect, test } from "bun:test";
import { type MonoMs, NEVER } from "../../../src/lib/time.ts";
import { TICK_MS, TimerWheel } from "../../../src/lib/timer-wheel.ts";

const at = (ms: number): MonoMs => ms as MonoMs;

function wheelOf(slots: number): { readonly wheel: TimerWheel; readonly fired: [slot: number, now: number][] } {
  const fired: [number, number][] = [];
  return { wheel: new TimerWheel(slots, at(0), (slot, now) => void fired.push([slot, now])), fired };
}

test("TimerWheel fires not before the deadline and at most a tick after it", () => {
  const { wheel, fired } = wheelOf(1);
  wheel.set(0, at(100));
  for (let now = 0; now <= 200; now++) wheel.turn(at(now));
  expect(fired).toHaveLength(1);
  expect(fired[0]?.[1]).toBeGreaterThanOrEqual(100);
  expect(fired[0]?.[1]).toBeLessThanOrEqual(100 + TICK_MS);
});

test("TimerWheel keeps only the last deadline of a slot", () => {
  const { wheel, fired } = wheelOf(1);
  wheel.set(0, at(100));
  wheel.set(0, at(5000));
  wheel.set(0, at(300));
  wheel.set(0, at(400));
  for (let now = 0; now <= 6000; now += 7) wheel.turn(at(now));
  expect(fired).toHaveLength(1);
  expect(fired[0]?.[1]).toBeGreaterThanOrEqual(400);
  expect(fired[0]?.[1]).toBeLessThan(400 + TICK_MS + 7);
});

test("TimerWheel does not fire a cleared slot", () => {
  const { wheel, fired } = wheelOf(2);
  wheel.set(0, at(50));
  wheel.set(1, at(50));
  wheel.clear(0);
  wheel.turn(at(100));
  expect(fired.map(([slot]) => slot)).toEqual([1]);
});

test("TimerWheel carries deadlines beyond its span", () => {
  const { wheel, fired } = wheelOf(1);
  wheel.set(0, at(3_600_000));
  for (let now = 0; now < 3_600_000; now += 1000) wheel.turn(at(now));
  expect(fired).toHaveLength(0);
  wheel.turn(at(3_600_000 + TICK_MS));
  expect(fired).toHaveLength(1);
});

test("TimerWheel ends a turn of several ticks although a far deadline falls back into the visited bucket", () => {
  const { wheel, fired } = wheelOf(2);
  wheel.set(0, at(3_600_000));
  wheel.set(1, at(65_536 + 2 * TICK_MS));
  for (let now = 0; now < 400_000; now += 2 * TICK_MS) wheel.turn(at(now));
  expect(fired.map(([slot]) => slot)).toEqual([1]);
});

test("TimerWheel catches up after a standstill longer than its span", () => {
  const { wheel, fired } = wheelOf(3);
  wheel.set(0, at(1000));
  wheel.set(1, at(60_000));
  wheel.set(2, at(500_000));
  wheel.turn(at(400_000));
  expect(fired.map(([slot]) => slot).sort()).toEqual([0, 1]);
  wheel.turn(at(500_000 + TICK_MS));
  expect(fired).toHaveLength(3);
});

test("TimerWheel.nextDeadline never lies behind the earliest timer", () => {
  const { wheel } = wheelOf(4);
  expect(wheel.nextDeadline()).toBe(NEVER);
  wheel.set(0, at(10_000));
  wheel.set(1, at(200));
  expect(wheel.nextDeadline()).toBeLessThanOrEqual(200 + TICK_MS);
  wheel.turn(at(300));
  expect(wheel.nextDeadline()).toBeLessThanOrEqual(10_000 + TICK_MS);
  expect(wheel.nextDeadline()).toBeGreaterThan(300);
});

test("TimerWheel lets its callback set timers again, the same slot too", () => {
  let rounds = 0;
  const wheel: TimerWheel = new TimerWheel(1, at(0), (slot, now) => {
    rounds++;
    wheel.set(slot, at(now + 100));
  });
  wheel.set(0, at(100));
  for (let now = 0; now <= 1100; now += 5) wheel.turn(at(now));
  expect(rounds).toBeGreaterThanOrEqual(8);
  expect(rounds).toBeLessThanOrEqual(10);
});

test("TimerWheel agrees with a plain model over random operations", () => {
  let seed = 42;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const model = new Map<number, number>();
  let now = 0;
  const wheel = new TimerWheel(50, at(0), (slot, fired) => {
    const due = model.get(slot);
    expect(due).toBeDefined();
    expect(due ?? 0).toBeLessThanOrEqual(fired);
    model.delete(slot);
  });
  for (let step = 0; step < 20_000; step++) {
    const slot = random(50);
    if (random(4) === 0) {
      wheel.clear(slot);
      model.delete(slot);
    } else {
      const due = now + random(random(10) === 0 ? 200_000 : 2000);
      wheel.set(slot, at(due));
      model.set(slot, due);
    }
    now += random(40);
    expect(wheel.nextDeadline()).toBeLessThanOrEqual(Math.min(...model.values(), Number.POSITIVE_INFINITY) + TICK_MS);
    wheel.turn(at(now));
    for (const due of model.values()) expect(due + TICK_MS).toBeGreaterThan(now - TICK_MS);
  }
});
