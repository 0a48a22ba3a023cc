/** Method and target → what is asked of the admin socket. The table in `api.ts` is what this file accepts. */
import { err, ok, type Result } from "../lib/result.ts";

export type Route =
  | { readonly kind: "snapshot" }
  | { readonly kind: "config"; readonly defaults: boolean }
  | { readonly kind: "events"; readonly since: number }
  | { readonly kind: "stream"; readonly since: number }
  | { readonly kind: "request" };

export interface RouteError {
  readonly status: 400 | 404 | 405;
  readonly text: string;
  /** For 405: the method that would do. */
  readonly allow?: string;
}

const routes = {
  "/v1/snapshot": { kind: "snapshot", method: "GET", parameters: [] },
  "/v1/config": { kind: "config", method: "GET", parameters: ["defaults"] },
  "/v1/events": { kind: "events", method: "GET", parameters: ["since"] },
  "/v1/events/stream": { kind: "stream", method: "GET", parameters: ["since"] },
  "/v1/request": { kind: "request", method: "POST", parameters: [] },
} as const satisfies Record<string, { kind: Route["kind"]; method: string; parameters: readonly string[] }>;

/** `target` in origin form, as the request line has it. No path or parameter of the API needs percent-encoding. */
export function routeOf(method: string, target: string): Result<Route, RouteError> {
  const cut = target.indexOf("?");
  const path = cut < 0 ? target : target.slice(0, cut);
  const row = Object.entries(routes).find(([known]) => known === path)?.[1];
  if (row === undefined) {
    return err({ status: 404, text: `no ${path} here; there are ${Object.keys(routes).join(", ")}` });
  }
  if (method !== row.method) {
    return err({ status: 405, text: `${path} takes ${row.method}, not ${method}`, allow: row.method });
  }
  const query = parseQuery(path, cut < 0 ? "" : target.slice(cut + 1), row.parameters);
  if (!query.ok) return query;
  switch (row.kind) {
    case "snapshot":
    case "request":
      return ok({ kind: row.kind });
    case "config":
      return defaultsOf(query.value);
    case "events":
    case "stream":
      return sinceOf(row.kind, query.value);
  }
}

type Query = ReadonlyMap<string, string>;

function parseQuery(path: string, query: string, allowed: readonly string[]): Result<Query, RouteError> {
  const found = new Map<string, string>();
  for (const part of query.split("&").filter((text) => text !== "")) {
    const equals = part.indexOf("=");
    const name = equals < 0 ? part : part.slice(0, equals);
    if (!allowed.includes(name)) {
      const wanted = allowed.length === 0 ? "takes no parameter" : `takes ${allowed.join(", ")}`;
      return err({ status: 400, text: `unknown parameter "${name}": ${path} ${wanted}` });
    }
    if (found.has(name)) return err({ status: 400, text: `parameter "${name}" is given twice` });
    found.set(name, equals < 0 ? "" : part.slice(equals + 1));
  }
  return ok(found);
}

function defaultsOf(query: Query): Result<Route, RouteError> {
  const value = query.get("defaults") ?? "0";
  if (value === "0" || value === "1") return ok({ kind: "config", defaults: value === "1" });
  return err({ status: 400, text: `defaults=${value}: wanted 0 or 1` });
}

function sinceOf(kind: "events" | "stream", query: Query): Result<Route, RouteError> {
  const value = query.get("since") ?? "0";
  // Fifteen digits stay below 2^53.
  if (/^[0-9]{1,15}$/.test(value)) return ok({ kind, since: Number(value) });
  return err({ status: 400, text: `since=${value}: wanted the number of an event` });
}
