import { expect, test } from "bun:test";
import { Orders } from "../../../src/admin/orders.ts";
import type { Reply } from "../../../src/admin/api.ts";
import type { MonoMs } from "../../../src/lib/time.ts";

const at = (ms: number): MonoMs => ms as MonoMs;

test("Orders settle calls back once", () => {
  const orders = new Orders(1000);
  const replies: Reply[] = [];
  const id = orders.open((reply) => replies.push(reply), at(0));
  expect(orders.settle(id, { ok: true, text: "done" })).toBe(true);
  expect(orders.settle(id, { ok: true, text: "again" })).toBe(false);
  orders.expire(at(5000));
  expect(replies).toEqual([{ ok: true, text: "done" }]);
});

test("Orders expire answers busy, and a late reply reaches nobody", () => {
  const orders = new Orders(1000);
  const replies: Reply[] = [];
  const early = orders.open((reply) => replies.push(reply), at(0));
  orders.open((reply) => replies.push(reply), at(500));
  orders.expire(at(999));
  expect(replies).toEqual([]);
  orders.expire(at(1000));
  expect(replies).toMatchObject([{ ok: false, kind: "busy" }]);
  expect(orders.settle(early, { ok: true, text: "late" })).toBe(false);
});
