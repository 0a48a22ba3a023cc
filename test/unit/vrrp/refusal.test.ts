/** What is told of adverts that are refused. */
import { describe, expect, test } from "bun:test";
import type { MonoMs } from "../../../src/lib/time.ts";
import { recentRefusals, type Refusal, refusalText, withoutRefusal, withRefusal } from "../../../src/vrrp/refusal.ts";

const from = (last: number, reason: Refusal["reason"], heardAt = 0): Refusal => ({
  address: Uint8Array.of(192, 0, 2, last),
  reason,
  heardAt: heardAt as MonoMs,
});

describe("refusals", () => {
  test("keep the last of each sender, four of them, and nothing of this node's own packets", () => {
    let list: readonly Refusal[] = [];
    for (const last of [1, 2, 3, 4, 5, 5]) list = withRefusal(list, from(last, "auth_data"));
    expect(list.map(({ address }) => address[3])).toEqual([5, 4, 3, 2]);
    expect(withRefusal(list, from(9, "own_address"))).toBe(list);
    expect(withoutRefusal(list, Uint8Array.of(192, 0, 2, 5)).map(({ address }) => address[3])).toEqual([4, 3, 2]);
  });

  test("name another cluster with the same VRID until it advertises what this node does", () => {
    const list = withRefusal([], from(2, "address_list_foreign", 1000));
    expect(list.map(refusalText)).toEqual([
      "192.0.2.2 has this virtual_router_id too, for other addresses: choose another one",
    ]);
    expect(withoutRefusal(list, list[0]!.address)).toEqual([]);
  });

  test("say who and what differs, while it goes on", () => {
    const [refusal] = withRefusal([], from(2, "auth_data", 1000));
    expect(refusalText(refusal!)).toBe("adverts of 192.0.2.2 are refused: its password is another one");
    expect(recentRefusals([refusal!], 30_999 as MonoMs)).toHaveLength(1);
    expect(recentRefusals([refusal!], 31_000 as MonoMs)).toEqual([]);
  });
});
