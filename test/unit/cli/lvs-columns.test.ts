/** LVS in `ls` and `status --nagios`. */
import { expect, test } from "bun:test";
import type { Snapshot } from "../../../src/admin/api.ts";
import { lvsStatusColumns, lvsStatusRows } from "../../../src/cli/lvs-columns.ts";
import { judge } from "../../../src/cli/status.ts";
import { FAKE_NOW_MS, fakeSnapshot } from "../../support/fake-snapshot.ts";
import { fakeLvs, fakeReal, fakeVirtual } from "../../support/fake-lvs.ts";

/** Cells of each row, as they are without colour. */
function lines(snapshot: Pick<Snapshot, "lvs">): readonly string[] {
  const columns = lvsStatusColumns(FAKE_NOW_MS);
  return lvsStatusRows(snapshot.lvs).map((row) =>
    columns
      .map(({ cell }) => cell(row))
      .map((cell) => (typeof cell === "string" ? cell : cell.text))
      .join("|"),
  );
}

test("lvsStatusColumns show each virtual server with its real servers, and what the kernel has of them", () => {
  expect(lines({ lvs: fakeLvs() })).toEqual([
    "farm|tcp 192.0.2.10:80|UP|wlc dr|3/1|217|90210||1h",
    "  10.0.0.21:80|10.0.0.21:80|UP||3|210|60110|L4OK Layer4 check passed|1h",
    "  10.0.0.22:80|10.0.0.22:80|DRAIN||0|7|30100|L4OK Layer4 check passed|1h",
    "  10.0.0.23:80|10.0.0.23:80|DOWN||-|0|0|L4CON Connection refused|12s",
    "dns|udp 192.0.2.10:53, tcp 192.0.2.10:53|SORRY|rr dr|0/1|0|0||9s",
    "  10.0.0.31:53|10.0.0.31:53|DOWN||-|0|0|L7TOUT Layer7 timeout|12s",
  ]);
  expect(lines({})).toEqual([]);
});

test("lvsStatusColumns tell a lost quorum and a virtual address elsewhere apart", () => {
  const state = (change: Parameters<typeof fakeVirtual>[1]): string | undefined =>
    lines({ lvs: { troubles: [], virtualServers: [fakeVirtual("a", change)] } })[0]?.split("|")[2];
  expect(state({ hasQuorum: false })).toBe("NO QUORUM");
  expect(state({ suspended: true })).toBe("suspended");
  expect(state({ suspended: true, hasQuorum: false })).toBe("NO QUORUM");
});

test("judge is critical when no real server of a virtual server lives", () => {
  const base: Snapshot = { ...fakeSnapshot(), problems: [] };
  const of = (weight: number): Snapshot => {
    const virtual = fakeVirtual("farm", {
      hasQuorum: false,
      weight,
      quorum: 2,
      realServers: [fakeReal("10.0.0.1:80")],
    });
    return { ...base, lvs: { troubles: [], virtualServers: [virtual] } };
  };
  expect(judge(of(0))).toEqual({ level: "critical", text: "virtual server farm has no real server that serves" });
  expect(judge(of(1)).level).toBe("ok");
});
