import { expect, test } from "bun:test";
import { backendWord, countServers, isActive, serverWord, type ServerFacts } from "../../../src/lib/state-words.ts";

const up: ServerFacts = { health: "up", admin: "ready", weight: 100, progress: 0 };

test.each([
  [up, "UP"],
  [{ ...up, progress: 1 }, "UP falling"],
  [{ ...up, health: "down" }, "DOWN"],
  [{ ...up, health: "down", progress: 1 }, "DOWN rising"],
  [{ ...up, health: "unchecked" }, "no check"],
  [{ ...up, admin: "drain" }, "DRAIN"],
  [{ ...up, weight: 0 }, "DRAIN"],
  [{ ...up, admin: "maint", health: "down" }, "MAINT"],
] as const)("serverWord of %p is %p", (facts, word) => {
  expect(serverWord(facts).word).toBe(word);
});

test("isActive asks for ready, not down and a weight", () => {
  expect(isActive(up)).toBe(true);
  expect(isActive({ ...up, health: "unchecked" })).toBe(true);
  expect(isActive({ ...up, health: "down" })).toBe(false);
  expect(isActive({ ...up, admin: "drain" })).toBe(false);
  expect(isActive({ ...up, weight: 0 })).toBe(false);
});

test("countServers lets backups stand in only when no other server is active", () => {
  const main = { ...up, backup: false };
  const spare = { ...up, backup: true };
  expect(countServers([main, spare])).toEqual({ active: 1, total: 1, onBackup: false });
  expect(countServers([{ ...main, health: "down" }, spare])).toEqual({ active: 1, total: 1, onBackup: true });
  expect(
    countServers([
      { ...main, health: "down" },
      { ...spare, admin: "maint" },
    ]),
  ).toEqual({
    active: 0,
    total: 1,
    onBackup: false,
  });
});

test("backendWord is bad without a server, a warning on part or on backup", () => {
  expect(backendWord({ active: 0, total: 3, onBackup: false }).tone).toBe("bad");
  expect(backendWord({ active: 2, total: 3, onBackup: false }).tone).toBe("warn");
  expect(backendWord({ active: 1, total: 1, onBackup: true }).word).toBe("backup 1/1");
  expect(backendWord({ active: 3, total: 3, onBackup: false }).tone).toBe("good");
});
