import { expect, test } from "bun:test";
import { describeCaller, identify } from "../../../src/admin/access.ts";

const accounts = {
  passwd: "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/:/bin/false\n",
  group: "root:x:0:\nops:x:200:alice,carol\nopsx:x:201:bob\nempty:x:202:\n",
};

function mayWrite(uid: number, gid: number, adminGroup: string | null, daemonUid = 500): boolean {
  return identify({ uid, gid }, accounts, { daemonUid, adminGroup }).mayWrite;
}

test("identify lets root, the daemon's user and members of admin_group write, nobody else", () => {
  expect(mayWrite(0, 0, null)).toBe(true);
  expect(mayWrite(500, 500, null)).toBe(true);
  expect(mayWrite(1000, 1000, null)).toBe(false);
  expect(mayWrite(1000, 1000, "ops")).toBe(true);
  expect(mayWrite(1001, 1001, "ops")).toBe(false);
});

test("identify counts the primary group", () => {
  expect(mayWrite(4711, 200, "ops")).toBe(true);
  expect(mayWrite(4711, 201, "ops")).toBe(false);
});

test("identify gives nothing to a group that does not exist or has no members", () => {
  expect(mayWrite(1000, 1000, "wheel")).toBe(false);
  expect(mayWrite(4711, 4711, "empty")).toBe(false);
  expect(mayWrite(4711, 4711, "")).toBe(false);
});

test("identify works without the files", () => {
  const caller = identify({ uid: 1000, gid: 1000 }, { passwd: "", group: "" }, { daemonUid: 0, adminGroup: "ops" });
  expect(caller).toEqual({ uid: 1000, name: "uid 1000", mayWrite: false });
  expect(describeCaller(caller)).toBe("uid 1000");
});

test("describeCaller names user and uid", () => {
  const caller = identify({ uid: 1000, gid: 1000 }, accounts, { daemonUid: 0, adminGroup: null });
  expect(describeCaller(caller)).toBe("alice (uid 1000)");
});
