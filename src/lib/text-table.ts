/**
 * Tables as plain rows of text, for the command line and for the TUI alike.
 * Columns have priorities: where the width is short, the least important go first.
 */
import { displayWidth, fitCells } from "./display-width.ts";

/** What a piece of text means; the theme decides how it looks, and a word always says the same without colour. */
export type Tone = "plain" | "strong" | "quiet" | "good" | "warn" | "bad" | "drain";

export interface Cell {
  readonly text: string;
  readonly tone: Tone;
}

export interface Column<Row> {
  readonly title: string;
  readonly align?: "left" | "right";
  /** Cells that the column never goes below; keeps numbers from jumping. */
  readonly min?: number;
  readonly max?: number;
  /** 0: always shown; the highest number is dropped first. */
  readonly priority?: number;
  /** May be squeezed down to `min` before anything is dropped. */
  readonly shrink?: boolean;
  readonly cell: (row: Row) => string | Cell;
}

export interface TableText {
  readonly head: string;
  readonly lines: readonly string[];
}

export type Paint = (tone: Tone, text: string) => string;

/** No colour at all. */
export const unpainted: Paint = (_tone, text) => text;

const GAP = "  ";

/**
 * Lays rows out in at most `width` cells (Infinity: whatever they need).
 * Lines carry no trailing blanks beyond the last column's own width.
 */
export function textTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
  paint: Paint,
  mark = "…",
): TableText {
  const cells = rows.map((row) => columns.map((column) => asCell(column.cell(row))));
  const shown = chooseColumns(columns, cells, width);
  const head = shown.map(({ column, cells: size }) => fitCells(column.title, size, column.align, mark)).join(GAP);
  const lines = cells.map((row) =>
    shown
      .map(({ column, index, cells: size }) => {
        const cell = row[index] ?? { text: "", tone: "plain" };
        return paint(cell.tone, fitCells(cell.text, size, column.align, mark));
      })
      .join(GAP),
  );
  return { head, lines };
}

interface ShownColumn<Row> {
  readonly column: Column<Row>;
  readonly index: number;
  cells: number;
}

function chooseColumns<Row>(
  columns: readonly Column<Row>[],
  cells: readonly (readonly Cell[])[],
  width: number,
): readonly ShownColumn<Row>[] {
  const shown = columns.map((column, index): ShownColumn<Row> => {
    const widest = cells.reduce((most, row) => Math.max(most, displayWidth(row[index]?.text ?? "")), 0);
    const wanted = Math.max(displayWidth(column.title), widest, column.min ?? 0);
    return { column, index, cells: Math.min(wanted, column.max ?? Number.POSITIVE_INFINITY) };
  });
  while (totalCells(shown) > width) {
    if (squeeze(shown, totalCells(shown) - width)) break;
    const victim = shown.reduce((least, each) => (rank(each) >= rank(least) ? each : least));
    if (rank(victim) === 0) break;
    shown.splice(shown.indexOf(victim), 1);
  }
  return shown;
}

function rank<Row>(shown: ShownColumn<Row>): number {
  return shown.column.priority ?? 0;
}

/** Takes `excess` cells from the columns that allow it; false (and nothing taken) when that is not enough. */
function squeeze<Row>(shown: readonly ShownColumn<Row>[], excess: number): boolean {
  const soft = shown.filter((each) => each.column.shrink === true);
  const spare = soft.reduce((sum, each) => sum + Math.max(0, each.cells - (each.column.min ?? 4)), 0);
  if (spare < excess) return false;
  let left = excess;
  while (left > 0) {
    const widest = soft.reduce((most, each) => (each.cells > most.cells && canShrink(each) ? each : most));
    const victim = canShrink(widest) ? widest : soft.find(canShrink);
    if (victim === undefined) return false;
    victim.cells--;
    left--;
  }
  return true;
}

function canShrink<Row>(shown: ShownColumn<Row>): boolean {
  return shown.cells > (shown.column.min ?? 4);
}

function totalCells<Row>(shown: readonly ShownColumn<Row>[]): number {
  return shown.reduce((sum, each) => sum + each.cells, 0) + GAP.length * Math.max(0, shown.length - 1);
}

function asCell(value: string | Cell): Cell {
  return typeof value === "string" ? { text: value, tone: "plain" } : value;
}
