/** Backends and their servers as a tree, the object under the cursor in detail below. */
import type { ServerStatus } from "../../src/admin/api.ts";
import { formatAge, formatCount, formatRate } from "../../src/lib/humanize.ts";
import { backendWord, countServers, serverWord } from "../../src/lib/state-words.ts";
import type { Cell, Column } from "../../src/lib/text-table.ts";
import { displayWidth } from "../../src/lib/display-width.ts";
import { list, placeText } from "../components/list.ts";
import { panel, PANEL_COLUMNS, PANEL_ROWS } from "../components/panel.ts";
import { formatMs } from "../figures.ts";
import { currentSnapshot, type Model } from "../model.ts";
import { NO_RATE } from "../rates.ts";
import { type BackendRow, backendRows, cursorIndex, sortNames } from "../rows.ts";
import { shown } from "../text.ts";
import type { Theme } from "../theme.ts";
import { backendDetail } from "./backend-detail.ts";
import { listState } from "./bars.ts";
import type { PaneProps } from "./pane.ts";

const DETAIL_ROWS_TALL = 9;
const DETAIL_ROWS_SHORT = 7;
/** A name up to this is shown whole, whatever else has to go: servers named by their address differ at the end. */
const NAME_CELLS_MAX = 32;
const ADDRESS_CELLS_MAX = 28;

export function backendsPane({ model, theme, width, height }: PaneProps): readonly string[] {
  const rows = backendRows(model);
  const cursor = cursorIndex(
    model.cursors.backends,
    rows.map((row) => row.key),
    "backends",
  );
  const selected = rows[cursor];
  const small = height >= 26 ? DETAIL_ROWS_TALL : DETAIL_ROWS_SHORT;
  const detailRows = selected === undefined ? 0 : model.zoomed ? height : small;
  const listRows = height - detailRows;
  const detail = selected === undefined ? [] : backendDetail(model, theme, selected, width, detailRows);
  if (listRows <= PANEL_ROWS) return detail;
  const lines = list(theme, {
    columns: columns(model, theme, rows),
    rows,
    cursor,
    width: width - PANEL_COLUMNS,
    height: listRows - PANEL_ROWS,
    isMarked: (row) => model.marked.has(row.key),
    empty: model.filters.backends === "" ? "no backend is configured" : "no server matches the filter; Esc clears it",
  });
  const right = [
    listState(model, theme, sortNames("backends")[model.sortings.backends.order]),
    placeText(cursor, rows.length, listRows - PANEL_ROWS - 1),
  ];
  return [
    ...panel(theme, {
      title: title(model),
      right: right.filter((part) => part !== "").join("   "),
      lines,
      width,
      height: listRows,
      focused: true,
    }),
    ...detail,
  ];
}

function title(model: Model): string {
  const backends = currentSnapshot(model)?.backends ?? [];
  const servers = backends.reduce((sum, backend) => sum + backend.servers.length, 0);
  return `Backends (${backends.length}) and servers (${formatCount(servers)})`;
}

function columns(model: Model, theme: Theme, rows: readonly BackendRow[]): readonly Column<BackendRow>[] {
  const nowMs = currentSnapshot(model)?.wallMs ?? 0;
  const rate = (row: BackendRow) =>
    (row.kind === "backend" ? model.rates.backends.get(row.key) : model.rates.servers.get(row.key)) ?? NO_RATE;
  const ofServer = (row: BackendRow, text: (server: ServerStatus) => string): string =>
    row.kind === "server" ? text(row.server) : "";
  return [
    {
      title: "SERVER",
      cell: (row) => nameCell(theme, row),
      min: widest(rows, (row) => nameCell(theme, row).text, 16, NAME_CELLS_MAX),
      max: NAME_CELLS_MAX,
    },
    {
      title: "ADDRESS",
      cell: (row) => addressText(theme, row),
      min: widest(rows, (row) => addressText(theme, row), 14, ADDRESS_CELLS_MAX),
      max: ADDRESS_CELLS_MAX,
      priority: 4,
    },
    { title: "STATE", cell: stateCell, min: 8 },
    {
      title: "W",
      align: "right",
      min: 3,
      cell: (row) => ofServer(row, (server) => String(server.weight)),
      priority: 6,
    },
    {
      title: "CONNS",
      align: "right",
      min: 6,
      cell: (row) => formatCount(row.kind === "server" ? row.server.sessions : row.backend.sessions),
    },
    {
      title: "QUEUE",
      align: "right",
      min: 5,
      cell: (row) => formatCount(row.kind === "server" ? row.server.queue : row.backend.queue),
      priority: 7,
    },
    { title: "RQ/S", align: "right", min: 5, cell: (row) => formatRate(rate(row).requests), priority: 1 },
    { title: "P50", align: "right", min: 4, cell: (row) => formatMs(rate(row).p50Ms), priority: 9 },
    { title: "P99", align: "right", min: 4, cell: (row) => formatMs(rate(row).p99Ms), priority: 5 },
    { title: "5XX", align: "right", min: 4, cell: (row) => formatRate(rate(row).errors5xx), priority: 8 },
    { title: "CHECK", cell: (row) => checkCell(theme, row), min: 10, max: 30, shrink: true, priority: 2 },
    {
      title: "FOR",
      align: "right",
      min: 3,
      cell: (row) => ofServer(row, (server) => formatAge(nowMs - server.sinceWallMs)),
      priority: 3,
    },
  ];
}

function nameCell(theme: Theme, row: BackendRow): Cell {
  if (row.kind === "backend") {
    const { sign, tone } = backendWord(countServers(row.backend.servers));
    const fold = row.folded ? theme.folded : theme.unfolded;
    return {
      text: `${fold} ${theme.glyph(sign)} ${shown(theme, row.backend.name)}`,
      tone: tone === "plain" ? "strong" : tone,
    };
  }
  const { sign, tone } = serverWord(row.server);
  const backup = row.server.backup ? " (backup)" : "";
  return { text: `  ${theme.glyph(sign)} ${shown(theme, row.server.name)}${backup}`, tone };
}

/** A server without a name of its own is called by its address, which is not said twice. */
function addressText(theme: Theme, row: BackendRow): string {
  if (row.kind === "backend") return `${shown(theme, row.backend.balance)} ${row.backend.mode}`;
  return row.server.address === row.server.name ? "" : shown(theme, row.server.address);
}

/** Over all rows and not only those that are seen, so that scrolling moves no column. */
function widest(rows: readonly BackendRow[], text: (row: BackendRow) => string, min: number, max: number): number {
  return Math.min(
    max,
    rows.reduce((most, row) => Math.max(most, displayWidth(text(row))), min),
  );
}

function stateCell(row: BackendRow): Cell {
  const { word, tone } =
    row.kind === "backend" ? backendWord(countServers(row.backend.servers)) : serverWord(row.server);
  return { text: word, tone };
}

function checkCell(theme: Theme, row: BackendRow): Cell {
  if (row.kind === "backend") return { text: "", tone: "quiet" };
  const { server } = row;
  if (server.check === null) return { text: "-", tone: "quiet" };
  const code = server.checkStatus === "" ? "not yet" : server.checkStatus;
  const info = server.checkInfo === "" ? "" : ` ${server.checkInfo}`;
  const progress = server.progress > 0 ? ` (${server.progress} so far)` : "";
  const text = `${code}${info} ${Math.round(server.checkDurationMs)}ms${progress}`;
  return { text: shown(theme, text), tone: server.health === "down" ? "bad" : "plain" };
}
