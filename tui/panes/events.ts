/** What happened, newest at the bottom; the list follows until the cursor is moved up. */
import type { BallastEvent } from "../../src/admin/api.ts";
import { displayWidth, fitCells, truncateCells } from "../../src/lib/display-width.ts";
import type { Sign } from "../../src/lib/state-words.ts";
import type { Tone } from "../../src/lib/text-table.ts";
import { clockText } from "../../src/lib/wall-time.ts";
import { firstVisible, placeText } from "../components/list.ts";
import { panel, PANEL_COLUMNS, PANEL_ROWS } from "../components/panel.ts";
import type { Model } from "../model.ts";
import { cursorIndex, eventRows } from "../rows.ts";
import { fitPainted, paintedWidth, shown, unpaint, wrapWords } from "../text.ts";
import type { Theme } from "../theme.ts";
import { listState } from "./bars.ts";
import type { PaneProps } from "./pane.ts";

/** Two lines hold the longest sentence but a configuration error with a long path at 80 columns. */
const DETAIL_ROWS = 4;
const DETAIL_FROM_ROWS = 18;

/** Glyph and word: the level is never colour alone. */
const levels: Readonly<
  Record<BallastEvent["level"], { readonly sign: Sign | null; readonly word: string; readonly tone: Tone }>
> = {
  info: { sign: "idle", word: "info", tone: "plain" },
  notice: { sign: "up", word: "note", tone: "strong" },
  warning: { sign: "changing", word: "warn", tone: "warn" },
  error: { sign: null, word: "ERR ", tone: "bad" },
};

export function eventsPane({ model, theme, width, height }: PaneProps): readonly string[] {
  const rows = eventRows(model);
  const detailRows = rows.length > 0 && height >= DETAIL_FROM_ROWS ? DETAIL_ROWS : 0;
  const room = height - PANEL_ROWS - detailRows;
  const cursor = cursorIndex(
    model.cursors.events,
    rows.map((row) => String(row.id)),
    "events",
  );
  const first = firstVisible(cursor, rows.length, room);
  const inner = width - PANEL_COLUMNS;
  const lines = eventLines(model, theme, rows.slice(first, first + room), inner).map((line, index) =>
    first + index === cursor ? theme.inverse(fitPainted(theme, unpaint(line), inner)) : line,
  );
  const following = model.cursors.events.key === null ? "following" : "G follow";
  const empty = theme.paint(
    "quiet",
    model.filters.events === "" ? "nothing has happened yet" : "no event matches the filter",
  );
  const right = [listState(model, theme, ""), placeText(cursor, rows.length, room), following]
    .filter((part) => part !== "")
    .join("   ");
  const selected = rows[cursor];
  return [
    ...panel(theme, {
      title: `Events (${rows.length})`,
      right,
      lines: rows.length === 0 ? [empty] : lines,
      width,
      height: height - detailRows,
      focused: true,
    }),
    ...(selected === undefined || detailRows === 0 ? [] : wholeEvent(model, theme, selected, width)),
  ];
}

/** The event under the cursor with its whole sentence, which its line in the list may have cut. */
function wholeEvent(model: Model, theme: Theme, event: BallastEvent, width: number): readonly string[] {
  const object = event.object === "" ? "" : `  ${shown(theme, event.object)}`;
  return panel(theme, {
    title: `${clockText(event.wallMs, model.offsetMinutes)}  ${shown(theme, event.kind)}${object}`,
    right: shown(theme, event.source),
    lines: wrapWords(shown(theme, event.text), width - PANEL_COLUMNS),
    width,
    height: DETAIL_ROWS,
  });
}

/** One line an event: time, level, object, sentence. */
export function eventLines(
  model: Model,
  theme: Theme,
  events: readonly BallastEvent[],
  width: number,
): readonly string[] {
  const wide = width >= 96;
  const longest = events.reduce((most, event) => Math.max(most, displayWidth(event.object)), 0);
  // Names that differ at the end stay apart; half of the line is the sentence's.
  const objectCells = Math.max(wide ? 16 : 12, Math.min(longest, wide ? 28 : 26));
  return events.map((event) => {
    const { sign, word, tone } = levels[event.level];
    const glyph = sign === null ? theme.alarm : theme.glyph(sign);
    const object = fitCells(
      shown(theme, event.object === "" ? "-" : event.object),
      objectCells,
      "left",
      theme.ellipsis,
    );
    const kind = wide ? `${fitCells(shown(theme, event.kind), 15, "left", theme.ellipsis)}  ` : "";
    const level = theme.paint(tone, `${glyph} ${word}`);
    const prefix = `${clockText(event.wallMs, model.offsetMinutes)}  ${level}  ${kind}${object}  `;
    return prefix + truncateCells(shown(theme, event.text), width - paintedWidth(prefix), theme.ellipsis);
  });
}
