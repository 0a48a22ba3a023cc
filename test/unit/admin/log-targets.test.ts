import { expect, test } from "bun:test";
import type { BallastEvent } from "../../../src/admin/api.ts";
import { LogTargets } from "../../../src/admin/log-targets.ts";
import { targetEvent } from "../../../src/log/shell/sinks.ts";

function said(source: string, target: string, reason: string | null, wallMs = 1000): BallastEvent {
  return { id: 1, wallMs, source, ...targetEvent(target, reason) };
}

function exit(name: string): BallastEvent {
  const base = { id: 2, wallMs: 2000, level: "error", source: "supervisor", fields: {} } as const;
  return { ...base, kind: "role.exit", object: name, text: `${name} ended` };
}

const texts = (targets: LogTargets): readonly string[] => targets.problems(() => true).map(({ text }) => text);

test("LogTargets says a trouble once for all processes, until the last of them is rid of it", () => {
  const targets = new LogTargets();
  targets.note(said("supervisor", "file:/var/log/b", "no space left on device", 10));
  targets.note(said("worker/0", "file:/var/log/b", "no space left on device", 20));
  targets.note(said("worker/0", "unix:/dev/log", "connection refused", 30));
  expect(targets.problems(() => true)).toEqual([
    { object: "log", text: "log target file:/var/log/b: no space left on device", sinceWallMs: 10 },
    { object: "log", text: "log target unix:/dev/log: connection refused", sinceWallMs: 30 },
  ]);
  targets.note(said("supervisor", "file:/var/log/b", null));
  targets.note(said("worker/0", "unix:/dev/log", null));
  expect(texts(targets)).toEqual(["log target file:/var/log/b: no space left on device"]);
  targets.note(said("worker/0", "file:/var/log/b", null));
  expect(texts(targets)).toEqual([]);
});

test("LogTargets forgets what a process said that has ended", () => {
  const targets = new LogTargets();
  targets.note(said("worker/0", "unix:/dev/log", "connection refused"));
  targets.note(exit("worker/1"));
  expect(texts(targets)).toHaveLength(1);
  // Fewer workers than before: nobody is left to tell how it ends.
  expect(targets.problems((name) => name !== "worker/0")).toEqual([]);
  targets.note(exit("worker/0"));
  expect(texts(targets)).toEqual([]);
});

test("LogTargets is not concerned with other events, nor with files that could not be made", () => {
  const targets = new LogTargets();
  targets.note({ ...said("supervisor", "", "permission denied"), object: "" });
  targets.note({ ...said("vrrp", "VI_1", "lost"), kind: "vrrp.state" });
  expect(texts(targets)).toEqual([]);
});
