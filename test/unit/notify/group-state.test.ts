import { beforeEach, expect, test } from "bun:test";
import type { VrrpStateName } from "../../../src/admin/api.ts";
import { GroupStates, type GroupChange } from "../../../src/notify/group-state.ts";

let groups: GroupStates;

beforeEach(() => {
  groups = new GroupStates();
});

/** `A:G B:G C`: instances with their groups. */
function configure(text: string): readonly string[] {
  const memberships = text.split(" ").map((word) => {
    const [name = "", group = null] = word.split(":");
    return { name, group };
  });
  return words(groups.configure(memberships));
}

/** `A=backup B=master`: what each change makes of the groups. */
function tell(text: string): readonly string[] {
  return text.split(" ").flatMap((word) => {
    const [name = "", state = ""] = word.split("=");
    return words(groups.change(name, state as VrrpStateName));
  });
}

function words(changes: readonly GroupChange[]): readonly string[] {
  return changes.map(({ group, from, to }) => `${group} ${from}>${to}`);
}

test("GroupStates tell of a group when the last member has followed, for a whole life", () => {
  expect(configure("A:G B:G")).toEqual([]);
  expect(tell("A=backup")).toEqual([]);
  expect(tell("B=backup")).toEqual(["G init>backup"]);
  expect(tell("B=master")).toEqual([]);
  expect(tell("A=master")).toEqual(["G backup>master"]);
  expect(tell("B=fault")).toEqual([]);
  expect(tell("A=fault")).toEqual(["G master>fault"]);
  expect(tell("A=backup B=backup")).toEqual(["G fault>backup"]);
  expect(tell("A=init B=init")).toEqual(["G backup>init"]);
});

test("GroupStates pass over a member that leads for a moment alone", () => {
  configure("A:G B:G");
  tell("A=backup B=backup");
  expect(tell("A=master A=backup")).toEqual([]);
});

test("GroupStates wait at the start for a member that has said nothing", () => {
  configure("A:G B:G C:G");
  expect(tell("A=backup B=backup A=fault B=fault")).toEqual([]);
  expect(tell("C=fault")).toEqual(["G init>fault"]);
});

test("GroupStates leave members in maintenance aside, and are in maintenance when all are", () => {
  configure("A:G B:G");
  tell("A=backup B=backup A=master B=master");
  expect(tell("A=maint")).toEqual([]);
  expect(tell("B=maint")).toEqual(["G master>maint"]);
  expect(tell("A=backup")).toEqual(["G maint>backup"]);
  expect(tell("A=fault")).toEqual(["G backup>fault"]);
});

test("GroupStates keep groups apart and know nothing of instances without one", () => {
  configure("A:G B:H C");
  expect(tell("A=backup C=backup B=fault X=master")).toEqual(["G init>backup", "H init>fault"]);
});

test("GroupStates.configure tells that a group ends, once, and forgets it", () => {
  configure("A:G B:G");
  tell("A=master B=master");
  expect(configure("A B")).toEqual(["G master>init"]);
  expect(configure("A B")).toEqual([]);
  expect(configure("A:G B:G")).toEqual(["G init>master"]);
});

test("GroupStates.configure says nothing of the end of a group that never began", () => {
  configure("A:G B:G");
  tell("A=backup");
  expect(configure("A B")).toEqual([]);
});

test("GroupStates.configure keeps the state of a group whose members stay, and waits for new ones", () => {
  configure("A:G B:G");
  tell("A=backup B=backup A=master B=master");
  expect(configure("A:G B:G")).toEqual([]);
  expect(configure("A:G B:G C:G")).toEqual([]);
  // The new one does not lead, so the others yield.
  expect(tell("C=backup A=backup B=backup")).toEqual(["G master>backup"]);
});

test("GroupStates.configure looks at the members that are left when one leaves", () => {
  configure("A:G B:G");
  tell("A=backup B=backup A=master");
  expect(configure("A:G B")).toEqual(["G backup>master"]);
});

test("GroupStates.configure forgets instances that are gone: one of the same name later has said nothing", () => {
  configure("A:G B:G");
  tell("A=backup B=backup");
  configure("A:G");
  expect(tell("B=fault")).toEqual([]);
  configure("A:G B:G");
  expect(tell("A=fault")).toEqual([]);
  expect(tell("B=fault")).toEqual(["G backup>fault"]);
});
