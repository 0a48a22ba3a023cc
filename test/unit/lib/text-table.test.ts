import { expect, test } from "bun:test";
import { displayWidth, fitCells, truncateCells } from "../../../src/lib/display-width.ts";
import { type Column, textTable, unpainted } from "../../../src/lib/text-table.ts";

interface Row {
  readonly name: string;
  readonly count: number;
}

const columns: readonly Column<Row>[] = [
  { title: "NAME", cell: (row) => row.name, min: 4, shrink: true },
  { title: "COUNT", align: "right", cell: (row) => String(row.count) },
  { title: "EXTRA", cell: () => "something", priority: 2 },
  { title: "MORE", cell: () => "x", priority: 1 },
];
const rows: readonly Row[] = [
  { name: "alpha-beta-gamma", count: 7 },
  { name: "b", count: 12_345 },
];

test("textTable aligns every row with its head when there is room", () => {
  const table = textTable(columns, rows, Number.POSITIVE_INFINITY, unpainted);
  expect(table.head).toBe("NAME              COUNT  EXTRA      MORE");
  expect(table.lines).toEqual(["alpha-beta-gamma      7  something  x   ", "b                 12345  something  x   "]);
});

test("textTable squeezes shrinking columns before it drops any", () => {
  const table = textTable(columns, rows, 34, unpainted);
  expect(table.head).toContain("EXTRA");
  expect(table.lines[0]).toStartWith("alpha-bet…");
  expect(displayWidth(table.lines[0])).toBe(34);
});

test("textTable drops the least important column when squeezing is not enough", () => {
  const table = textTable(columns, rows, 18, unpainted);
  expect(table.head).not.toContain("EXTRA");
  expect(table.head).toContain("MORE");
  expect(table.head).toContain("COUNT");
});

test("textTable keeps columns of priority 0 even when they do not fit", () => {
  expect(textTable(columns, rows, 3, unpainted).head).toContain("COUNT");
});

test("textTable paints cells after padding, so that width does not depend on paint", () => {
  const toned: readonly Column<Row>[] = [{ title: "NAME", cell: (row) => ({ text: row.name, tone: "bad" }) }];
  const table = textTable(toned, rows, 40, (tone, text) => `<${tone}>${text}</>`);
  expect(table.lines[1]).toBe("<bad>b               </>");
});

test("displayWidth counts wide characters twice and marks not at all", () => {
  expect(displayWidth("web")).toBe(3);
  expect(displayWidth("負荷")).toBe(4);
  expect(displayWidth("e\u0301")).toBe(1);
  expect(displayWidth("● ok")).toBe(4);
});

test("truncateCells never splits a wide character", () => {
  expect(truncateCells("負荷分散", 4)).toBe("負…");
  expect(truncateCells("abc", 3)).toBe("abc");
  expect(truncateCells("abcd", 0)).toBe("");
});

test("fitCells gives exactly the width on either side", () => {
  expect(fitCells("ab", 4)).toBe("ab  ");
  expect(fitCells("ab", 4, "right")).toBe("  ab");
  expect(fitCells("abcdef", 4)).toBe("abc…");
});
