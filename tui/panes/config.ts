/** The configuration that runs, secrets masked; to change it, change the file and reload. */
import { firstVisible, placeText } from "../components/list.ts";
import { panel, PANEL_COLUMNS, PANEL_ROWS } from "../components/panel.ts";
import { currentSnapshot } from "../model.ts";
import { configRows, cursorIndex } from "../rows.ts";
import { fitPainted, shown } from "../text.ts";
import { listState } from "./bars.ts";
import type { PaneProps } from "./pane.ts";

export function configPane({ model, theme, width, height }: PaneProps): readonly string[] {
  const snapshot = currentSnapshot(model);
  const rows = configRows(model);
  const room = height - PANEL_ROWS;
  const cursor = cursorIndex(
    model.cursors.config,
    rows.map((row) => row.key),
    "config",
  );
  const first = firstVisible(cursor, rows.length, room);
  const digits = String(model.config?.length ?? 0).length;
  const inner = width - PANEL_COLUMNS;
  const lines = rows.slice(first, first + room).map((row, index) => {
    const line = `${row.key.padStart(digits)}  ${shown(theme, row.line.replaceAll("\t", "  "))}`;
    return first + index === cursor ? theme.inverse(fitPainted(theme, line, inner)) : line;
  });
  const empty = model.config === null ? "asking for it …" : "no line matches the filter; Esc clears it";
  const title =
    snapshot === null
      ? "Configuration"
      : `Running configuration  ${shown(theme, snapshot.config.path)}  ${shown(theme, snapshot.config.hash)}`;
  const right = [listState(model, theme, ""), placeText(cursor, rows.length, room), ":reload"].filter(
    (part) => part !== "",
  );
  return panel(theme, {
    title,
    right: right.join("   "),
    lines: rows.length === 0 ? [theme.paint("quiet", theme.plain(empty))] : lines,
    width,
    height,
    focused: true,
  });
}
