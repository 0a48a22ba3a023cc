import { expect, test } from "bun:test";
import type { RoleName } from "../../../src/ipc/messages.ts";
import { nextToStop } from "../../../src/roles/stop-order.ts";

test("nextToStop lets the VIPs leave first, sessions end next, and admin be seen last", () => {
  const present = new Set<RoleName>(["admin", "director", "worker", "vrrp"]);
  const order: RoleName[] = [];
  for (let step = nextToStop(present, 30_000); step !== null; step = nextToStop(present, 30_000)) {
    order.push(step.role);
    present.delete(step.role);
  }
  expect(order).toEqual(["vrrp", "worker", "director", "admin"]);
});

test("nextToStop gives the workers the time that sessions have, and nobody else", () => {
  expect(nextToStop(new Set<RoleName>(["worker"]), 30_000)).toEqual({ role: "worker", withinMs: 30_000 });
  expect(nextToStop(new Set<RoleName>(["vrrp"]), 30_000)?.withinMs).toBe(1000);
  expect(nextToStop(new Set<RoleName>(["admin"]), 30_000)?.withinMs).toBe(1000);
});

test("nextToStop has nothing to say when all are gone", () => {
  expect(nextToStop(new Set(), 30_000)).toBe(null);
});
