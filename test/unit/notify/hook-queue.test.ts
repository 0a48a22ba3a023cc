import { expect, test } from "bun:test";
import { HookQueue, QUEUE_MAX } from "../../../src/notify/hook-queue.ts";

test("HookQueue runs one call of an instance at a time, in order, and instances beside each other", () => {
  const queue = new HookQueue<string>();
  expect(queue.offer("a", "a1")).toBe("start");
  expect(queue.offer("a", "a2")).toBe("queued");
  expect(queue.offer("b", "b1")).toBe("start");
  expect(queue.offer("a", "a3")).toBe("queued");
  expect(queue.busy).toBe(2);
  expect(queue.done("a")).toBe("a2");
  expect(queue.done("b")).toBeNull();
  expect(queue.done("a")).toBe("a3");
  expect(queue.done("a")).toBeNull();
  expect(queue.busy).toBe(0);
  expect(queue.offer("a", "a4")).toBe("start");
});

test("HookQueue keeps the newest call when it is full", () => {
  const queue = new HookQueue<number>();
  expect(queue.offer("a", 0)).toBe("start");
  for (let call = 1; call <= QUEUE_MAX; call++) expect(queue.offer("a", call)).toBe("queued");
  expect(queue.offer("a", 1000)).toBe("replaced");
  expect(queue.offer("a", 1001)).toBe("replaced");
  const ran: number[] = [];
  for (let next = queue.done("a"); next !== null; next = queue.done("a")) ran.push(next);
  expect(ran.length).toBe(QUEUE_MAX);
  expect(ran.slice(0, 2)).toEqual([1, 2]);
  expect(ran.at(-1)).toBe(1001);
});
