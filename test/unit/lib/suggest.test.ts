import { expect, test } from "bun:test";
import { didYouMean, suggest } from "../../../src/lib/suggest.ts";
import { safeText } from "../../../src/lib/safe-text.ts";

const words = ["weight", "maxconn", "backup", "check", "virtual_router_id", "advert_interval"];

test.each([
  ["weigth", "weight"],
  ["max_conn", "maxconn"],
  ["chekc", "check"],
  ["virtual-router-id", "virtual_router_id"],
  ["ADVERT_INTERVALL", "advert_interval"],
  ["virtual", "virtual_router_id"],
])("suggest finds what %s meant", (word, expected) => {
  expect(suggest(word, words)).toBe(expected);
});

test.each(["", "zzz", "wh", "x".repeat(10_000)])("suggest stays silent for %j", (word) => {
  expect(suggest(word, words)).toBeNull();
});

test("suggest completes the beginning of one word, not of several", () => {
  expect(suggest("stat", ["status", "stop", "server"])).toBe("status");
  expect(suggest("virtual", ["virtual_router_id", "virtual_server"])).toBeNull();
  expect(suggest("w", words)).toBeNull();
});

test("didYouMean is a clause or nothing", () => {
  expect(didYouMean("weigth", words)).toBe('; did you mean "weight"?');
  expect(didYouMean("nothing-near", words)).toBe("");
});

test("safeText shows controls, C1, DEL and marks that reorder text", () => {
  expect(safeText("a\u001b[31mb\nc\u007f\u009b")).toBe("a\\x1b[31mb\\x0ac\\x7f\\x9b");
  expect(safeText("user\u202egnp.exe\u2066\u200e")).toBe("user\\u202egnp.exe\\u2066\\u200e");
  expect(safeText("plain Ünïcode 漢字 🙂")).toBe("plain Ünïcode 漢字 🙂");
  expect(safeText("half \ud83d pair")).toBe("half \ufffd pair");
});
