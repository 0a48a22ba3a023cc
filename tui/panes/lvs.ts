/** LVS on the overview: virtual servers with their real servers under them. Without a virtual server there is no panel. */
import type { LvsStatus, RealServerStatus, VirtualServerStatus } from "../../src/admin/api.ts";
import { formatCount } from "../../src/lib/humanize.ts";
import { virtualWord } from "../../src/lib/lvs-words.ts";
import { serverWord, type StateWord } from "../../src/lib/state-words.ts";
import type { Column } from "../../src/lib/text-table.ts";
import { list } from "../components/list.ts";
import { panel, PANEL_COLUMNS, PANEL_ROWS } from "../components/panel.ts";
import { currentSnapshot } from "../model.ts";
import { shown } from "../text.ts";
import type { Theme } from "../theme.ts";
import type { PaneProps } from "./pane.ts";

const HEAD_ROWS = 1;
/** Of the rows that lists and events have: the others must stay readable. */
const SHARE_MAX = 0.4;

interface Row {
  readonly virtual: VirtualServerStatus;
  /** Null: the virtual server itself. */
  readonly real: RealServerStatus | null;
}

/** Rows of the screen that the panel takes of those available; 0: there is nothing to show, or no room. */
export function lvsPanelRows(lvs: LvsStatus | undefined, available: number): number {
  const rows = rowsOf(lvs).length;
  const height = Math.min(rows + HEAD_ROWS + PANEL_ROWS, Math.floor(available * SHARE_MAX));
  return rows === 0 || height < HEAD_ROWS + PANEL_ROWS + 1 ? 0 : height;
}

export function lvsPanel({ model, theme, width }: PaneProps, height: number): readonly string[] {
  if (height === 0) return [];
  const lvs = currentSnapshot(model)?.lvs;
  const rows = rowsOf(lvs);
  const room = height - PANEL_ROWS;
  const hidden = rows.length - (room - HEAD_ROWS);
  const lines = list(theme, {
    columns: columns(theme),
    rows,
    cursor: -1,
    width: width - PANEL_COLUMNS,
    height: room,
    empty: "",
  });
  const right = hidden > 0 ? `${hidden} more: ballast ls lvs` : "";
  return panel(theme, { title: `LVS (${lvs?.virtualServers.length ?? 0})`, right, lines, width, height });
}

function rowsOf(lvs: LvsStatus | undefined): readonly Row[] {
  return (lvs?.virtualServers ?? []).flatMap((virtual) => [
    { virtual, real: null },
    ...virtual.realServers.map((real) => ({ virtual, real })),
  ]);
}

function wordOf({ virtual, real }: Row): StateWord {
  return real === null ? virtualWord(virtual) : serverWord({ ...real, progress: 0 });
}

function columns(theme: Theme): readonly Column<Row>[] {
  return [
    {
      title: "VIRTUAL SERVER",
      min: 14,
      max: 30,
      shrink: true,
      cell: (row) => {
        const { sign, tone } = wordOf(row);
        const name = row.real === null ? row.virtual.name : row.real.name;
        return { text: `${row.real === null ? "" : "  "}${theme.glyph(sign)} ${shown(theme, name)}`, tone };
      },
    },
    {
      title: "SERVICE",
      min: 12,
      max: 36,
      shrink: true,
      priority: 3,
      cell: ({ virtual, real }) => shown(theme, real === null ? virtual.services.join(" ") : real.address),
    },
    { title: "STATE", cell: (row) => ({ text: wordOf(row).word, tone: wordOf(row).tone }) },
    {
      title: "HOW",
      priority: 4,
      cell: ({ virtual, real }) => (real === null ? `${virtual.scheduler} ${virtual.forward}` : ""),
    },
    { title: "WEIGHT", align: "right", cell: ({ virtual, real }) => weightText(virtual, real) },
    { title: "ACTIVE", align: "right", priority: 1, cell: ({ virtual, real }) => formatCount(active(virtual, real)) },
    {
      title: "CHECK",
      min: 6,
      max: 40,
      shrink: true,
      priority: 2,
      cell: ({ real }) => shown(theme, real?.checkInfo ?? ""),
    },
  ];
}

/** Of a virtual server what lives of what is wanted, of a real server what the kernel has; "-": not in its table. */
function weightText(virtual: VirtualServerStatus, real: RealServerStatus | null): string {
  if (real === null) return `${virtual.weight}/${virtual.quorum}`;
  return real.tableWeight === null ? "-" : String(real.tableWeight);
}

function active(virtual: VirtualServerStatus, real: RealServerStatus | null): number {
  if (real !== null) return real.activeConnections;
  return virtual.realServers.reduce((sum, each) => sum + each.activeConnections, 0);
}
