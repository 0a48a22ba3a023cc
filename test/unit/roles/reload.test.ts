import { expect, test } from "bun:test";
import { type ReloadState, stepReload } from "../../../src/roles/reload.ts";

const idle: ReloadState = { kind: "idle" };

function begun(...processes: string[]): ReloadState {
  return stepReload(idle, { kind: "begin", generation: 2, processes }).state;
}

test("stepReload commits when the last process has prepared and not before", () => {
  const first = stepReload(begun("worker/0", "vrrp"), { kind: "prepared", process: "worker/0", generation: 2 });
  expect(first.effects).toEqual([]);
  const second = stepReload(first.state, { kind: "prepared", process: "vrrp", generation: 2 });
  expect(second).toEqual({ state: idle, effects: [{ kind: "commit", generation: 2 }] });
});

test("stepReload commits at once when there is nobody to ask", () => {
  expect(stepReload(idle, { kind: "begin", generation: 2, processes: [] }).effects).toEqual([
    { kind: "commit", generation: 2 },
  ]);
});

test("stepReload aborts with the names of those who refused, ended or were late", () => {
  const state = begun("worker/0", "vrrp");
  const refused = stepReload(state, { kind: "refused", process: "vrrp", generation: 2, reasons: ["no eth9"] });
  expect(refused.effects).toEqual([{ kind: "abort", generation: 2, reasons: ["vrrp: no eth9"] }]);
  const exited = stepReload(state, { kind: "exited", process: "worker/0" });
  expect(exited.effects).toEqual([{ kind: "abort", generation: 2, reasons: ["worker/0 ended while it prepared"] }]);
  const late = stepReload(state, { kind: "late" });
  expect(late.effects).toEqual([{ kind: "abort", generation: 2, reasons: ["no answer in time from worker/0, vrrp"] }]);
});

test("stepReload ignores answers to a reload that is over", () => {
  const state = begun("worker/0");
  expect(stepReload(state, { kind: "prepared", process: "worker/0", generation: 1 }).state).toBe(state);
  expect(stepReload(idle, { kind: "refused", process: "vrrp", generation: 1, reasons: ["x"] }).effects).toEqual([]);
  expect(stepReload(idle, { kind: "exited", process: "vrrp" }).effects).toEqual([]);
  expect(stepReload(idle, { kind: "late" }).effects).toEqual([]);
});
