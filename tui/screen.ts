/** The model as lines: bars, the pane of the view, and what lies over it. The only place that knows the whole screen. */
import { unreachable } from "../src/lib/result.ts";
import { currentSnapshot, type Model } from "./model.ts";
import { backendsPane } from "./panes/backends.ts";
import { footer, header, problemBar, tabs } from "./panes/bars.ts";
import { configPane } from "./panes/config.ts";
import { dialogBox, type DialogBox } from "./panes/dialog.ts";
import { eventsPane } from "./panes/events.ts";
import { frontendsPane } from "./panes/frontends.ts";
import { helpPane } from "./panes/help.ts";
import { overview } from "./panes/overview.ts";
import type { PaneProps } from "./panes/pane.ts";
import { vrrpPane } from "./panes/vrrp.ts";
import { fitPainted } from "./text.ts";
import type { Theme } from "./theme.ts";

export const COLUMNS_MIN = 60;
export const ROWS_MIN = 15;

export interface Screen {
  readonly lines: readonly string[];
  readonly dialog: DialogBox | null;
}

export function drawScreen(model: Model, theme: Theme): Screen {
  const { columns, rows } = model.size;
  if (columns < COLUMNS_MIN || rows < ROWS_MIN) return { lines: tooSmall(model, theme), dialog: null };
  const top = [header(model, theme, columns), tabs(model, theme, columns), problemBar(model, theme, columns)];
  const height = rows - top.length - 1;
  const body = drawBody({ model, theme, width: columns, height });
  const filled = Array.from({ length: height }, (_, index) => body[index] ?? "");
  return { lines: [...top, ...filled, footer(model, theme, columns)], dialog: dialogBox(model, theme) };
}

function drawBody(props: PaneProps): readonly string[] {
  const { model } = props;
  if (model.layer.kind === "help") return helpPane(props);
  if (currentSnapshot(model) === null) return [];
  switch (model.view) {
    case "overview":
      return overview(props);
    case "frontends":
      return frontendsPane(props);
    case "backends":
      return backendsPane(props);
    case "vrrp":
      return vrrpPane(props);
    case "events":
      return eventsPane(props);
    case "config":
      return configPane(props);
    default:
      return unreachable(model.view);
  }
}

function tooSmall(model: Model, theme: Theme): readonly string[] {
  const { columns, rows } = model.size;
  const words = [
    `The terminal is ${columns}x${rows}, the TUI needs ${COLUMNS_MIN}x${ROWS_MIN}.`,
    "Make it larger, or q and then: ballast status",
  ];
  return words.slice(0, Math.max(1, rows)).map((line) => fitPainted(theme, theme.plain(line), columns).trimEnd());
}
