import { expect, test } from "bun:test";
import { withBurst } from "../../../src/vrrp/burst.ts";
import { instanceSettings, type Vip } from "../../../src/vrrp/settings.ts";
import { configWith, vipConfig } from "./configs.ts";

/** VIPs by the last number of their addresses. */
const vips = (text: string): readonly Vip[] =>
  instanceSettings(configWith({ addresses: text.split(" ").map((last) => vipConfig(`10.0.0.${last}`)) })).vips;
const text = (list: readonly Vip[]): string => list.map((vip) => vip.address[3]).join(" ");

test("withBurst announces each VIP once before any is announced twice", () => {
  expect(text(withBurst([], vips("1 2 3"), 2))).toBe("1 2 3 1 2 3");
  expect(withBurst([], vips("1 2 3"), 0)).toEqual([]);
});

test("withBurst leaves what waits its turn and adds what is missing", () => {
  // The rest of a round of four: the next round comes after it.
  expect(text(withBurst(vips("3 4"), vips("1 2 3 4"), 1))).toBe("3 4 1 2");
  expect(text(withBurst(vips("3 4"), vips("1 2 3 4"), 2))).toBe("3 4 1 2 3 4 1 2");
  // A smaller burst takes nothing away from a larger one.
  expect(text(withBurst(vips("1 1 1"), vips("1"), 1))).toBe("1 1 1");
});

test("withBurst grows no further however often it is asked", () => {
  let waiting: readonly Vip[] = [];
  for (let i = 0; i < 10; i++) waiting = withBurst(waiting, vips("1 2 3"), 2);
  expect(waiting).toHaveLength(6);
});

test("withBurst drops VIPs that the instance no longer has", () => {
  expect(text(withBurst(vips("1 2 3"), vips("2 4"), 1))).toBe("2 4");
});

test("withBurst every second, with room for some of the VIPs, announces them all in turn", () => {
  const all = vips("1 2 3 4 5 6 7");
  const sent: Vip[] = [];
  let waiting: readonly Vip[] = [];
  for (let second = 0; second < 7; second++) {
    waiting = withBurst(waiting, all, 1);
    sent.push(...waiting.slice(0, 3));
    waiting = waiting.slice(3);
  }
  expect(Math.min(...all.map((vip) => sent.filter((each) => each === vip).length))).toBeGreaterThan(1);
});
