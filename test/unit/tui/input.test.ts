import { expect, test } from "bun:test";
import { flushInput, parseInput } from "../../../tui/input.ts";

function keysOf(chunk: string): string[] {
  return parseInput("", chunk).events.map((event) => (event.kind === "key" ? event.key : `paste:${event.text}`));
}

test("parseInput splits what was typed fast", () => {
  expect(keysOf("jjk")).toEqual(["j", "j", "k"]);
});

test.each([
  ["\u001b[A", "up"],
  ["\u001bOB", "down"],
  ["\u001b[5~", "pageup"],
  ["\u001b[6~", "pagedown"],
  ["\u001b[Z", "shift-tab"],
  ["\u001b[H", "home"],
  ["\u001b[4~", "end"],
  ["\r", "enter"],
  [" ", "space"],
  ["\u007f", "backspace"],
  ["\u0004", "ctrl-d"],
  ["\u001a", "ctrl-z"],
  ["é", "é"],
])("parseInput reads %p as %s", (bytes, key) => {
  expect(keysOf(bytes)).toEqual([key]);
});

test("parseInput reads keys around a sequence", () => {
  expect(keysOf("j\u001b[B\u001b[Bk")).toEqual(["j", "down", "down", "k"]);
});

test("parseInput waits for the rest of a sequence at every cut", () => {
  const whole = "a\u001b[5~b";
  for (let cut = 0; cut <= whole.length; cut++) {
    const first = parseInput("", whole.slice(0, cut));
    const second = parseInput(first.pending, whole.slice(cut));
    const keys = [...first.events, ...second.events].map((event) => (event.kind === "key" ? event.key : "paste"));
    expect(keys).toEqual(["a", "pageup", "b"]);
    expect(second.pending).toBe("");
  }
});

test("flushInput makes a lone ESC the Escape key", () => {
  const { events, pending } = parseInput("", "\u001b");
  expect(events).toEqual([]);
  expect(flushInput(pending)).toEqual([{ kind: "key", key: "escape" }]);
  expect(flushInput("")).toEqual([]);
});

test("parseInput drops what is no key: focus reports, mouse, status answers, function keys", () => {
  expect(keysOf("\u001b[I\u001b[O\u001b[M !!\u001b[<0;1;1M\u001b[24;80R\u001b[15~\u001b[[Ax")).toEqual(["x"]);
});

test("parseInput keeps a paste together, over several reads", () => {
  const first = parseInput("", "\u001b[200~dd");
  expect(first.events).toEqual([]);
  const second = parseInput(first.pending, "yy\u001b[201~q");
  expect(second.events).toEqual([
    { kind: "paste", text: "ddyy" },
    { kind: "key", key: "q" },
  ]);
});

test("parseInput cuts a paste that never ends", () => {
  const { events, pending } = parseInput("", `\u001b[200~${"x".repeat(10_000)}`);
  expect(pending).toBe("");
  expect(events[0]?.kind === "paste" && events[0].text.length).toBe(4_096);
});

test("parseInput never holds back more than a sequence", () => {
  const noise = Array.from({ length: 300 }, (_, index) => String.fromCharCode((index * 37) % 128)).join("");
  for (let start = 0; start < noise.length; start += 7) {
    const { pending } = parseInput("", noise.slice(start));
    expect(pending.length).toBeLessThan(40);
  }
});
