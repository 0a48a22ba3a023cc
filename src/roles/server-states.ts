/** What is known of every server: verdicts of the director and orders of the operator in one table (pure). */
import type { Config } from "../config/types.ts";
import type { AdminState, ServerState, Verdict } from "../ipc/messages.ts";

export type ServerStates = ReadonlyMap<string, ServerState>;

export function serverKey(backend: string, server: string): string {
  return `${backend}/${server}`;
}

/**
 * The table for a new configuration: servers that stay keep their health and the operator's orders,
 * new ones begin as HAProxy's do: up until a check says otherwise. A weight set by hand holds until the
 * file's own weight changes.
 */
export function adoptConfig(
  states: ServerStates,
  previous: Config | null,
  config: Config,
  wallMs: number,
): ServerStates {
  const weights = new Map<string, number>();
  for (const backend of previous?.backends ?? []) {
    for (const server of backend.servers) weights.set(serverKey(backend.name, server.name), server.weight);
  }
  const next = new Map<string, ServerState>();
  for (const backend of config.backends) {
    for (const server of backend.servers) {
      const key = serverKey(backend.name, server.name);
      const known = states.get(key);
      const checked = server.check !== null;
      const fresh: ServerState = {
        backend: backend.name,
        server: server.name,
        health: checked ? "up" : "unchecked",
        admin: known?.admin ?? "ready",
        weight: server.weight,
        checkStatus: checked ? "INI" : "",
        checkInfo: checked ? "not checked yet" : "no check",
        checkDurationMs: 0,
        progress: 0,
        sinceWallMs: wallMs,
      };
      const keepsHealth = known && (known.health !== "unchecked") === checked;
      const weight = known && weights.get(key) === server.weight ? known.weight : server.weight;
      next.set(key, keepsHealth ? { ...known, weight } : fresh);
    }
  }
  return next;
}

/** The state after a verdict; null when the server is no longer configured (the verdict crossed a reload). */
export function applyVerdict(states: ServerStates, verdict: Verdict, wallMs: number): ServerState | null {
  const known = states.get(serverKey(verdict.backend, verdict.server));
  if (!known) return null;
  return { ...known, ...verdict, sinceWallMs: known.health === verdict.health ? known.sinceWallMs : wallMs };
}

export function applyOrder(
  states: ServerStates,
  order: { readonly backend: string; readonly server: string; readonly admin?: AdminState; readonly weight?: number },
  wallMs: number,
): ServerState | null {
  const known = states.get(serverKey(order.backend, order.server));
  if (!known) return null;
  const admin = order.admin ?? known.admin;
  const weight = order.weight ?? known.weight;
  return { ...known, admin, weight, sinceWallMs: admin === known.admin ? known.sinceWallMs : wallMs };
}
