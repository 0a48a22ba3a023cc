/** Everything at a glance: traffic, limits, frontends, backends, addresses, the last events. */
import { formatAge, formatCount, formatRate } from "../../src/lib/humanize.ts";
import type { Column } from "../../src/lib/text-table.ts";
import { list, placeText } from "../components/list.ts";
import { beside, panel, PANEL_COLUMNS, PANEL_ROWS } from "../components/panel.ts";
import { bar, sparkline } from "../components/sparkline.ts";
import { fitCells } from "../../src/lib/display-width.ts";
import { formatMbit, formatMs } from "../figures.ts";
import { peak, type TotalSeries } from "../history.ts";
import { currentSnapshot, type Model, type OverviewList, shownWindow } from "../model.ts";
import { cursorIndex, rowKeys } from "../rows.ts";
import { shown } from "../text.ts";
import type { Theme } from "../theme.ts";
import { eventLines } from "./events.ts";
import { backendColumns, frontendColumns, vrrpColumns } from "./overview-columns.ts";
import { lvsPanel, lvsPanelRows } from "./lvs.ts";
import type { PaneProps } from "./pane.ts";

const LIMITS_COLUMNS = 48;
const HEAD_ROWS = 1;
/** Label, value, unit and maximum, before the graph. */
const TRAFFIC_TEXT_CELLS = 39;
const EVENTS_ROWS_MIN = 5;

export function overview(props: PaneProps): readonly string[] {
  const { model, theme, width, height } = props;
  const snapshot = currentSnapshot(model);
  if (snapshot === null) return [];
  const trafficRows = (height >= 26 ? trafficLines.length : 4) + PANEL_ROWS;
  const half = Math.floor(width / 2);
  const lvsRows = lvsPanelRows(snapshot.lvs, height - trafficRows);
  const heights = share(height - trafficRows - lvsRows, {
    frontends: Math.max(snapshot.frontends.length, 1) + HEAD_ROWS + PANEL_ROWS,
    pair: Math.max(snapshot.backends.length, snapshot.vrrp.length, 1) + HEAD_ROWS + PANEL_ROWS,
  });
  const lower =
    snapshot.vrrp.length === 0
      ? backendsPanel(props, width, heights.pair)
      : beside(backendsPanel(props, half, heights.pair), vrrpPanel(props, width - half, heights.pair));
  return [
    ...top(model, theme, width, trafficRows),
    ...frontendsPanel(props, heights.frontends),
    ...lower,
    ...lvsPanel(props, lvsRows),
    ...eventsPanel(props, heights.events),
  ];
}

interface Heights {
  readonly frontends: number;
  readonly pair: number;
  readonly events: number;
}

/** Lists get what they ask for and events the rest; when it is short the events go first, then both lists give. */
function share(rows: number, wanted: { readonly frontends: number; readonly pair: number }): Heights {
  const lists = wanted.frontends + wanted.pair;
  if (lists + EVENTS_ROWS_MIN <= rows) return { ...wanted, events: rows - lists };
  if (lists <= rows) return { frontends: wanted.frontends, pair: rows - wanted.frontends, events: 0 };
  const frontends = Math.min(wanted.frontends, Math.max(4, Math.floor(rows * 0.4)));
  return { frontends, pair: rows - frontends, events: 0 };
}

interface TrafficLine {
  readonly label: string;
  readonly unit: string;
  readonly name: TotalSeries;
  readonly format: (value: number | null) => string;
}

/** The first four are what a small screen keeps. */
const trafficLines: readonly TrafficLine[] = [
  { label: "requests", unit: "/s", name: "requests", format: formatRate },
  { label: "out", unit: "Mbit/s", name: "outBits", format: formatMbit },
  { label: "p99", unit: "ms", name: "p99Ms", format: formatMs },
  { label: "5xx", unit: "/s", name: "errors5xx", format: formatRate },
  { label: "new conns", unit: "/s", name: "connections", format: formatRate },
  { label: "in", unit: "Mbit/s", name: "inBits", format: formatMbit },
];

function top(model: Model, theme: Theme, width: number, height: number): readonly string[] {
  const withLimits = width >= 100;
  const trafficWidth = withLimits ? width - LIMITS_COLUMNS : width;
  const chosen = shownWindow(model);
  const lines = trafficLines
    .slice(0, height - PANEL_ROWS)
    .map((line) => trafficLine(model, theme, line, trafficWidth - PANEL_COLUMNS));
  const snapshot = currentSnapshot(model);
  const conns =
    snapshot === null || withLimits
      ? ""
      : `conns ${formatCount(snapshot.limits.connections)} of ${formatCount(snapshot.limits.maxconn)}`;
  const traffic = panel(theme, {
    title: `Traffic  last ${chosen.label}`,
    right: conns === "" ? "t window" : conns,
    lines,
    width: trafficWidth,
    height,
  });
  return withLimits ? beside(traffic, limitsPanel(model, theme, LIMITS_COLUMNS, height)) : traffic;
}

function trafficLine(model: Model, theme: Theme, line: TrafficLine, width: number): string {
  const { total } = model.history;
  const nowMs = currentSnapshot(model)?.wallMs ?? 0;
  const windowMs = shownWindow(model).ms;
  const values = total.series[line.name];
  const highest = peak(total.atMs, values, nowMs, windowMs);
  // A second without requests has no latency: it is kept as 0 for the graph and is no figure.
  const most = line.name === "p99Ms" && highest === 0 ? null : highest;
  const tone = line.name === "errors5xx" && (model.rates.total.errors5xx ?? 0) > 0 ? "warn" : "plain";
  const value = theme.paint(tone, fitCells(line.format(model.rates.total[line.name]), 7, "right"));
  const text = `${fitCells(line.label, 9)} ${value} ${fitCells(line.unit, 6)}  max ${fitCells(line.format(most), 7, "right")}  `;
  const cells = Math.max(0, width - TRAFFIC_TEXT_CELLS);
  return text + sparkline(theme, { atMs: total.atMs, values, nowMs, windowMs, width: cells });
}

function limitsPanel(model: Model, theme: Theme, width: number, height: number): readonly string[] {
  const snapshot = currentSnapshot(model);
  if (snapshot === null) return [];
  const { limits, config, processes } = snapshot;
  const share = limits.maxconn > 0 ? limits.connections / limits.maxconn : 0;
  const tone = share >= 0.9 ? "bad" : share >= 0.75 ? "warn" : "plain";
  const odd = processes.filter((each) => each.state !== "running");
  const restarts = processes.reduce((sum, each) => sum + each.restarts, 0);
  const states = odd.map((each) => `${shown(theme, each.name)} ${each.state}`).join(", ");
  const lines = [
    `conns     [${theme.paint(tone, bar(theme, share, 14))}] ${formatCount(limits.connections)} / ${formatCount(limits.maxconn)}`,
    `processes ${odd.length === 0 ? `${processes.length} running` : theme.paint("warn", states)}`,
    `restarts  ${restarts === 0 ? "none" : theme.paint("warn", String(restarts))}`,
    `config    ${shown(theme, config.hash)}, loaded ${formatAge(snapshot.wallMs - config.loadedWallMs)} ago`,
    `reload    ${config.lastReloadOk ? `${theme.fine} generation ${config.generation}` : theme.paint("bad", "FAILED, the old one runs")}`,
    `file      ${shown(theme, config.path)}`,
  ];
  return panel(theme, { title: "Limits", lines, width, height });
}

function frontendsPanel(props: PaneProps, height: number): readonly string[] {
  const { model, theme, width } = props;
  const rows = currentSnapshot(model)?.frontends ?? [];
  const lines = overviewRows(
    props,
    "overview.frontends",
    frontendColumns(model, theme),
    rows,
    width,
    height,
    "no frontend is configured",
  );
  return framed(props, `Frontends (${rows.length})`, "overview.frontends", lines, width, height);
}

function backendsPanel(props: PaneProps, width: number, height: number): readonly string[] {
  const { model, theme } = props;
  const rows = currentSnapshot(model)?.backends ?? [];
  const lines = overviewRows(
    props,
    "overview.backends",
    backendColumns(model, theme),
    rows,
    width,
    height,
    "no backend is configured",
  );
  return framed(props, `Backends (${rows.length})`, "overview.backends", lines, width, height);
}

function vrrpPanel(props: PaneProps, width: number, height: number): readonly string[] {
  const { model, theme } = props;
  const rows = currentSnapshot(model)?.vrrp ?? [];
  const lines = overviewRows(
    props,
    "overview.vrrp",
    vrrpColumns(theme),
    rows,
    width,
    height,
    "no VRRP instance is configured",
  );
  return framed(props, `VRRP (${rows.length})`, "overview.vrrp", lines, width, height);
}

function overviewRows<Row>(
  { model, theme }: PaneProps,
  name: OverviewList,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
  height: number,
  empty: string,
): readonly string[] {
  const keys = rowKeys(model, name);
  const cursor = model.overviewList === name ? cursorIndex(model.cursors[name], keys, name) : -1;
  return list(theme, { columns, rows, cursor, width: width - PANEL_COLUMNS, height: height - PANEL_ROWS, empty });
}

function framed(
  { model, theme }: PaneProps,
  title: string,
  name: OverviewList,
  lines: readonly string[],
  width: number,
  height: number,
): readonly string[] {
  const keys = rowKeys(model, name);
  const right = placeText(cursorIndex(model.cursors[name], keys, name), keys.length, height - PANEL_ROWS - HEAD_ROWS);
  return panel(theme, { title, right, lines, width, height, focused: model.overviewList === name });
}

function eventsPanel({ model, theme, width }: PaneProps, height: number): readonly string[] {
  if (height < PANEL_ROWS + 1) return [];
  const lines = eventLines(
    model,
    theme,
    model.events.slice(-(height - PANEL_ROWS)).toReversed(),
    width - PANEL_COLUMNS,
  );
  return panel(theme, { title: "Events", right: "newest first   5 all", lines, width, height });
}
