/** What each role is told of the configuration: its own slice and nothing more (pure). */
import { unreachable } from "../lib/result.ts";
import { maskConfig } from "../config/mask.ts";
import type { Config } from "../config/types.ts";
import type { Assignment, RoleName, ServerState, TlsMaterial } from "../ipc/messages.ts";
import { wantedKeys } from "./wanted.ts";

export interface Running {
  readonly generation: number;
  readonly config: Config;
  readonly objects: Readonly<Record<string, number>>;
  readonly tls: Readonly<Record<string, readonly TlsMaterial[]>>;
  readonly counters: string;
  /** The file's text, secrets masked: for `show config`. */
  readonly configText: string;
}

export const ADMIN_LISTENER = "admin";

/** Keys and passwords leave the supervisor only towards the role that uses them. */
export function assignmentFor(
  role: RoleName,
  index: number,
  running: Running,
  servers: readonly ServerState[],
): Assignment {
  const { generation, objects, counters } = running;
  const { alerts, lvs, realserver: _realserver, ...config } = running.config;
  const base = { generation, index, objects, counters, listeners: [], tls: {}, servers };
  switch (role) {
    case "worker":
      return { ...base, config: { ...config, vrrp: [] }, listeners: wantedKeys(config), tls: running.tls };
    case "vrrp":
      return { ...base, config: { ...config, frontends: [], backends: [] }, objects: {}, servers: [] };
    case "director":
      return {
        ...base,
        config: { ...config, frontends: [], vrrp: [], ...(lvs === undefined ? {} : { lvs }) },
        objects: {},
      };
    case "notify": {
      const own = { ...config, frontends: [], backends: [], vrrp: [], ...(alerts === undefined ? {} : { alerts }) };
      return { ...base, config: own, objects: {}, servers: [] };
    }
    case "admin":
      return {
        ...base,
        config: maskConfig(running.config),
        listeners: [ADMIN_LISTENER],
        configText: running.configText,
      };
    default:
      return unreachable(role);
  }
}
