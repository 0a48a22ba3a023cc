import { expect, test } from "bun:test";
import { type AlertBatch, AlertQueue, ATTEMPTS_MAX, PENDING_MAX } from "../../../src/notify/alert-queue.ts";
import { NEVER } from "../../../src/lib/time.ts";
import { at, eventOf, serverIs } from "./events.ts";

const MINUTE_MS = 60_000;

function words(batch: AlertBatch | null): readonly string[] | null {
  return batch?.alerts.map(({ event, changes }) => `${event.text} x${changes}`) ?? null;
}

/** Sends what is due at that time, successfully. */
function deliver(queue: AlertQueue, ms: number): readonly string[] | null {
  const batch = queue.take(at(ms));
  if (batch !== null) queue.sent(at(ms));
  return words(batch);
}

test("AlertQueue gathers what comes within a second into one message", () => {
  const queue = new AlertQueue(at(0));
  expect(queue.nextAt()).toBe(NEVER);
  queue.offer(serverIs("down", "app/web1"), at(100));
  queue.offer(serverIs("down", "app/web2"), at(900));
  expect(queue.nextAt()).toBe(at(1100));
  expect(queue.take(at(1099))).toBeNull();
  expect(deliver(queue, 1100)).toEqual(["app/web1 is DOWN x1", "app/web2 is DOWN x1"]);
  expect(queue.isIdle).toBe(true);
});

test("AlertQueue tells the last state of what changed meanwhile, and how often it did", () => {
  const queue = new AlertQueue(at(0));
  queue.offer(serverIs("down"), at(0));
  queue.offer(serverIs("up"), at(10));
  queue.offer(serverIs("down"), at(20));
  expect(deliver(queue, 1000)).toEqual(["app/web1 is DOWN x3"]);
});

test("AlertQueue leaves out what was told within ten minutes, unless something else was told since", () => {
  const queue = new AlertQueue(at(0));
  queue.offer(serverIs("down"), at(0));
  expect(deliver(queue, 1000)).toEqual(["app/web1 is DOWN x1"]);
  queue.offer(serverIs("down"), at(2000));
  expect(queue.nextAt()).toBe(NEVER);
  queue.offer(serverIs("up"), at(3000));
  expect(deliver(queue, 4000)).toEqual(["app/web1 is UP x1"]);
  queue.offer(serverIs("down"), at(5000));
  expect(deliver(queue, 6000)).toEqual(["app/web1 is DOWN x1"]);
  queue.offer(serverIs("down"), at(6000 + 10 * MINUTE_MS));
  expect(deliver(queue, 7000 + 10 * MINUTE_MS)).toEqual(["app/web1 is DOWN x1"]);
});

test("AlertQueue sends five messages at once and then one a minute, and none is lost", () => {
  const queue = new AlertQueue(at(0));
  const sentAt: number[] = [];
  const told = new Set<string>();
  for (let second = 0; second < 300; second++) {
    const name = `app/web${second}`;
    queue.offer(serverIs("down", name), at(second * 1000));
    const batch = queue.take(at(second * 1000));
    if (batch === null) continue;
    sentAt.push(second);
    for (const { event } of batch.alerts) told.add(event.object);
    queue.sent(at(second * 1000));
  }
  expect(sentAt).toEqual([1, 3, 5, 7, 9, 60, 120, 180, 240]);
  queue.offer(serverIs("down", "last"), at(300_000));
  const rest = queue.take(at(302_000));
  expect(told.size + (rest?.alerts.length ?? 0)).toBe(301);
});

test("AlertQueue keeps what could not be sent and tries again later and later, in the newest state", () => {
  const queue = new AlertQueue(at(0));
  queue.offer(serverIs("down", "app/web1"), at(0));
  queue.offer(serverIs("down", "app/web2"), at(0));
  expect(queue.take(at(1000))).not.toBeNull();
  queue.offer(serverIs("up", "app/web2"), at(1500));
  expect(queue.failed(at(2000), true)).toEqual({ kind: "retry", attempts: 1, delayMs: 5000 });
  expect(queue.nextAt()).toBe(at(7000));
  expect(words(queue.take(at(7000)))).toEqual(["app/web1 is DOWN x1", "app/web2 is UP x2"]);
  expect(queue.failed(at(8000), true)).toEqual({ kind: "retry", attempts: 2, delayMs: 10_000 });
  expect(deliver(queue, 18_000)).toEqual(["app/web1 is DOWN x1", "app/web2 is UP x2"]);
  queue.offer(serverIs("down", "app/web2"), at(18_500));
  expect(queue.nextAt()).toBe(at(19_500));
});

test("AlertQueue gives a message up that nobody will ever take, and goes on with the next", () => {
  const queue = new AlertQueue(at(0));
  queue.offer(serverIs("down"), at(0));
  queue.offer(serverIs("up"), at(0));
  queue.take(at(1000));
  expect(queue.failed(at(1000), false)).toEqual({ kind: "given_up", attempts: 1, lost: 2 });
  queue.offer(serverIs("down"), at(2000));
  expect(deliver(queue, 3000)).toEqual(["app/web1 is DOWN x1"]);
});

test("AlertQueue gives up after twelve attempts, the last ones ten minutes apart", () => {
  const queue = new AlertQueue(at(0));
  queue.offer(serverIs("down"), at(0));
  let now = 1000;
  const delays: number[] = [];
  for (;;) {
    expect(queue.take(at(now))).not.toBeNull();
    const failure = queue.failed(at(now), true);
    if (failure.kind === "given_up") {
      expect(failure).toEqual({ kind: "given_up", attempts: ATTEMPTS_MAX, lost: 1 });
      break;
    }
    delays.push(failure.delayMs);
    now += failure.delayMs;
  }
  expect(delays.slice(-3)).toEqual([600_000, 600_000, 600_000]);
  expect(queue.isIdle).toBe(true);
});

test("AlertQueue holds 256 objects and counts what has no room, also over a failure", () => {
  const queue = new AlertQueue(at(0));
  for (let i = 0; i < PENDING_MAX + 10; i++) queue.offer(serverIs("down", `app/web${i}`), at(0));
  expect(queue.take(at(1000))?.omitted).toBe(10);
  for (let i = 0; i < 5; i++) queue.offer(serverIs("down", `db/${i}`), at(1000));
  queue.failed(at(1000), true);
  const batch = queue.take(at(6000));
  expect(batch?.alerts.length).toBe(PENDING_MAX);
  expect(batch?.omitted).toBe(15);
});

test("AlertQueue takes events about the same object that are of another kind for another thing", () => {
  const queue = new AlertQueue(at(0));
  queue.offer(eventOf({ kind: "role.exit", object: "vrrp", text: "a", fields: {} }), at(0));
  queue.offer(eventOf({ kind: "role.hung", object: "vrrp", text: "b", fields: {} }), at(0));
  expect(deliver(queue, 1000)).toEqual(["a x1", "b x1"]);
});

test("AlertQueue takeAtOnce does not wait, except for what is under way", () => {
  const queue = new AlertQueue(at(0));
  queue.offer(serverIs("down"), at(0));
  expect(words(queue.takeAtOnce())).toEqual(["app/web1 is DOWN x1"]);
  queue.offer(serverIs("up"), at(1));
  expect(queue.takeAtOnce()).toBeNull();
  queue.sent(at(2));
  expect(words(queue.takeAtOnce())).toEqual(["app/web1 is UP x1"]);
});

test("AlertQueue retryNow tries a new way at once", () => {
  const queue = new AlertQueue(at(0));
  queue.offer(serverIs("down"), at(0));
  queue.take(at(1000));
  queue.failed(at(1000), true);
  queue.retryNow(at(1500));
  expect(deliver(queue, 1500)).toEqual(["app/web1 is DOWN x1"]);
});
