/** A table with a cursor: one string a row, only the rows that are seen. */
import { type Column, textTable } from "../../src/lib/text-table.ts";
import type { Theme } from "../theme.ts";
import { fitPainted, unpaint } from "../text.ts";

export interface ListOptions<Row> {
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** Row under the cursor; -1: none is drawn. */
  readonly cursor: number;
  readonly width: number;
  /** With the head. */
  readonly height: number;
  readonly isMarked?: (row: Row) => boolean;
  /** Said instead of rows. */
  readonly empty: string;
}

const MARK_CELLS = 2;

export function list<Row>(theme: Theme, options: ListOptions<Row>): readonly string[] {
  const { rows, cursor, width, height } = options;
  const room = Math.max(0, height - 1);
  const inner = Math.max(0, width - MARK_CELLS);
  const first = firstVisible(cursor, rows.length, room);
  const visible = rows.slice(first, first + room);
  const table = textTable(options.columns, visible, inner, theme.paint, theme.ellipsis);
  const head = theme.paint("quiet", " ".repeat(MARK_CELLS) + table.head);
  if (rows.length === 0) return [head, theme.paint("quiet", `${" ".repeat(MARK_CELLS)}${options.empty}`)];
  const lines = table.lines.map((line, index) => {
    const marked = options.isMarked?.(visible[index]) === true ? theme.marked : " ";
    if (first + index !== cursor) return `${marked} ${line}`;
    const bare = `${marked === " " ? theme.cursor : marked} ${unpaint(line)}`;
    return theme.inverse(fitPainted(theme, bare, width));
  });
  return [head, ...lines];
}

/** First row that is seen: the cursor stays in the middle where the list allows it. */
export function firstVisible(cursor: number, count: number, room: number): number {
  const wished = Math.max(0, cursor) - Math.floor(room / 2);
  return Math.max(0, Math.min(count - room, wished));
}

/** `12/340` for the edge of a panel, when not everything is seen. */
export function placeText(cursor: number, count: number, room: number): string {
  return count > room ? `${cursor + 1}/${count}` : "";
}
