/** What this machine must grant before anything is started; each refusal says what is missing and what to do. */
import type { Config } from "../config/types.ts";
import { currentUid, effectiveCapabilities, hasCapability, type Identity } from "../sys/process.ts";
import { resolveIdentity } from "./identity.ts";
import { roleTable } from "./table.ts";

export type Preflight =
  | { readonly ok: true; readonly drop: { readonly identity: Identity | null } | null }
  | { readonly ok: false; readonly reason: string };

/** The rights that roles will give up, or why this configuration cannot run with the rights at hand. */
export function checkRights(config: Config): Preflight {
  for (const name of roleTable.director.keep(config)) {
    if (hasCapability(name)) continue;
    const object = config.lvs?.virtualServers[0];
    const what = object === undefined ? "ipvs" : `virtual_server.${object.name}`;
    const reason = `${what} needs CAP_${name}: run as root, or under systemd with AmbientCapabilities=`;
    return { ok: false, reason };
  }
  for (const name of ["NET_ADMIN", "NET_RAW"] as const) {
    if (config.vrrp.length === 0 || hasCapability(name)) continue;
    const reason = `vrrp.${config.vrrp[0]!.name} needs CAP_${name}: run as root, or under systemd with AmbientCapabilities=`;
    return { ok: false, reason };
  }
  if (currentUid() !== 0) return { ok: true, drop: effectiveCapabilities() === 0 ? null : { identity: null } };
  const identity = resolveIdentity(config.global.user, config.global.group);
  if (typeof identity === "string") return { ok: false, reason: identity };
  return { ok: true, drop: { identity } };
}
