/** What the operator orders about servers and VRRP instances: checked, put into words (pure). */
import type { Happening, Reply, Request, VrrpStatus } from "../admin/api.ts";
import type { Config } from "../config/types.ts";
import type { ServerState } from "../ipc/messages.ts";
import { vrrpWord } from "../lib/state-words.ts";
import { applyOrder, serverKey, type ServerStates } from "./server-states.ts";

export type ServerRequest = Extract<Request, { op: "server" | "server_weight" }>;
export type LvsRequest = Extract<Request, { op: "lvs" }>;
export type VrrpRequest = Extract<Request, { op: "vrrp" }>;

export type ServerOrder =
  | { readonly done: false; readonly reply: Reply }
  | { readonly done: true; readonly reply: Reply; readonly state: ServerState; readonly happening: Happening };

/** `by`: who ordered it, for the record. */
export function orderServer(servers: ServerStates, request: ServerRequest, by: string, wallMs: number): ServerOrder {
  const { backend, server } = request;
  const object = serverKey(backend, server);
  const change = request.op === "server" ? { admin: request.state } : { weight: request.weight };
  const state = applyOrder(servers, { backend, server, ...change }, wallMs);
  if (!state) return { done: false, reply: { ok: false, kind: "not_found", text: `there is no server ${object}` } };
  const reason = request.op === "server" ? request.reason : "";
  const what = request.op === "server" ? request.state : `weight ${request.weight}`;
  const text = `${object} set to ${what} by ${by}${reason === "" ? "" : `: ${reason}`}`;
  const fields = { by, reason, admin: state.admin, weight: state.weight };
  return {
    done: true,
    reply: { ok: true, text },
    state,
    happening: { level: "notice", kind: "server.admin", object, text, fields },
  };
}

/** Why the order cannot be passed on; null: it can. `statuses`: the last that the vrrp role told. */
export function refuseVrrpOrder(
  config: Config,
  statuses: readonly VrrpStatus[],
  { order, instance }: VrrpRequest,
): Reply | null {
  if (config.vrrp.length === 0) return { ok: false, kind: "refused", text: "no VRRP instance is configured" };
  if (instance !== null && !config.vrrp.some(({ name }) => name === instance)) {
    return { ok: false, kind: "not_found", text: `there is no VRRP instance ${instance}` };
  }
  const text = order === "failover" ? nothingToHandOver(statuses, instance) : null;
  return text === null ? null : { ok: false, kind: "refused", text };
}

/** Why a failover would change nothing here; null when it would, or when nothing is known of the instances yet. */
export function nothingToHandOver(all: readonly VrrpStatus[], instance: string | null): string | null {
  const rows = instance === null ? all : all.filter((row) => row.instance === instance);
  if (rows.length === 0 || rows.some((row) => row.state === "master")) return null;
  const states = rows.map((row) => {
    const master = row.masterAddress === null ? "" : `, ${row.masterAddress} is master`;
    return `${row.instance} is ${vrrpWord(row.state).word}${master}`;
  });
  return `nothing to hand over here: ${states.join("; ")}`;
}

export function vrrpOrderHappening({ order, instance }: VrrpRequest, by: string): Happening {
  const text = `${order} of ${instance ?? "all instances"} ordered by ${by}`;
  return { level: "notice", kind: "vrrp.order", object: instance ?? "", text, fields: { by } };
}

/** Why there is nobody to drain; null: there is. */
export function refuseLvsOrder(config: Config, { virtual, real }: LvsRequest): Reply | null {
  const found = config.lvs?.virtualServers.find(({ name }) => name === virtual);
  if (found === undefined) return { ok: false, kind: "not_found", text: `there is no virtual server ${virtual}` };
  if (found.realServers.some(({ name }) => name === real)) return null;
  return { ok: false, kind: "not_found", text: `virtual server ${virtual} has no real server ${real}` };
}

export function lvsOrderHappening({ virtual, real, state }: LvsRequest, by: string): Happening {
  const object = `${virtual}/${real}`;
  const text = `${object} set to ${state} by ${by}`;
  return { level: "notice", kind: "lvs.order", object, text, fields: { by, state } };
}

/** A verdict that changed a server's health, in words. */
export function healthHappening(before: ServerState, after: ServerState): Happening | null {
  if (before.health === after.health) return null;
  const object = serverKey(after.backend, after.server);
  return {
    level: after.health === "down" ? "warning" : "notice",
    kind: "server.state",
    object,
    text: `${object} is ${after.health.toUpperCase()}: ${after.checkStatus} ${after.checkInfo}`.trim(),
    fields: {
      from: before.health,
      to: after.health,
      check: after.checkStatus,
      duration_ms: after.checkDurationMs,
    },
  };
}

/** A backend that lost its last server, or has one again (haproxy: "backend app has no server available!"). */
export function backendHappening(before: ServerStates, after: ServerStates, backend: string): Happening | null {
  const had = usableServers(before, backend);
  const has = usableServers(after, backend);
  if ((had === 0) === (has === 0)) return null;
  const text = has === 0 ? `backend ${backend} has no server available` : `backend ${backend} has a server again`;
  return {
    level: has === 0 ? "error" : "notice",
    kind: "backend.state",
    object: backend,
    text,
    fields: { servers: has },
  };
}

/** Servers that may get new sessions. */
function usableServers(servers: ServerStates, backend: string): number {
  let count = 0;
  for (const state of servers.values()) {
    const isUsable = state.health !== "down" && state.admin === "ready" && state.weight > 0;
    if (state.backend === backend && isUsable) count++;
  }
  return count;
}
