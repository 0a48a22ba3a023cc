import { expect, test } from "bun:test";
import type { BallastEvent } from "../../../src/admin/api.ts";
import type { NotifyConfig } from "../../../src/config/types-vrrp.ts";
import { fifoLine, groupCall, type HookCall, hookCall, hookCommands, hookKey } from "../../../src/notify/hook.ts";

function stateEvent(to: string): BallastEvent {
  const fields = { from: "backup", to, cause: "timer", priority: 101 };
  return { id: 1, wallMs: 0, level: "notice", source: "vrrp", kind: "vrrp.state", object: "VI_1", text: "", fields };
}

const notify: NotifyConfig = {
  master: ["/up", "-v"],
  backup: null,
  fault: ["/fault"],
  stop: ["/stop"],
  any: ["/any", "x"],
  fifo: null,
  user: null,
  timeoutMs: 30_000,
};

test.each([
  ["master", "MASTER"],
  ["backup", "BACKUP"],
  ["fault", "FAULT"],
  ["maint", "BACKUP"],
  ["init", "STOP"],
])("hookCall of state %s is keepalived's %s", (to, state) => {
  expect(hookCall(stateEvent(to))).toEqual({
    subject: "INSTANCE",
    name: "VI_1",
    state: state as HookCall["state"],
    stateName: to as HookCall["stateName"],
    priority: 101,
  });
});

test("hookCall passes over events that are no state change", () => {
  expect(hookCall({ ...stateEvent("master"), kind: "vrrp.advert" })).toBeNull();
});

test("hookCommands runs the state's own as written, then any with keepalived's four arguments", () => {
  const commands = hookCommands(notify, hookCall(stateEvent("master"))!, "nobody");
  expect(commands.map(({ argv }) => argv)).toEqual([
    ["/up", "-v"],
    ["/any", "x", "INSTANCE", "VI_1", "MASTER", "101"],
  ]);
  expect(commands[0]).toMatchObject({ user: "nobody", timeoutMs: 30_000 });
  expect(commands[0]!.environment).toEqual({
    BALLAST_INSTANCE: "VI_1",
    BALLAST_STATE: "master",
    BALLAST_PRIORITY: "101",
  });
});

test("hookCommands leaves out what is not configured", () => {
  expect(hookCommands(notify, hookCall(stateEvent("backup"))!, "nobody").map(({ argv }) => argv[0])).toEqual(["/any"]);
  expect(hookCommands({ ...notify, any: null }, hookCall(stateEvent("backup"))!, "nobody")).toEqual([]);
});

test("fifoLine is keepalived's", () => {
  expect(fifoLine(hookCall(stateEvent("fault"))!)).toBe('INSTANCE "VI_1" FAULT 101\n');
});

test("groupCall has keepalived's priority of groups, and any is told of a GROUP", () => {
  const call = groupCall({ group: "G", from: "backup", to: "master" });
  expect(call).toEqual({ subject: "GROUP", name: "G", state: "MASTER", stateName: "master", priority: 0 });
  const commands = hookCommands(notify, call, "nobody");
  expect(commands.map(({ argv }) => argv)).toEqual([
    ["/up", "-v"],
    ["/any", "x", "GROUP", "G", "MASTER", "0"],
  ]);
  expect(commands[0]!.environment).toEqual({ BALLAST_GROUP: "G", BALLAST_STATE: "master", BALLAST_PRIORITY: "0" });
  expect(fifoLine(call)).toBe('GROUP "G" MASTER 0\n');
});

test("hookKey keeps an instance and a group of one name apart", () => {
  const group = groupCall({ group: "VI_1", from: "init", to: "backup" });
  expect(hookKey(group)).not.toBe(hookKey(hookCall(stateEvent("backup"))!));
});
