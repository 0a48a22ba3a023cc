/** The short columns of the overview's three lists. */
import type { BackendStatus, FrontendStatus, VrrpStatus } from "../../src/admin/api.ts";
import { formatCount, formatRate } from "../../src/lib/humanize.ts";
import { backendWord, countServers, isActive, serverWord, vrrpWord } from "../../src/lib/state-words.ts";
import type { Column } from "../../src/lib/text-table.ts";
import { formatMbit, formatMs } from "../figures.ts";
import type { Model } from "../model.ts";
import { NO_RATE } from "../rates.ts";
import { shown } from "../text.ts";
import type { Theme } from "../theme.ts";

export function frontendColumns(model: Model, theme: Theme): readonly Column<FrontendStatus>[] {
  const rate = (row: FrontendStatus) => model.rates.frontends.get(row.name) ?? NO_RATE;
  return [
    { title: "NAME", cell: (row) => shown(theme, row.name), min: 8, max: 24, shrink: true },
    { title: "BIND", cell: (row) => shown(theme, row.binds.join(" ")), min: 14, max: 40, shrink: true, priority: 3 },
    { title: "MODE", cell: (row) => row.mode, priority: 6 },
    {
      title: "BACKEND",
      cell: (row) => shown(theme, row.defaultBackend ?? "-"),
      min: 8,
      max: 20,
      shrink: true,
      priority: 5,
    },
    { title: "CONNS", align: "right", min: 6, cell: (row) => formatCount(row.connections) },
    {
      title: "RQ/S",
      align: "right",
      min: 6,
      cell: (row) => (row.mode === "http" ? formatRate(rate(row).requests) : "-"),
      priority: 1,
    },
    { title: "P99 ms", align: "right", min: 6, cell: (row) => formatMs(rate(row).p99Ms), priority: 2 },
    {
      title: "5XX/S",
      align: "right",
      min: 5,
      cell: (row) => (row.mode === "http" ? formatRate(rate(row).errors5xx) : "-"),
      priority: 4,
    },
    { title: "OUT Mb/s", align: "right", min: 8, cell: (row) => formatMbit(rate(row).outBits), priority: 7 },
  ];
}

export function backendColumns(model: Model, theme: Theme): readonly Column<BackendStatus>[] {
  const rate = (row: BackendStatus) => model.rates.backends.get(row.name) ?? NO_RATE;
  return [
    {
      title: "BACKEND",
      min: 8,
      max: 20,
      shrink: true,
      cell: (row) => {
        const { sign, tone } = backendWord(countServers(row.servers));
        return { text: `${theme.glyph(sign)} ${shown(theme, row.name)}`, tone };
      },
    },
    {
      title: "STATE",
      cell: (row) => {
        const { word, tone } = backendWord(countServers(row.servers));
        return { text: word, tone };
      },
    },
    { title: "CONNS", align: "right", min: 5, cell: (row) => formatCount(row.sessions), priority: 1 },
    { title: "RQ/S", align: "right", min: 5, cell: (row) => formatRate(rate(row).requests), priority: 2 },
    { title: "WORST", cell: (row) => shown(theme, worstOf(row)), min: 8, max: 24, shrink: true, priority: 3 },
  ];
}

/** The server that needs a look first. */
function worstOf(backend: BackendStatus): string {
  const inactive = backend.servers.filter((server) => !isActive(server));
  const worst = inactive.find((server) => server.health === "down" && server.admin === "ready") ?? inactive[0];
  if (worst === undefined) return "-";
  const reason =
    worst.health === "down" ? ` ${worst.checkStatus} ${worst.checkInfo}`.trimEnd() : ` ${serverWord(worst).word}`;
  return `${worst.name}${reason}`;
}

export function vrrpColumns(theme: Theme): readonly Column<VrrpStatus>[] {
  return [
    {
      title: "INSTANCE",
      min: 8,
      max: 16,
      shrink: true,
      cell: (row) => ({
        text: `${theme.glyph(vrrpWord(row.state).sign)} ${shown(theme, row.instance)}`,
        tone: vrrpWord(row.state).tone,
      }),
    },
    { title: "STATE", cell: (row) => ({ text: vrrpWord(row.state).word, tone: vrrpWord(row.state).tone }) },
    { title: "PRIO", align: "right", cell: (row) => String(row.priority), priority: 1 },
    {
      title: "ADDRESS",
      cell: (row) => shown(theme, row.addresses.join(" ")),
      min: 12,
      max: 20,
      shrink: true,
      priority: 3,
    },
    {
      title: "MASTER IS",
      cell: (row) => (row.state === "master" ? "this node" : shown(theme, row.masterAddress ?? "nobody")),
      priority: 2,
    },
  ];
}
