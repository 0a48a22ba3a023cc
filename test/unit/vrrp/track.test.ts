import { expect, test } from "bun:test";
import type { TrackConfig } from "../../../src/config/types.ts";
import { effectivePriority, failedTrack } from "../../../src/vrrp/track.ts";

const proxy = (weight: number): TrackConfig => ({ kind: "proxy", weight });

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

test("failedTrack finds the first track of weight 0 that is not well", () => {
  const tracks = [proxy(5), { kind: "interface", name: "eth1", weight: 0 }] as const;
  expect(failedTrack(tracks, [false, true])).toBeNull();
  expect(failedTrack(tracks, [true, false])).toBe(tracks[1]);
});
