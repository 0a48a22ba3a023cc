import { expect, test } from "bun:test";
import type { BallastEvent } from "../../../src/admin/api.ts";
import { EVENT_TEXT_CHARS_MAX, Journal, JOURNAL_EVENTS_MAX } from "../../../src/admin/journal.ts";

function event(id: number, change: Partial<BallastEvent> = {}): BallastEvent {
  return {
    id,
    wallMs: 1,
    level: "info",
    source: "vrrp",
    kind: "k",
    object: "o",
    text: `t${id}`,
    fields: {},
    ...change,
  };
}

test("Journal since gives what is newer, oldest first", () => {
  const journal = new Journal();
  for (const id of [1, 2, 5]) journal.add(event(id));
  expect(journal.since(1).map((each) => each.id)).toEqual([2, 5]);
  expect(journal.since(5)).toEqual([]);
  expect(journal.lastId).toBe(5);
});

test("Journal since gives everything to a reader from before the daemon's restart", () => {
  const journal = new Journal();
  expect(journal.since(700)).toEqual([]);
  for (const id of [1, 2]) journal.add(event(id));
  expect(journal.since(700).map((each) => each.id)).toEqual([1, 2]);
});

test("Journal add ignores a number that it has seen", () => {
  const journal = new Journal();
  expect(journal.add(event(3))).not.toBeNull();
  expect(journal.add(event(3))).toBeNull();
  expect(journal.add(event(0))).toBeNull();
  expect(journal.since(0)).toHaveLength(1);
});

test("Journal keeps the last events only", () => {
  const journal = new Journal();
  for (let id = 1; id <= JOURNAL_EVENTS_MAX + 10; id++) journal.add(event(id));
  expect(journal.since(0)).toHaveLength(JOURNAL_EVENTS_MAX);
  expect(journal.since(0)[0]!.id).toBe(11);
});

test("Journal makes text harmless and bounds it", () => {
  const journal = new Journal();
  const kept = journal.add(
    event(1, {
      text: `\u001b]52;c;x\u0007${"y".repeat(5000)}`,
      object: "a\u202eb",
      fields: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, "\u0000".repeat(1000)])),
    }),
  )!;
  expect(kept.text).toStartWith("\\x1b]52;c;x\\x07y");
  expect(kept.text.length).toBeLessThan(EVENT_TEXT_CHARS_MAX + 10);
  expect(kept.object).toBe("a\\u202eb");
  expect(Object.keys(kept.fields)).toHaveLength(16);
  expect(kept.fields["f0"]).toBe("\\x00".repeat(200));
});
