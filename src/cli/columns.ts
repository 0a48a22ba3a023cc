/** The columns of `ls` and `status`: one list per kind of object. */
import type { BackendStatus, FrontendStatus, ServerStatus, VrrpStatus } from "../admin/api.ts";
import { formatAge, formatBytes } from "../lib/humanize.ts";
import { safeText } from "../lib/safe-text.ts";
import { backendWord, countServers, serverWord, vrrpWord } from "../lib/state-words.ts";
import type { Cell, Column } from "../lib/text-table.ts";

/** A server with the backend that it stands in. */
export interface ServerRow {
  readonly backend: string;
  readonly server: ServerStatus;
}

/** Numbers without blanks inside: a pipe splits a row at them. */
function bytesText(bytes: number): string {
  return formatBytes(bytes).replace(" ", "");
}

export function serverRows(backends: readonly BackendStatus[]): readonly ServerRow[] {
  return backends.flatMap((backend) => backend.servers.map((server) => ({ backend: backend.name, server })));
}

export const frontendColumns: readonly Column<FrontendStatus>[] = [
  { title: "FRONTEND", cell: (row) => safeText(row.name) },
  { title: "BIND", cell: (row) => safeText(row.binds.join(", ")), shrink: true, min: 12, priority: 1 },
  { title: "MODE", cell: (row) => row.mode, priority: 4 },
  { title: "BACKEND", cell: (row) => safeText(row.defaultBackend ?? "-"), priority: 2 },
  { title: "CONNS", align: "right", cell: (row) => String(row.connections) },
  { title: "MAX", align: "right", cell: (row) => String(row.maxconn), priority: 5 },
  { title: "REQUESTS", align: "right", cell: (row) => (row.mode === "http" ? String(row.requestsTotal) : "-") },
  { title: "4XX", align: "right", cell: (row) => String(row.responses[3]), priority: 6 },
  { title: "5XX", align: "right", cell: (row) => String(row.responses[4]), priority: 3 },
  { title: "IN", align: "right", cell: (row) => bytesText(row.receivedBytes), priority: 7 },
  { title: "OUT", align: "right", cell: (row) => bytesText(row.sentBytes), priority: 7 },
];

export const backendColumns: readonly Column<BackendStatus>[] = [
  { title: "BACKEND", cell: (row) => safeText(row.name) },
  { title: "STATE", cell: (row) => backendState(row) },
  { title: "MODE", cell: (row) => row.mode, priority: 4 },
  { title: "BALANCE", cell: (row) => row.balance, priority: 3 },
  { title: "SESSIONS", align: "right", cell: (row) => String(row.sessions) },
  { title: "QUEUE", align: "right", cell: (row) => String(row.queue), priority: 1 },
  { title: "TOTAL", align: "right", cell: (row) => String(row.sessionsTotal), priority: 2 },
  { title: "5XX", align: "right", cell: (row) => String(row.responses[4]), priority: 5 },
  { title: "RETRIES", align: "right", cell: (row) => String(row.retries), priority: 6 },
];

/** nowMs: the daemon's wall clock at the snapshot, so that ages do not depend on this machine's. */
export function serverColumns(nowMs: number): readonly Column<ServerRow>[] {
  return [
    {
      title: "SERVER",
      cell: ({ backend, server }) => safeText(`${backend}/${server.name}${server.backup ? " (backup)" : ""}`),
    },
    { title: "ADDRESS", cell: ({ server }) => safeText(server.address), shrink: true, min: 12, priority: 2 },
    { title: "STATE", cell: ({ server }) => serverState(server) },
    { title: "WEIGHT", align: "right", cell: ({ server }) => String(server.weight), priority: 3 },
    { title: "SESSIONS", align: "right", cell: ({ server }) => String(server.sessions) },
    { title: "QUEUE", align: "right", cell: ({ server }) => String(server.queue), priority: 4 },
    { title: "TOTAL", align: "right", cell: ({ server }) => String(server.sessionsTotal), priority: 5 },
    { title: "CHECK", cell: ({ server }) => safeText(checkText(server)), shrink: true, min: 6, priority: 1 },
    { title: "FOR", align: "right", cell: ({ server }) => formatAge(nowMs - server.sinceWallMs) },
  ];
}

export function vrrpColumns(nowMs: number): readonly Column<VrrpStatus>[] {
  return [
    { title: "INSTANCE", cell: (row) => safeText(row.instance) },
    { title: "STATE", cell: (row) => vrrpState(row) },
    { title: "PRIO", align: "right", cell: (row) => String(row.priority) },
    { title: "ADDRESS", cell: (row) => safeText(row.addresses.join(", ")), shrink: true, min: 12, priority: 2 },
    { title: "IFACE", cell: (row) => safeText(row.interface), priority: 3 },
    { title: "VRID", align: "right", cell: (row) => String(row.virtualRouterId), priority: 4 },
    { title: "VER", align: "right", cell: (row) => String(row.version), priority: 6 },
    { title: "MASTER IS", cell: (row) => safeText(masterText(row)), priority: 1 },
    { title: "FOR", align: "right", cell: (row) => formatAge(nowMs - row.sinceWallMs) },
    { title: "WHY", cell: (row) => safeText(row.why), shrink: true, min: 8, priority: 5 },
  ];
}

export function serverState(server: ServerStatus): Cell {
  const { word, tone } = serverWord(server);
  return { text: word, tone };
}

export function backendState(backend: BackendStatus): Cell {
  const { word, tone } = backendWord(countServers(backend.servers));
  return { text: word, tone };
}

export function vrrpState(instance: VrrpStatus): Cell {
  const { word, tone } = vrrpWord(instance.state);
  return { text: word, tone };
}

/** `L7STS HTTP 503 in 2ms`, as one line. */
export function checkText(server: ServerStatus): string {
  if (server.check === null) return "-";
  const parts = [server.checkStatus, server.checkInfo].filter((part) => part !== "");
  return parts.length === 0 ? "not checked yet" : `${parts.join(" ")} in ${Math.round(server.checkDurationMs)}ms`;
}

export function masterText(instance: VrrpStatus): string {
  if (instance.state === "master") return "this node";
  return instance.masterAddress ?? "nobody heard";
}
