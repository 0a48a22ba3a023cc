/** The columns of `ls lvs` and of the LVS part of `status`: each virtual server, its real servers under it. */
import type { LvsStatus, RealServerStatus, VirtualServerStatus } from "../admin/api.ts";
import { formatAge } from "../lib/humanize.ts";
import { virtualWord } from "../lib/lvs-words.ts";
import { safeText } from "../lib/safe-text.ts";
import { serverWord } from "../lib/state-words.ts";
import type { Cell, Column } from "../lib/text-table.ts";

export interface LvsStatusRow {
  readonly virtual: VirtualServerStatus;
  /** Null: the virtual server itself. */
  readonly real: RealServerStatus | null;
}

export function lvsStatusRows(lvs: LvsStatus | undefined): readonly LvsStatusRow[] {
  return (lvs?.virtualServers ?? []).flatMap((virtual) => [
    { virtual, real: null },
    ...virtual.realServers.map((real) => ({ virtual, real })),
  ]);
}

/** nowMs: the daemon's wall clock at the snapshot, so that ages do not depend on this machine's. */
export function lvsStatusColumns(nowMs: number): readonly Column<LvsStatusRow>[] {
  return [
    {
      title: "VIRTUAL SERVER",
      cell: ({ virtual, real }) =>
        real === null ? { text: safeText(virtual.name), tone: "strong" } : `  ${safeText(real.name)}`,
    },
    {
      title: "SERVICE",
      cell: ({ virtual, real }) => safeText(real === null ? virtual.services.join(", ") : real.address),
      shrink: true,
      min: 12,
      priority: 2,
    },
    { title: "STATE", cell: ({ virtual, real }) => stateOf(virtual, real) },
    {
      title: "HOW",
      cell: ({ virtual, real }) => (real === null ? `${virtual.scheduler} ${virtual.forward}` : ""),
      priority: 4,
    },
    { title: "WEIGHT", align: "right", cell: ({ virtual, real }) => weightOf(virtual, real) },
    { title: "ACTIVE", align: "right", cell: ({ virtual, real }) => String(active(virtual, real)) },
    {
      title: "TOTAL",
      align: "right",
      cell: ({ virtual, real }) => String((real ?? virtual).connectionsTotal),
      priority: 3,
    },
    {
      title: "CHECK",
      cell: ({ real }) => safeText(real?.checkInfo ?? ""),
      shrink: true,
      min: 6,
      priority: 1,
    },
    { title: "FOR", align: "right", cell: ({ virtual, real }) => formatAge(nowMs - (real ?? virtual).sinceWallMs) },
  ];
}

function stateOf(virtual: VirtualServerStatus, real: RealServerStatus | null): Cell {
  const { word, tone } = real === null ? virtualWord(virtual) : serverWord({ ...real, progress: 0 });
  return { text: word, tone };
}

/** Of a virtual server: what lives of what is wanted. Of a real server: in the kernel's table; "-": not in it. */
function weightOf(virtual: VirtualServerStatus, real: RealServerStatus | null): string {
  if (real === null) return `${virtual.weight}/${virtual.quorum}`;
  return real.tableWeight === null ? "-" : String(real.tableWeight);
}

function active(virtual: VirtualServerStatus, real: RealServerStatus | null): number {
  if (real !== null) return real.activeConnections;
  return virtual.realServers.reduce((sum, each) => sum + each.activeConnections, 0);
}
