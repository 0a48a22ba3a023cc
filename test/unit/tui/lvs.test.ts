/** LVS on the overview, at every size, and only where there is LVS. */
import { expect, test } from "bun:test";
import type { Snapshot } from "../../../src/admin/api.ts";
import { displayWidth } from "../../../src/lib/display-width.ts";
import { drawScreen } from "../../../tui/screen.ts";
import { unpaint } from "../../../tui/text.ts";
import { makeTheme } from "../../../tui/theme.ts";
import { fakeLvs } from "../../support/fake-lvs.ts";
import { fakeSnapshot } from "../../support/fake-snapshot.ts";
import { fakeModel } from "../../support/tui-model.ts";

const theme = makeTheme({ paint: "none", unicode: true });

function screen(snapshot: Snapshot, columns = 120, rows = 50): readonly string[] {
  return drawScreen({ ...fakeModel({ snapshot }), size: { columns, rows } }, theme).lines;
}

test("overview shows virtual servers with their real servers where the node is a director", () => {
  const lines = screen({ ...fakeSnapshot(), lvs: fakeLvs() });
  const from = lines.findIndex((line) => line.includes("LVS (2)"));
  const rows = lines
    .slice(from + 2, from + 8)
    .map((line) => line.replaceAll(/[│|]/g, "").trim().replaceAll(/ {2,}/g, "  "));
  expect(rows).toEqual([
    "● farm  tcp 192.0.2.10:80  UP  wlc dr  3/1  217",
    "● 10.0.0.21:80  10.0.0.21:80  UP  3  210  L4OK Layer4 check passed",
    "◌ 10.0.0.22:80  10.0.0.22:80  DRAIN  0  7  L4OK Layer4 check passed",
    "○ 10.0.0.23:80  10.0.0.23:80  DOWN  -  0  L4CON Connection refused",
    "◐ dns  udp 192.0.2.10:53 tcp 192.0.2.10:53  SORRY  rr dr  0/1  0",
    "○ 10.0.0.31:53  10.0.0.31:53  DOWN  -  0  L7TOUT Layer7 timeout",
  ]);
  expect(screen(fakeSnapshot()).join("\n")).not.toContain("LVS");
});

test("overview with LVS fills the terminal exactly at every size, and says how much is hidden", () => {
  const snapshot = { ...fakeSnapshot(), lvs: fakeLvs() };
  for (let columns = 60; columns <= 200; columns += 20) {
    for (const rows of [15, 19, 24, 30, 36, 60]) {
      const lines = screen(snapshot, columns, rows);
      const wide = lines.filter((line) => displayWidth(unpaint(line)) > columns);
      expect({ columns, rows, count: lines.length, wide }).toEqual({ columns, rows, count: rows, wide: [] });
    }
  }
  expect(screen(snapshot, 120, 30).join("\n")).toContain("more: ballast ls lvs");
});
