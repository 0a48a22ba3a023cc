import { expect, test } from "bun:test";
import type { TrackConfig, VrrpScriptConfig } from "../../../src/config/types-vrrp.ts";
import { contribution, effectivePriority, failedTrack } from "../../../src/vrrp/track.ts";

const proxy = (weight: number, reverse = false): TrackConfig => ({ kind: "proxy", weight, reverse });
const file = (weight: number, reverse = false): TrackConfig => ({ kind: "file", path: "/run/prio", weight, reverse });

test("effectivePriority adds a positive weight while the track is well and a negative one while it is not", () => {
  expect(effectivePriority(101, [proxy(2)], [true])).toBe(103);
  expect(effectivePriority(101, [proxy(2)], [false])).toBe(101);
  expect(effectivePriority(101, [proxy(-20)], [true])).toBe(101);
  expect(effectivePriority(101, [proxy(-20)], [false])).toBe(81);
});

test("effectivePriority sums all tracks and stays within 1 and 254", () => {
  expect(effectivePriority(100, [proxy(10), proxy(-5)], [true, false])).toBe(105);
  expect(effectivePriority(250, [proxy(50)], [true])).toBe(254);
  expect(effectivePriority(10, [proxy(-50)], [false])).toBe(1);
});

test("effectivePriority leaves the address owner's 255 alone", () => {
  expect(effectivePriority(255, [proxy(-50)], [false])).toBe(255);
});

// The three setups that tutorials print: only the second one can move the VIP by weight.
test("effectivePriority shows which tutorial's weights can flip mastership", () => {
  const flips = (master: number, backup: number): boolean =>
    effectivePriority(master, [proxy(2)], [false]) < effectivePriority(backup, [proxy(2)], [true]);
  expect(flips(104, 100)).toBe(false);
  expect(flips(101, 100)).toBe(true);
  expect(flips(150, 120)).toBe(false);
});

test("contribution with reverse changes the sign of a weight and the meaning of weight 0 (keepalived.conf: reverse)", () => {
  expect([contribution(proxy(20, true), true), contribution(proxy(20, true), false)]).toEqual([-20, 0]);
  expect([contribution(proxy(-20, true), true), contribution(proxy(-20, true), false)]).toEqual([0, 20]);
  expect([contribution(proxy(0, true), true), contribution(proxy(0, true), false)]).toEqual(["fault", 0]);
});

test("contribution of a file is its number times the weight, fault from −254 on, limited to 253", () => {
  expect(contribution(file(1), 10)).toBe(10);
  expect(contribution(file(-2), 10)).toBe(-20);
  expect(contribution(file(2, true), 10)).toBe(-20);
  expect([contribution(file(1), -253), contribution(file(1), -254)]).toEqual([-253, "fault"]);
  expect(contribution(file(10), 100)).toBe(253);
});

test("contribution of a file with weight 0 is fault unless the number is 0, with reverse the other way round", () => {
  expect([contribution(file(0), 0), contribution(file(0), 3)]).toEqual([0, "fault"]);
  expect([contribution(file(0, true), 0), contribution(file(0, true), 3)]).toEqual(["fault", 0]);
});

test("failedTrack finds the first track that keeps the node from leading", () => {
  const script: VrrpScriptConfig = {
    name: "chk",
    command: ["/bin/true"],
    intervalMs: 1000,
    timeoutMs: 1000,
    rise: 1,
    fall: 1,
    user: null,
    initFail: false,
  };
  const tracks: readonly TrackConfig[] = [
    proxy(5),
    { kind: "interface", name: "eth1", weight: 0 },
    { kind: "script", script, weight: 0 },
    file(1),
  ];
  expect(failedTrack(tracks, [false, true, true, 0])).toBeNull();
  expect(failedTrack(tracks, [true, false, true, 0])).toBe(tracks[1]);
  expect(failedTrack(tracks, [true, true, false, 0])).toBe(tracks[2]);
  expect(failedTrack(tracks, [true, true, true, -300])).toBe(tracks[3]);
});
