/** Indexes of objects over reloads. */
import { expect, test } from "bun:test";
import { OBJECT_MAX } from "../../../src/stats/layout.ts";
import { EMPTY_REGISTRY, register, type Registration, type Registry, serverKey } from "../../../src/stats/registry.ts";

function registered(previous: Registry, keys: readonly string[]): Registration {
  const result = register(previous, keys);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

test("register keeps the index of whoever stays and gives newcomers fresh ones", () => {
  const first = registered(EMPTY_REGISTRY, ["frontend/web", "backend/app", serverKey("app", "a")]);
  expect(first.registry.objects).toEqual({ "frontend/web": 0, "backend/app": 1, "server/app/a": 2 });
  const second = registered(first.registry, ["backend/app", "frontend/new", "frontend/web"]);
  expect(second.registry.objects).toEqual({ "backend/app": 1, "frontend/new": 3, "frontend/web": 0 });
  expect(second.reused).toEqual([]);
  expect(second.registry.free).toEqual([2]);
  expect(second.registry.kinds[2]).toBe("server");
});

test("register leaves the previous registry as it was", () => {
  const first = registered(EMPTY_REGISTRY, ["frontend/web"]).registry;
  registered(first, ["backend/app"]);
  expect(first).toEqual({ objects: { "frontend/web": 0 }, kinds: ["frontend"], free: [] });
});

test("register reuses the longest free index once all were given out, and says so", () => {
  const many = Array.from({ length: OBJECT_MAX }, (_, i) => `backend/b${i}`);
  const full = registered(EMPTY_REGISTRY, many).registry;
  const without7 = registered(full, many.toSpliced(7, 1)).registry;
  const without7And3 = registered(without7, many.toSpliced(7, 1).toSpliced(3, 1)).registry;
  const next = registered(without7And3, [...many.toSpliced(7, 1).toSpliced(3, 1), "frontend/x"]);
  expect(next.registry.objects["frontend/x"]).toBe(7);
  expect(next.reused).toEqual([7]);
  expect(next.registry.kinds[7]).toBe("frontend");
  expect(next.registry.free).toEqual([3]);
});

test("register replaces every object at once when the file is full", () => {
  const full = registered(
    EMPTY_REGISTRY,
    Array.from({ length: OBJECT_MAX }, (_, i) => `backend/b${i}`),
  ).registry;
  const next = registered(
    full,
    Array.from({ length: OBJECT_MAX }, (_, i) => `server/c/${i}`),
  );
  expect(new Set(Object.values(next.registry.objects)).size).toBe(OBJECT_MAX);
  expect(next.reused).toHaveLength(OBJECT_MAX);
});

test("register refuses more objects than the file holds", () => {
  const result = register(
    EMPTY_REGISTRY,
    Array.from({ length: OBJECT_MAX + 1 }, (_, i) => `backend/b${i}`),
  );
  expect(result).toEqual({ ok: false, error: "4097 frontends, backends and servers; the counter file holds 4096" });
});
