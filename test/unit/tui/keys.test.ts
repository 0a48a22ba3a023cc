import { expect, test } from "bun:test";
import { tuiViews } from "../../../src/cli/tui.ts";
import { keyName, keyRow, keyTable, worksIn } from "../../../tui/keys.ts";
import { viewNames } from "../../../tui/model.ts";

test("keyTable gives a key one meaning a screen", () => {
  for (const view of viewNames) {
    const keys = keyTable.filter((row) => worksIn(row, view)).flatMap((row) => row.keys);
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
  }
});

test("keyRow finds what works on a screen and nothing else", () => {
  expect(keyRow("d", "backends")?.action).toBe("drain");
  expect(keyRow("d", "vrrp")).toBeNull();
  expect(keyRow("e", "vrrp")?.action).toBe("resume");
  expect(keyRow("e", "backends")?.action).toBe("ready");
  expect(keyRow("4", "events")?.action).toBe("view_vrrp");
});

test("keyTable marks every action that changes something", () => {
  const writing = keyTable.filter((row) => row.writes === true).map((row) => row.action);
  expect(writing.toSorted()).toEqual(["drain", "failover", "maint", "mark", "ready", "resume", "undo", "weight"]);
});

test("keyName shows keys as they are printed on the keyboard", () => {
  expect(keyName("ctrl-d")).toBe("Ctrl-d");
  expect(keyName("shift-tab")).toBe("S-Tab");
  expect(keyName("x")).toBe("x");
});

test("tuiViews of the command line are the screens of the TUI", () => {
  expect([...tuiViews]).toEqual([...viewNames]);
});
