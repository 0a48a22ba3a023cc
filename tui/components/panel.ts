/** A framed box of lines with a title in its upper edge. */
import type { Theme } from "../theme.ts";
import { fitPainted, paintedWidth } from "../text.ts";

export interface PanelOptions {
  readonly title: string;
  /** Stands at the right end of the upper edge when there is room. */
  readonly right?: string;
  readonly lines: readonly string[];
  readonly width: number;
  /** With both edges; lines beyond are not drawn, missing ones are blank. */
  readonly height: number;
  readonly focused?: boolean;
}

/** Rows and columns that a panel takes for itself. */
export const PANEL_ROWS = 2;
export const PANEL_COLUMNS = 4;

export function panel(theme: Theme, options: PanelOptions): readonly string[] {
  const { width, height, lines, focused = false } = options;
  const { box } = theme;
  const edge = (text: string): string => theme.paint(focused ? "strong" : "quiet", text);
  const inner = Math.max(0, width - PANEL_COLUMNS);
  const rows = Array.from({ length: Math.max(0, height - PANEL_ROWS) }, (_, index) => {
    return `${edge(box.vertical)} ${fitPainted(theme, lines[index] ?? "", inner)} ${edge(box.vertical)}`;
  });
  return [
    upperEdge(theme, options, edge),
    ...rows,
    edge(box.bottomLeft + box.horizontal.repeat(Math.max(0, width - 2)) + box.bottomRight),
  ];
}

function upperEdge(theme: Theme, options: PanelOptions, edge: (text: string) => string): string {
  const { box } = theme;
  const room = Math.max(0, options.width - 2);
  const title = ` ${fitTitle(theme, options.title, room - 4)} `;
  const right = options.right === undefined || options.right === "" ? "" : ` ${options.right} `;
  const titleCells = paintedWidth(title) + 1;
  const rightCells = right === "" ? 0 : paintedWidth(right) + 1;
  const fits = titleCells + rightCells <= room;
  const line = box.horizontal.repeat(Math.max(0, room - titleCells - (fits ? rightCells : 0)));
  const end = fits && right !== "" ? right + edge(box.horizontal + box.topRight) : edge(box.topRight);
  return edge(box.topLeft + box.horizontal) + theme.paint("strong", title) + edge(line) + end;
}

function fitTitle(theme: Theme, title: string, width: number): string {
  return paintedWidth(title) <= width ? title : fitPainted(theme, title, Math.max(1, width)).trimEnd();
}

/** Two blocks of lines side by side. */
export function beside(left: readonly string[], right: readonly string[]): readonly string[] {
  return Array.from(
    { length: Math.max(left.length, right.length) },
    (_, index) => (left[index] ?? "") + (right[index] ?? ""),
  );
}
