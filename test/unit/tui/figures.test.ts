import { expect, test } from "bun:test";
import { formatMbit, formatMs, formatPercent } from "../../../tui/figures.ts";
import { compileFilter } from "../../../tui/filter.ts";
import { peak, remember, SERVER_SAMPLES_MAX, EMPTY_HISTORY } from "../../../tui/history.ts";
import { percentileMs, ratesBetween } from "../../../tui/rates.ts";
import { sparkline } from "../../../tui/components/sparkline.ts";
import { localeIsUtf8, makeTheme } from "../../../tui/theme.ts";
import { advanced } from "../../support/fake-daemon.ts";
import { FAKE_NOW_MS, fakeLatency, fakeSnapshot } from "../../support/fake-snapshot.ts";

const theme = makeTheme({ paint: "none", unicode: true });

test("percentileMs interpolates inside the bucket", () => {
  // 100 requests between 10 and 20 ms: the median is in the middle.
  expect(percentileMs([0, 0, 0, 0, 100, 100, 100, 100, 100, 100, 100, 100], 0.5)).toBe(15);
  expect(percentileMs([0, 0, 0, 50, 100, 100, 100, 100, 100, 100, 100, 100], 0.75)).toBe(15);
  expect(percentileMs([100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100], 0.99)).toBeCloseTo(0.99);
});

test("percentileMs is unknown without requests and beyond the last bound with slow ones", () => {
  expect(
    percentileMs(
      Array.from({ length: 12 }, () => 0),
      0.5,
    ),
  ).toBeNull();
  expect(percentileMs([], 0.5)).toBeNull();
  expect(percentileMs([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10], 0.5)).toBe(Number.POSITIVE_INFINITY);
  expect(formatMs(Number.POSITIVE_INFINITY)).toBe(">5s");
});

test("formatMs makes no figure up between the last two bounds, which are 1 s and 5 s", () => {
  // Requests that all ended at a timeout of one second: interpolation would say 4 366 ms.
  const timeouts = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 100];
  expect(formatMs(percentileMs(timeouts, 0.99))).toBe(">1s");
  expect(formatMs(1_000)).toBe("1 000");
});

test("percentileMs of the fake traffic lies where it says", () => {
  const p50 = percentileMs(fakeLatency(1_000_000), 0.5) ?? 0;
  expect(p50).toBeGreaterThan(5);
  expect(p50).toBeLessThan(10);
});

test("ratesBetween divides by the daemon's time", () => {
  const first = fakeSnapshot();
  const second = advanced(first, 2_000);
  const rates = ratesBetween(first, first, second);
  expect(rates.servers.get("app/app1")?.requests).toBe(4_011);
  expect(rates.total.requests).toBe(7_940);
  expect(rates.total.outBits).toBe(840_000_000);
  expect(rates.frontends.get("web")?.errors5xx).toBe(3);
});

test("ratesBetween gives none rather than wrong ones: same instant, new daemon, new object, counter that went back", () => {
  const first = fakeSnapshot();
  const second = advanced(first, 1_000);
  expect(ratesBetween(first, first, first).total.requests).toBeNull();
  expect(ratesBetween(first, first, { ...second, startedWallMs: 1 }).total.requests).toBeNull();
  const without = { ...first, frontends: [] };
  expect(ratesBetween(without, without, second).frontends.get("web")?.requests).toBeNull();
  const reset = { ...second, frontends: second.frontends.map((each) => ({ ...each, requestsTotal: 0 })) };
  expect(ratesBetween(first, first, reset).frontends.get("web")?.requests).toBeNull();
});

test("remember keeps a bounded past and forgets servers that are gone", () => {
  let history = EMPTY_HISTORY;
  let before = fakeSnapshot();
  for (let look = 0; look < SERVER_SAMPLES_MAX + 50; look++) {
    const snapshot = advanced(before, 1_000);
    history = remember(history, snapshot, ratesBetween(before, before, snapshot));
    before = snapshot;
  }
  expect(history.total.atMs).toHaveLength(SERVER_SAMPLES_MAX + 50);
  expect(history.servers.get("app/app1")?.atMs).toHaveLength(SERVER_SAMPLES_MAX);
  expect(history.servers.get("app/app1")?.series.requests.at(-1)).toBe(4_011);
  const last = { ...advanced(before, 1_000), backends: [] };
  expect(remember(history, last, ratesBetween(before, before, last)).servers.size).toBe(0);
});

test("peak looks only into the window", () => {
  expect(peak([0, 1_000, 2_000], [9, 3, 4], 2_000, 1_000)).toBe(4);
  expect(peak([0, 1_000, 2_000], [9, 3, 4], 2_000, 2_000)).toBe(9);
  expect(peak([], [], 0, 1_000)).toBeNull();
});

test("sparkline ends with now, scales to its own maximum and holds a value between two looks", () => {
  const options = { nowMs: FAKE_NOW_MS, windowMs: 8_000, width: 8 };
  const at = (agoMs: number): number => FAKE_NOW_MS - agoMs;
  expect(sparkline(theme, { ...options, atMs: [at(3_000), at(0)], values: [8, 4] })).toBe("    ███▄");
  expect(sparkline(theme, { ...options, atMs: [at(0)], values: [0] })).toBe("       ▁");
  expect(sparkline(theme, { ...options, atMs: [], values: [] })).toBe("        ");
  expect(sparkline(theme, { ...options, atMs: [at(9_000)], values: [5] })).toBe("        ");
});

test.each([
  [null, "-"],
  [0, "0"],
  [1_000, "<0.01"],
  [540_000, "0.54"],
  [5_400_000, "5.4"],
  [840_000_000, "840"],
])("formatMbit of %p bit/s", (bits, text) => {
  expect(formatMbit(bits)).toBe(text);
});

test("formatPercent never rounds to all", () => {
  expect(formatPercent(99_999, 100_000)).toBe("99.99 %");
  expect(formatPercent(1, 1)).toBe("100 %");
  expect(formatPercent(0, 0)).toBe("-");
});

test.each([
  ["", "anything", true],
  ["APP", "app/web1", true],
  ["^app/", "my-app/x", false],
  ["!app", "app/web1", false],
  ["!app", "pg/pg1", true],
  ["!", "x", true],
  ["~aw1", "app/web1", true],
  ["~wa", "app/web", false],
  ["(", "a(b", true],
  ["app[", "app[x", true],
])("compileFilter %p on %p", (filter, subject, accepted) => {
  expect(compileFilter(filter)(subject)).toBe(accepted);
});

test.each([
  [{ LANG: "C.UTF-8" }, true],
  [{ LANG: "en_US.utf8" }, true],
  [{ LANG: "en_US.UTF-8", LC_ALL: "C" }, false],
  [{ LC_CTYPE: "C.UTF-8", LANG: "C" }, true],
  [{}, false],
])("localeIsUtf8 of %p", (env, utf8) => {
  expect(localeIsUtf8(env)).toBe(utf8);
});
