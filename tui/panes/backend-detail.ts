/** One server or one backend in detail: its past, its checks, its errors, what happened to it. */
import type { BackendStatus, ServerStatus } from "../../src/admin/api.ts";
import { fitCells } from "../../src/lib/display-width.ts";
import { formatBytes, formatCount, formatRate, formatSpan } from "../../src/lib/humanize.ts";
import { serverWord } from "../../src/lib/state-words.ts";
import { panel, PANEL_COLUMNS, PANEL_ROWS } from "../components/panel.ts";
import { sparkline } from "../components/sparkline.ts";
import { formatMbit, formatMs, formatPercent } from "../figures.ts";
import type { ServerSeries } from "../history.ts";
import { currentSnapshot, type Model, shownWindow } from "../model.ts";
import { NO_RATE } from "../rates.ts";
import type { BackendRow } from "../rows.ts";
import { fitPainted, shown } from "../text.ts";
import type { Theme } from "../theme.ts";
import { eventLines } from "./events.ts";

const LABEL_CELLS = 12;
const VALUE_CELLS = 8;
/** The left part of a narrow detail: label, a short graph, value. */
const NARROW_GRAPH_CELLS = 32;

export function backendDetail(
  model: Model,
  theme: Theme,
  row: BackendRow,
  width: number,
  height: number,
): readonly string[] {
  const inner = width - PANEL_COLUMNS;
  const lines =
    row.kind === "server" ? serverLines(model, theme, row, inner) : totalsOfBackend(model, theme, row.backend);
  const room = height - PANEL_ROWS - lines.length;
  const past = room >= 2 ? ["", ...eventsOf(model, theme, row.key, inner, room - 1)] : [];
  const state = row.kind === "server" ? serverWord(row.server).word : row.backend.balance;
  const right = `last ${shownWindow(model).label}   z zoom`;
  return panel(theme, {
    title: `${shown(theme, row.key)}  ${state}`,
    right,
    lines: [...lines, ...past],
    width,
    height,
  });
}

/** Graphs on the left half, facts on the right; a narrow screen keeps the graphs short and the facts whole. */
function serverLines(
  model: Model,
  theme: Theme,
  row: Extract<BackendRow, { kind: "server" }>,
  width: number,
): readonly string[] {
  const { server, key } = row;
  const rate = model.rates.servers.get(key) ?? NO_RATE;
  const wide = width >= 100;
  const left = wide ? Math.floor(width / 2) - 2 : NARROW_GRAPH_CELLS;
  const graphs = [
    graph(
      model,
      theme,
      key,
      "requests",
      row.backend.mode === "http" ? "requests/s" : "conns/s",
      formatRate(rate.requests),
      left,
    ),
    graph(model, theme, key, "sessions", "sessions", formatCount(server.sessions), left),
    graph(model, theme, key, "p99Ms", "p99 ms", formatMs(rate.p99Ms), left),
  ];
  const facts = serverFacts(model, theme, server, wide);
  const lines = graphs.map((line, index) => `${fitPainted(theme, line, left)}  ${facts[index] ?? ""}`);
  // Whatever has no graph beside it goes over the whole width.
  return [...lines, ...facts.slice(graphs.length)];
}

function serverFacts(model: Model, theme: Theme, server: ServerStatus, wide: boolean): readonly string[] {
  const nowMs = currentSnapshot(model)?.wallMs ?? 0;
  const age = formatSpan(nowMs - server.sinceWallMs);
  const result = `${shown(theme, `${server.checkStatus} ${server.checkInfo}`.trim())} in ${Math.round(server.checkDurationMs)} ms`;
  const asked = wide && server.check !== null ? `${shown(theme, server.check)}  ` : "";
  const check = server.check === null ? "none: always taken as up" : `${asked}${result}`;
  const cap = server.maxconn === null ? "no maxconn" : `maxconn ${formatCount(server.maxconn)}`;
  const sum = server.responses.reduce((total, count) => total + count, 0);
  const classes = server.responses.map((count, index) => `${index + 1}xx ${formatPercent(count, sum)}`).join("  ");
  return [
    `check   ${check}`,
    `state   ${serverWord(server).word} for ${age}   weight ${server.weight}${wide ? `   ${cap}` : ""}`,
    `errors  connect ${formatCount(server.connectErrors)}  answer ${formatCount(server.responseErrors)}  retries ${formatCount(server.retries)}${wide ? `  redispatched ${formatCount(server.redispatches)}` : ""}`,
    `total   ${formatCount(server.sessionsTotal)} sessions   in ${formatBytes(server.receivedBytes)}   out ${formatBytes(server.sentBytes)}   idle connections ${formatCount(server.idleConnections)}`,
    `answers ${sum === 0 ? "-" : classes}`,
  ];
}

function graph(
  model: Model,
  theme: Theme,
  key: string,
  name: ServerSeries,
  label: string,
  value: string,
  width: number,
): string {
  const track = model.history.servers.get(key);
  const cells = Math.max(0, width - LABEL_CELLS - VALUE_CELLS - 1);
  const line =
    track === undefined
      ? " ".repeat(cells)
      : sparkline(theme, {
          atMs: track.atMs,
          values: track.series[name],
          nowMs: currentSnapshot(model)?.wallMs ?? 0,
          windowMs: shownWindow(model).ms,
          width: cells,
        });
  return `${fitCells(label, LABEL_CELLS)}${line} ${fitCells(value, VALUE_CELLS, "right")}`;
}

function totalsOfBackend(model: Model, theme: Theme, backend: BackendStatus): readonly string[] {
  const rate = model.rates.backends.get(backend.name) ?? NO_RATE;
  const sum = backend.responses.reduce((total, count) => total + count, 0);
  const classes = backend.responses.map((count, index) => `${index + 1}xx ${formatPercent(count, sum)}`).join("   ");
  const queue = backend.queue > 0 ? theme.paint("warn", formatCount(backend.queue)) : "0";
  return [
    `now      ${formatRate(rate.requests)} ${backend.mode === "http" ? "requests" : "connections"}/s   p50 ${formatMs(rate.p50Ms)} ms   p99 ${formatMs(rate.p99Ms)} ms   out ${formatMbit(rate.outBits)} Mbit/s`,
    `sessions ${formatCount(backend.sessions)} open   ${queue} queued   ${formatCount(backend.sessionsTotal)} total`,
    `answers  ${sum === 0 ? "-" : classes}`,
    `errors   connect ${formatCount(backend.connectErrors)}   answer ${formatCount(backend.responseErrors)}   retries ${formatCount(backend.retries)}   redispatched ${formatCount(backend.redispatches)}`,
    `bytes    in ${formatBytes(backend.receivedBytes)}   out ${formatBytes(backend.sentBytes)}`,
  ];
}

/** Newest first; a backend's include its servers'. */
function eventsOf(model: Model, theme: Theme, key: string, width: number, room: number): readonly string[] {
  const own = model.events.filter((event) => event.object === key || event.object.startsWith(`${key}/`));
  if (own.length === 0) return [theme.paint("quiet", "no events of this object yet")];
  return eventLines(model, theme, own.slice(-room).toReversed(), width);
}
