/** Virtual addresses: who holds them, who held them, and why. */
import type { VrrpStatus } from "../../src/admin/api.ts";
import { fitCells } from "../../src/lib/display-width.ts";
import { formatAge, formatCount, formatSpan, plural } from "../../src/lib/humanize.ts";
import { vrrpWord } from "../../src/lib/state-words.ts";
import type { Column } from "../../src/lib/text-table.ts";
import { list, placeText } from "../components/list.ts";
import { panel, PANEL_COLUMNS, PANEL_ROWS } from "../components/panel.ts";
import { currentSnapshot, type Model } from "../model.ts";
import { cursorIndex, sortNames, vrrpRows } from "../rows.ts";
import { shown, wrapWords } from "../text.ts";
import type { Theme } from "../theme.ts";
import { listState } from "./bars.ts";
import { eventLines } from "./events.ts";
import type { PaneProps } from "./pane.ts";
import { timelineLines } from "./vrrp-timeline.ts";

const TIMELINE_ROWS = 5;
const DETAIL_ROWS = 9;
const LABEL_CELLS = 9;
/** A blank line and the two changes that explain most. */
const EVENT_ROWS_MIN = 3;

export function vrrpPane({ model, theme, width, height }: PaneProps): readonly string[] {
  const rows = vrrpRows(model);
  const cursor = cursorIndex(
    model.cursors.vrrp,
    rows.map((row) => row.instance),
    "vrrp",
  );
  const selected = rows[cursor];
  const withTimeline = selected !== undefined && !model.zoomed && height >= 19;
  const timelineRows = withTimeline ? TIMELINE_ROWS : 0;
  const listWanted = rows.length + 1 + PANEL_ROWS;
  const listRows = model.zoomed
    ? 0
    : Math.max(4, Math.min(listWanted, height - timelineRows - (selected === undefined ? 0 : DETAIL_ROWS)));
  const detailRows = selected === undefined ? 0 : height - listRows - timelineRows;
  return [
    ...(listRows > 0 ? listPanel(model, theme, rows, cursor, width, selected === undefined ? height : listRows) : []),
    ...(selected !== undefined && withTimeline
      ? panel(theme, {
          title: `This node and ${shown(theme, selected.instance)}`,
          lines: timelineLines(model, theme, selected, width - PANEL_COLUMNS),
          width,
          height: timelineRows,
        })
      : []),
    ...(selected === undefined ? [] : detailPanel(model, theme, selected, width, detailRows)),
  ];
}

function listPanel(
  model: Model,
  theme: Theme,
  rows: readonly VrrpStatus[],
  cursor: number,
  width: number,
  height: number,
): readonly string[] {
  const empty =
    model.filters.vrrp === "" ? "no VRRP instance is configured" : "no instance matches the filter; Esc clears it";
  const lines = list(theme, {
    columns: columns(model, theme),
    rows,
    cursor,
    width: width - PANEL_COLUMNS,
    height: height - PANEL_ROWS,
    empty,
  });
  const right = [
    listState(model, theme, sortNames("vrrp")[model.sortings.vrrp.order]),
    placeText(cursor, rows.length, height - PANEL_ROWS - 1),
  ];
  return panel(theme, {
    title: `VRRP instances (${rows.length})`,
    right: right.filter((part) => part !== "").join("   "),
    lines,
    width,
    height,
    focused: true,
  });
}

function columns(model: Model, theme: Theme): readonly Column<VrrpStatus>[] {
  const nowMs = currentSnapshot(model)?.wallMs ?? 0;
  return [
    {
      title: "INSTANCE",
      min: 8,
      max: 20,
      shrink: true,
      cell: (row) => ({
        text: `${theme.glyph(vrrpWord(row.state).sign)} ${shown(theme, row.instance)}`,
        tone: vrrpWord(row.state).tone,
      }),
    },
    { title: "STATE", min: 6, cell: (row) => ({ text: vrrpWord(row.state).word, tone: vrrpWord(row.state).tone }) },
    {
      title: "ADDRESS",
      cell: (row) => shown(theme, row.addresses.join(" ")),
      min: 15,
      max: 34,
      shrink: true,
      priority: 2,
    },
    { title: "IFACE", cell: (row) => shown(theme, row.interface), max: 15, priority: 5 },
    { title: "VRID", align: "right", cell: (row) => String(row.virtualRouterId), priority: 6 },
    { title: "VER", align: "right", cell: (row) => String(row.version), priority: 8 },
    { title: "PRIO (base)", align: "right", cell: (row) => `${row.priority} (${row.basePriority})`, priority: 1 },
    { title: "ADVERT", align: "right", cell: (row) => `${(row.advertIntervalMs / 1000).toFixed(2)}s`, priority: 7 },
    { title: "MASTER IS", cell: (row) => shown(theme, masterOf(row)), min: 9, max: 20, shrink: true, priority: 3 },
    { title: "TRACK", cell: (row) => trackCell(theme, row), min: 5, max: 26, shrink: true, priority: 9 },
    { title: "FOR", align: "right", min: 3, cell: (row) => formatAge(nowMs - row.sinceWallMs), priority: 4 },
  ];
}

function masterOf(row: VrrpStatus): string {
  return row.state === "master" ? "this node" : (row.masterAddress ?? "nobody heard");
}

function trackCell(theme: Theme, row: VrrpStatus) {
  const failed = row.tracks.filter((track) => !track.ok).map((track) => track.name);
  if (failed.length > 0) return { text: shown(theme, `failed: ${failed.join(", ")}`), tone: "bad" as const };
  return { text: row.tracks.length === 0 ? "-" : `${row.tracks.length} ok`, tone: "plain" as const };
}

function detailPanel(model: Model, theme: Theme, row: VrrpStatus, width: number, height: number): readonly string[] {
  const nowMs = currentSnapshot(model)?.wallMs ?? 0;
  const inner = width - PANEL_COLUMNS;
  const facts = detailLines(model, theme, row, inner);
  const own = model.events.filter((event) => event.object === row.instance);
  const room = height - PANEL_ROWS - facts.length;
  // How the state comes about, where there is room for it beside the last events.
  const reasons = (row.details ?? []).flatMap((line) =>
    wrapWords(shown(theme, line), Math.max(1, inner - LABEL_CELLS)),
  );
  const reasonRows = room - reasons.length >= EVENT_ROWS_MIN ? reasons.length : 0;
  const details = reasons
    .slice(0, reasonRows)
    .map((line, index) => `${fitCells(index === 0 ? "detail" : "", LABEL_CELLS)}${line}`);
  const left = room - details.length;
  const past = left >= 2 ? ["", ...eventLines(model, theme, own.slice(-(left - 1)).toReversed(), inner)] : [];
  return panel(theme, {
    title: `${shown(theme, row.instance)}  ${vrrpWord(row.state).word} for ${formatSpan(nowMs - row.sinceWallMs)}`,
    right: "z zoom",
    lines: [...facts, ...details, ...past],
    width,
    height,
  });
}

/** One line when there is a second path; none otherwise. */
function pathLines(theme: Theme, row: VrrpStatus): readonly string[] {
  const paths = (row.paths ?? []).map(({ path, interface: name, state }) => {
    const text = shown(theme, `${path === "main" ? "main" : "second"} ${name} ${state}`);
    return state === "up" ? text : theme.paint("bad", text);
  });
  return paths.length === 0 ? [] : [`${fitCells("paths", LABEL_CELLS)}${paths.join("   ")}`];
}

function detailLines(model: Model, theme: Theme, row: VrrpStatus, width: number): readonly string[] {
  const nowMs = currentSnapshot(model)?.wallMs ?? 0;
  const heard =
    row.lastAdvertWallMs === null
      ? "no other master heard"
      : `last advert heard ${((nowMs - row.lastAdvertWallMs) / 1000).toFixed(1)} s ago`;
  const peer =
    row.masterAddress === null
      ? heard
      : `${shown(theme, row.masterAddress)} priority ${row.masterPriority ?? "unknown"}, ${heard}`;
  const errors = Object.entries(row.errors).filter(([, count]) => count > 0);
  const errorText = errors.map(([reason, count]) => `${shown(theme, reason)} ${formatCount(count)}`).join("   ");
  const tracks = row.tracks.map((track) => {
    const text = `${shown(theme, track.name)} ${track.ok ? "ok" : "FAILED"} (${track.weight === 0 ? "fault if down" : `weight ${track.weight}`})`;
    return track.ok ? text : theme.paint("bad", text);
  });
  return [
    ...wrapWords(shown(theme, row.why), Math.max(1, width - LABEL_CELLS)).map(
      (line, index) => `${fitCells(index === 0 ? "why" : "", LABEL_CELLS)}${line}`,
    ),
    ...(row.rivals ?? []).map(
      (rival) => `${fitCells("rival", LABEL_CELLS)}${theme.paint("bad", `${shown(theme, rival)} acts as master too`)}`,
    ),
    `address  ${shown(theme, row.addresses.join("  "))}`,
    `master   ${row.state === "master" ? `this node; ${heard}` : peer}`,
    `adverts  sent ${formatCount(row.advertsSent)}   received ${formatCount(row.advertsReceived)}   priority 0: sent ${row.priorityZeroSent}, received ${row.priorityZeroReceived}${width >= 100 ? `   GARP sent ${formatCount(row.garpSent)}   ${plural(row.transitions, "transition")}` : ""}`,
    `errors   ${errors.length === 0 ? "none" : theme.paint("warn", errorText)}`,
    ...pathLines(theme, row),
    `tracks   ${tracks.length === 0 ? "none" : tracks.join("   ")}`,
  ];
}
