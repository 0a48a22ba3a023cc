/** The roles: how many processes of each, which rights they keep. The one place where this is decided. */
import type { LvsConfig } from "../config/types-lvs.ts";
import type { Config } from "../config/types.ts";
import type { RoleName } from "../ipc/messages.ts";
import type { Capability } from "../sys/process.ts";

export interface RoleRow {
  /** Processes that this configuration needs. */
  readonly processes: (config: Config) => number;
  readonly keep: (config: Config) => readonly Capability[];
  /** Realtime priority: an advert must never wait for the proxy. */
  readonly realtime: boolean;
  /** Under this configuration one that is still ending makes room at once: the next one goes on with its work. */
  readonly makesRoom?: (config: Config) => boolean;
  /** First heartbeat slot; process i of the role beats in slot + i. */
  readonly heartbeat: number;
}

export const roleTable: { readonly [R in RoleName]: RoleRow } = {
  worker: {
    processes: (config) => (config.frontends.length > 0 ? config.global.workers : 0),
    keep: () => [],
    realtime: false,
    heartbeat: 0,
  },
  vrrp: {
    processes: (config) => (config.vrrp.length > 0 ? 1 : 0),
    keep: () => ["NET_ADMIN", "NET_RAW"],
    realtime: true,
    heartbeat: 100,
  },
  director: {
    processes: (config) => (hasChecks(config) || config.lvs !== undefined ? 1 : 0),
    // The kernel's IPVS table answers to nobody else; without virtual servers there is nothing to have it for.
    keep: (config) => (config.lvs === undefined ? [] : hasPings(config.lvs) ? ["NET_ADMIN", "NET_RAW"] : ["NET_ADMIN"]),
    realtime: false,
    // What drains since the last virtual server was taken away serves again when one comes back.
    makesRoom: (config) => config.lvs !== undefined,
    heartbeat: 101,
  },
  notify: {
    processes: (config) => (config.alerts === undefined ? 0 : 1),
    keep: () => [],
    realtime: false,
    heartbeat: 103,
  },
  admin: { processes: () => 1, keep: () => [], realtime: false, heartbeat: 102 },
};

/** Echo requests need a raw socket. */
export function hasPings({ virtualServers }: LvsConfig): boolean {
  return virtualServers.some(({ realServers }) => realServers.some(({ check }) => check?.probe.kind === "ping"));
}

function hasChecks(config: Config): boolean {
  return config.backends.some((backend) => backend.servers.some((server) => server.check));
}
