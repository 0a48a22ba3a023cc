/** `?`: every key, made from the key table; those of this screen first. */
import { fitCells } from "../../src/lib/display-width.ts";
import { panel, PANEL_COLUMNS, PANEL_ROWS } from "../components/panel.ts";
import { type KeyRow, keyName, keyTable, worksIn } from "../keys.ts";
import type { ViewName } from "../model.ts";
import type { Theme } from "../theme.ts";
import type { PaneProps } from "./pane.ts";

const KEY_CELLS = 14;

export function helpPane({ model, theme, width, height }: PaneProps): readonly string[] {
  const top = model.layer.kind === "help" ? model.layer.top : 0;
  const room = height - PANEL_ROWS;
  const columns = width >= 100 ? 2 : 1;
  const cells = Math.floor((width - PANEL_COLUMNS) / columns);
  const entries = helpEntries(theme, model.view, cells);
  const rows = Math.ceil(entries.length / columns);
  const first = Math.max(0, Math.min(top, rows - room));
  const lines = Array.from({ length: Math.min(room, rows) }, (_, index) =>
    Array.from({ length: columns }, (__, column) => entries[column * rows + first + index] ?? "").join(""),
  );
  const right = rows > room ? "j k scroll   any other key closes" : "any key closes";
  return panel(theme, {
    title: `Keys of ${model.view} and of every screen`,
    right,
    lines,
    width,
    height,
    focused: true,
  });
}

function helpEntries(theme: Theme, view: ViewName, cells: number): readonly string[] {
  const own = keyTable.filter((row) => row.views !== undefined && worksIn(row, view));
  const everywhere = keyTable.filter((row) => row.views === undefined);
  const signs = (["up", "changing", "down", "drain", "maint", "idle"] as const).map((sign) => theme.glyph(sign));
  const words = ["up or master", "changing or partial", "down or fault", "drain", "maintenance", "backup"];
  return [
    ...section(theme, `on ${view}`, own, cells),
    ...section(theme, "everywhere", everywhere, cells),
    theme.paint("strong", fitCells("signs", cells)),
    ...signs.map((sign, index) => fitCells(`  ${fitCells(sign, KEY_CELLS)}${words[index]}`, cells)),
  ];
}

function section(theme: Theme, title: string, rows: readonly KeyRow[], cells: number): readonly string[] {
  if (rows.length === 0) return [];
  const lines = rows.map((row) => {
    const keys = row.keys.map(keyName).join(" ");
    const names = theme.paint("strong", fitCells(keys, KEY_CELLS));
    const changes = row.writes === true ? " *" : "";
    return `  ${names}${fitCells(`${row.help}${changes}`, cells - KEY_CELLS - 2)}`;
  });
  return [
    theme.paint("strong", fitCells(title === "everywhere" ? title : `${title} (* changes something)`, cells)),
    ...lines,
    " ".repeat(cells),
  ];
}
