/** Frontends: what listens where, how much passes, and one of them in detail. */
import type { FrontendStatus } from "../../src/admin/api.ts";
import { formatBytes, formatCount, formatRate } from "../../src/lib/humanize.ts";
import type { Column } from "../../src/lib/text-table.ts";
import { list, placeText } from "../components/list.ts";
import { panel, PANEL_COLUMNS, PANEL_ROWS } from "../components/panel.ts";
import { bar } from "../components/sparkline.ts";
import { formatMbit, formatMs, formatPercent } from "../figures.ts";
import type { Model } from "../model.ts";
import { NO_RATE } from "../rates.ts";
import { cursorIndex, frontendRows, sortNames } from "../rows.ts";
import { shown } from "../text.ts";
import type { Theme } from "../theme.ts";
import { listState } from "./bars.ts";
import type { PaneProps } from "./pane.ts";

const DETAIL_ROWS = 8;

export function frontendsPane({ model, theme, width, height }: PaneProps): readonly string[] {
  const rows = frontendRows(model);
  const cursor = cursorIndex(
    model.cursors.frontends,
    rows.map((row) => row.name),
    "frontends",
  );
  const selected = rows[cursor];
  const detailRows = selected === undefined ? 0 : model.zoomed ? height : DETAIL_ROWS;
  const listRows = height - detailRows;
  const detail = selected === undefined ? [] : detailPanel(model, theme, selected, width, detailRows);
  if (listRows <= PANEL_ROWS) return detail;
  const lines = list(theme, {
    columns: columns(model, theme),
    rows,
    cursor,
    width: width - PANEL_COLUMNS,
    height: listRows - PANEL_ROWS,
    empty:
      model.filters.frontends === "" ? "no frontend is configured" : "no frontend matches the filter; Esc clears it",
  });
  const right = [
    listState(model, theme, sortNames("frontends")[model.sortings.frontends.order]),
    placeText(cursor, rows.length, listRows - PANEL_ROWS - 1),
  ];
  const title = `Frontends (${rows.length})`;
  return [
    ...panel(theme, {
      title,
      right: right.filter((part) => part !== "").join("   "),
      lines,
      width,
      height: listRows,
      focused: true,
    }),
    ...detail,
  ];
}

function columns(model: Model, theme: Theme): readonly Column<FrontendStatus>[] {
  const rate = (row: FrontendStatus) => model.rates.frontends.get(row.name) ?? NO_RATE;
  const http = (row: FrontendStatus, text: string): string => (row.mode === "http" ? text : "-");
  return [
    { title: "FRONTEND", cell: (row) => shown(theme, row.name), min: 10, max: 28, shrink: true },
    { title: "BIND", cell: (row) => shown(theme, row.binds.join(" ")), min: 14, max: 44, shrink: true, priority: 3 },
    { title: "MODE", cell: (row) => row.mode, priority: 7 },
    {
      title: "BACKEND",
      cell: (row) => shown(theme, row.defaultBackend ?? "-"),
      min: 8,
      max: 20,
      shrink: true,
      priority: 6,
    },
    { title: "CONNS", align: "right", min: 6, cell: (row) => formatCount(row.connections) },
    { title: "NEW/S", align: "right", min: 6, cell: (row) => formatRate(rate(row).connections), priority: 4 },
    { title: "RQ/S", align: "right", min: 6, cell: (row) => http(row, formatRate(rate(row).requests)), priority: 1 },
    { title: "P50 ms", align: "right", min: 6, cell: (row) => formatMs(rate(row).p50Ms), priority: 8 },
    { title: "P99 ms", align: "right", min: 6, cell: (row) => formatMs(rate(row).p99Ms), priority: 2 },
    { title: "5XX/S", align: "right", min: 5, cell: (row) => http(row, formatRate(rate(row).errors5xx)), priority: 5 },
    { title: "IN Mb/s", align: "right", min: 7, cell: (row) => formatMbit(rate(row).inBits), priority: 9 },
    { title: "OUT Mb/s", align: "right", min: 8, cell: (row) => formatMbit(rate(row).outBits), priority: 8 },
  ];
}

function detailPanel(
  model: Model,
  theme: Theme,
  row: FrontendStatus,
  width: number,
  height: number,
): readonly string[] {
  const share = row.maxconn > 0 ? row.connections / row.maxconn : 0;
  const sum = row.responses.reduce((total, count) => total + count, 0);
  const classes = row.responses.map((count, index) => `${index + 1}xx ${formatPercent(count, sum)}`).join("   ");
  const rate = model.rates.frontends.get(row.name) ?? NO_RATE;
  const lines = [
    `binds      ${shown(theme, row.binds.join("  "))}`,
    `conns      [${bar(theme, share, 20)}] ${formatCount(row.connections)} of maxconn ${formatCount(row.maxconn)}   total ${formatCount(row.connectionsTotal)}`,
    row.mode === "http"
      ? `requests   ${formatCount(row.requestsTotal)} total   ${formatRate(rate.requests)} /s   p50 ${formatMs(rate.p50Ms)} ms   p99 ${formatMs(rate.p99Ms)} ms`
      : "requests   - (tcp)",
    row.mode === "http" ? `answers    ${classes}` : "answers    - (tcp)",
    `refused    ${formatCount(row.deniedRequests)} denied by a rule   ${formatCount(row.badRequests)} malformed`,
    `bytes      in ${formatBytes(row.receivedBytes)}   out ${formatBytes(row.sentBytes)}`,
  ];
  return panel(theme, { title: `frontend ${shown(theme, row.name)}`, right: "z zoom", lines, width, height });
}
