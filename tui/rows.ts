/** Which rows a list shows, in which order: filter, sort, fold. Pure. */
import type { BackendStatus, BallastEvent, FrontendStatus, ServerStatus, VrrpStatus } from "../src/admin/api.ts";
import { countServers, isActive, serverWord, vrrpWord } from "../src/lib/state-words.ts";
import { unreachable } from "../src/lib/result.ts";
import { compileFilter } from "./filter.ts";
import { activeList, type Cursor, currentSnapshot, type ListName, type Model } from "./model.ts";
import { NO_RATE, serverKey } from "./rates.ts";

export type BackendRow =
  | { readonly kind: "backend"; readonly key: string; readonly backend: BackendStatus; readonly folded: boolean }
  | { readonly kind: "server"; readonly key: string; readonly backend: BackendStatus; readonly server: ServerStatus };

interface SortOrder<Row> {
  readonly name: string;
  /** Ascending; null keeps the configuration's order. */
  readonly rank: ((row: Row, model: Model) => number | string) | null;
}

const frontendOrders: readonly SortOrder<FrontendStatus>[] = [
  { name: "config order", rank: null },
  { name: "name", rank: (row) => row.name },
  { name: "connections", rank: (row) => -row.connections },
  { name: "requests/s", rank: (row, model) => -(model.rates.frontends.get(row.name)?.requests ?? 0) },
  { name: "5xx", rank: (row) => -row.responses[4] },
];

const backendOrders: readonly SortOrder<BackendStatus>[] = [
  { name: "config order", rank: null },
  { name: "name", rank: (row) => row.name },
  { name: "worst first", rank: (row) => servingShare(row) },
  { name: "sessions", rank: (row) => -row.sessions },
  { name: "requests/s", rank: (row, model) => -(model.rates.backends.get(row.name)?.requests ?? 0) },
];

const serverOrders: readonly SortOrder<{ readonly backend: string; readonly server: ServerStatus }>[] = [
  { name: "config order", rank: null },
  { name: "name", rank: (row) => row.server.name },
  { name: "worst first", rank: (row) => (isActive(row.server) ? 1 : 0) },
  { name: "sessions", rank: (row) => -row.server.sessions },
  {
    name: "requests/s",
    rank: (row, model) =>
      -((model.rates.servers.get(serverKey(row.backend, row.server.name)) ?? NO_RATE).requests ?? 0),
  },
];

const vrrpOrders: readonly SortOrder<VrrpStatus>[] = [
  { name: "config order", rank: null },
  { name: "name", rank: (row) => row.instance },
  { name: "state", rank: (row) => vrrpWord(row.state).word },
  { name: "last change", rank: (row) => -row.sinceWallMs },
];

/** What `s` steps through in a list. */
export function sortNames(list: ListName): readonly string[] {
  switch (list) {
    case "frontends":
      return frontendOrders.map((order) => order.name);
    case "backends":
      return backendOrders.map((order) => order.name);
    case "vrrp":
      return vrrpOrders.map((order) => order.name);
    case "events":
    case "config":
    case "overview.frontends":
    case "overview.backends":
    case "overview.vrrp":
      return [];
    default:
      return unreachable(list);
  }
}

export function frontendRows(model: Model): readonly FrontendStatus[] {
  const accepts = compileFilter(model.filters.frontends);
  const all = currentSnapshot(model)?.frontends ?? [];
  const kept = all.filter((row) =>
    accepts(`${row.name} ${row.mode} ${row.binds.join(" ")} ${row.defaultBackend ?? ""}`),
  );
  return sorted(kept, frontendOrders, model, "frontends");
}

/** Backends with their servers below. A filter that meets a backend keeps its servers, one that meets a server keeps its backend. */
export function backendRows(model: Model): readonly BackendRow[] {
  const accepts = compileFilter(model.filters.backends);
  const filtering = model.filters.backends !== "";
  const backends = sorted(currentSnapshot(model)?.backends ?? [], backendOrders, model, "backends");
  const rows: BackendRow[] = [];
  for (const backend of backends) {
    const whole = accepts(`${backend.name} ${backend.mode} ${backend.balance}`);
    const entries = backend.servers.map((server) => ({ backend: backend.name, server }));
    const inOrder = sorted(entries, serverOrders, model, "backends");
    const kept = inOrder.filter(({ server }) => (filtering && whole) || accepts(subjectOf(backend, server)));
    if (!whole && kept.length === 0) continue;
    const folded = model.folded.has(backend.name) && !filtering;
    rows.push({ kind: "backend", key: backend.name, backend, folded });
    if (folded) continue;
    for (const { server } of kept) {
      rows.push({ kind: "server", key: serverKey(backend.name, server.name), backend, server });
    }
  }
  return rows;
}

export function vrrpRows(model: Model): readonly VrrpStatus[] {
  const accepts = compileFilter(model.filters.vrrp);
  const all = currentSnapshot(model)?.vrrp ?? [];
  const kept = all.filter((row) =>
    accepts(`${row.instance} ${row.interface} ${vrrpWord(row.state).word} ${row.addresses.join(" ")}`),
  );
  return sorted(kept, vrrpOrders, model, "vrrp");
}

/** Newest last, as a log reads. */
export function eventRows(model: Model): readonly BallastEvent[] {
  if (model.filters.events === "") return model.events;
  const accepts = compileFilter(model.filters.events);
  return model.events.filter((row) => accepts(`${row.level} ${row.source} ${row.kind} ${row.object} ${row.text}`));
}

/** Lines of the running configuration, with their place in it. */
export function configRows(model: Model): readonly { readonly key: string; readonly line: string }[] {
  const accepts = compileFilter(model.filters.config);
  return (model.config ?? [])
    .map((line, index) => ({ key: String(index + 1), line }))
    .filter((row) => accepts(row.line));
}

/** The keys of a list's rows in the order of the screen. */
export function rowKeys(model: Model, list: ListName): readonly string[] {
  const snapshot = currentSnapshot(model);
  switch (list) {
    case "frontends":
      return frontendRows(model).map((row) => row.name);
    case "backends":
      return backendRows(model).map((row) => row.key);
    case "vrrp":
      return vrrpRows(model).map((row) => row.instance);
    case "events":
      return eventRows(model).map((row) => String(row.id));
    case "config":
      return configRows(model).map((row) => row.key);
    case "overview.frontends":
      return (snapshot?.frontends ?? []).map((row) => row.name);
    case "overview.backends":
      return (snapshot?.backends ?? []).map((row) => row.name);
    case "overview.vrrp":
      return (snapshot?.vrrp ?? []).map((row) => row.instance);
    default:
      return unreachable(list);
  }
}

/** Where the cursor stands: on its row, or where that row was. The events' cursor rests on the newest until it is moved. */
export function cursorIndex(cursor: Cursor, keys: readonly string[], list: ListName): number {
  if (keys.length === 0) return 0;
  if (cursor.key === null) return list === "events" ? keys.length - 1 : 0;
  const found = keys.indexOf(cursor.key);
  return found >= 0 ? found : Math.min(cursor.index, keys.length - 1);
}

/** The key of the row under the cursor of the active list; null when the list is empty. */
export function selectedKey(model: Model): string | null {
  const list = activeList(model);
  const keys = rowKeys(model, list);
  return keys[cursorIndex(model.cursors[list], keys, list)] ?? null;
}

/** Share of servers that serve; orders "worst first". */
function servingShare(backend: BackendStatus): number {
  const count = countServers(backend.servers);
  return count.total === 0 ? 1 : count.onBackup ? 0.01 : count.active / count.total;
}

function subjectOf(backend: BackendStatus, server: ServerStatus): string {
  const { word } = serverWord(server);
  return `${backend.name}/${server.name} ${server.address} ${word} ${server.checkStatus} ${server.checkInfo}`;
}

function sorted<Row>(
  rows: readonly Row[],
  orders: readonly SortOrder<Row>[],
  model: Model,
  list: ListName,
): readonly Row[] {
  const { order, reverse } = model.sortings[list];
  const rank = orders[order]?.rank ?? null;
  const inOrder =
    rank === null
      ? rows
      : rows.toSorted((a, b) => {
          const left = rank(a, model);
          const right = rank(b, model);
          return left < right ? -1 : left > right ? 1 : 0;
        });
  return reverse ? inOrder.toReversed() : inOrder;
}
