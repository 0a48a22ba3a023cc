import { expect, test } from "bun:test";
import type { VrrpStatus } from "../../../src/admin/api.ts";
import type { Config } from "../../../src/config/types.ts";
import type { ServerState } from "../../../src/ipc/messages.ts";
import {
  healthHappening,
  orderServer,
  refuseVrrpOrder,
  vrrpOrderHappening,
} from "../../../src/roles/operator-orders.ts";

const web1: ServerState = {
  backend: "app",
  server: "web1",
  health: "up",
  admin: "ready",
  weight: 10,
  checkStatus: "L7OK",
  checkInfo: "HTTP 200",
  checkDurationMs: 3,
  progress: 0,
  sinceWallMs: 1000,
};
const servers = new Map([["app/web1", web1]]);

test("orderServer changes the state and says who ordered what and why", () => {
  const request = { op: "server", backend: "app", server: "web1", state: "drain", reason: "kernel update" } as const;
  const order = orderServer(servers, request, "alice", 5000);
  expect(order).toEqual({
    done: true,
    reply: { ok: true, text: "app/web1 set to drain by alice: kernel update" },
    state: { ...web1, admin: "drain", sinceWallMs: 5000 },
    happening: {
      level: "notice",
      kind: "server.admin",
      object: "app/web1",
      text: "app/web1 set to drain by alice: kernel update",
      fields: { by: "alice", reason: "kernel update", admin: "drain", weight: 10 },
    },
  });
});

test("orderServer changes a weight and nothing else", () => {
  const request = { op: "server_weight", backend: "app", server: "web1", weight: 0 } as const;
  const order = orderServer(servers, request, "alice", 5000);
  expect(order).toMatchObject({ done: true, state: { ...web1, weight: 0 } });
  expect(order.reply.text).toBe("app/web1 set to weight 0 by alice");
});

test("orderServer refuses a server that does not exist", () => {
  const request = { op: "server_weight", backend: "app", server: "web9", weight: 0 } as const;
  expect(orderServer(servers, request, "alice", 5000)).toEqual({
    done: false,
    reply: { ok: false, kind: "not_found", text: "there is no server app/web9" },
  });
});

test("refuseVrrpOrder wants an instance that is configured", () => {
  const config = (...names: string[]): Config => ({ vrrp: names.map((name) => ({ name })) }) as unknown as Config;
  const order = (instance: string | null) => ({ op: "vrrp", order: "failover", instance }) as const;
  expect(refuseVrrpOrder(config(), [], order(null))).toMatchObject({ ok: false, kind: "refused" });
  expect(refuseVrrpOrder(config("a"), [], order("b"))).toMatchObject({ ok: false, kind: "not_found" });
  expect(refuseVrrpOrder(config("a"), [], order("a"))).toBe(null);
  expect(refuseVrrpOrder(config("a"), [], order(null))).toBe(null);
});

test("refuseVrrpOrder refuses a failover where no instance leads and names the master, other orders pass", () => {
  const config = { vrrp: [{ name: "a" }, { name: "b" }] } as unknown as Config;
  const row = (instance: string, state: string, masterAddress: string | null): VrrpStatus =>
    ({ instance, state, masterAddress }) as unknown as VrrpStatus;
  const statuses = [row("a", "backup", "10.0.0.3"), row("b", "master", null)];
  const order = (word: "failover" | "maint", instance: string | null) =>
    ({ op: "vrrp", order: word, instance }) as const;
  expect(refuseVrrpOrder(config, statuses, order("failover", "a"))).toEqual({
    ok: false,
    kind: "refused",
    text: "nothing to hand over here: a is BACKUP, 10.0.0.3 is master",
  });
  expect(refuseVrrpOrder(config, statuses, order("failover", "b"))).toBe(null);
  expect(refuseVrrpOrder(config, statuses, order("failover", null))).toBe(null);
  expect(refuseVrrpOrder(config, statuses, order("maint", "a"))).toBe(null);
});

test("vrrpOrderHappening names the instance, or all of them", () => {
  const order = { op: "vrrp", order: "maint", instance: null } as const;
  expect(vrrpOrderHappening(order, "bob").text).toBe("maint of all instances ordered by bob");
  expect(vrrpOrderHappening({ ...order, instance: "a" }, "bob").object).toBe("a");
});

test("healthHappening is told when the health changes and not when only the check's words do", () => {
  expect(healthHappening(web1, { ...web1, checkInfo: "HTTP 204" })).toBe(null);
  const down = { ...web1, health: "down", checkStatus: "L4CON", checkInfo: "Connection refused" } as const;
  expect(healthHappening(web1, down)).toMatchObject({
    level: "warning",
    text: "app/web1 is DOWN: L4CON Connection refused",
    fields: { from: "up", to: "down", check: "L4CON" },
  });
  expect(healthHappening(down, web1)?.level).toBe("notice");
});
