/** The buffer between a role and a log target. */
import { expect, test } from "bun:test";
import { LineBuffer } from "../../../src/log/line-buffer.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const NOTHING = new Uint8Array(0);

function fixture(size: number): { lines: LineBuffer; add: (text: string) => boolean; pending: () => string } {
  const bytes = new Uint8Array(size);
  const lines = new LineBuffer(bytes);
  return {
    lines,
    add: (text) => lines.add(NOTHING, encode(text), 0, text.length, encode("\n")),
    pending: () =>
      new TextDecoder().decode(bytes.subarray(lines.pendingStart, lines.pendingStart + lines.pendingBytes)),
  };
}

test("add puts header, text region and suffix together", () => {
  const { lines, pending } = fixture(100);
  lines.add(encode("<1>"), encode("..abc.."), 2, 5, encode("\n"));
  expect(pending()).toBe("<1>abc\n");
  expect(lines.firstLineBytes).toBe(7);
});

test("consume may end inside a line and compaction keeps the rest", () => {
  const { lines, add, pending } = fixture(12);
  add("aaaa");
  add("bbbb");
  lines.consume(7);
  expect(lines.firstLineBytes).toBe(3);
  expect(add("cccc")).toBe(true);
  expect(pending()).toBe("bb\ncccc\n");
  lines.consume(3);
  expect(lines.firstLineBytes).toBe(5);
});

test("a line that does not fit is dropped whole, counted, and later ones pass", () => {
  const { lines, add, pending } = fixture(10);
  expect(add("1234567")).toBe(true);
  expect(add("x")).toBe(true);
  expect(add("y")).toBe(false);
  expect(add("z")).toBe(false);
  expect(lines.takeDropped()).toBe(2);
  expect(lines.takeDropped()).toBe(0);
  lines.consume(8);
  expect(add("w")).toBe(true);
  expect(pending()).toBe("x\nw\n");
});

test("dropFirst gives up one line only", () => {
  const { lines, add, pending } = fixture(100);
  add("a");
  add("b");
  lines.dropFirst();
  expect([pending(), lines.droppedLines]).toEqual(["b\n", 1]);
});

test("seeded adds and partial writes come out in order and whole", () => {
  const { lines, add, pending } = fixture(512);
  let seed = 5;
  const next = (limit: number): number => (seed = (seed * 48271) % 2147483647) % limit;
  let written = "";
  let expected = "";
  for (let i = 0; i < 5000; i++) {
    const text = `${i}:${"x".repeat(next(60))}`;
    if (add(text)) expected += `${text}\n`;
    const count = next(lines.pendingBytes + 1);
    written += pending().slice(0, count);
    lines.consume(count);
  }
  written += pending();
  expect(written).toBe(expected);
});
