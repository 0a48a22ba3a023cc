/** What the director checks under a configuration, and what a new configuration changes about it. */
import type { CheckConfig, SocketAddress } from "../config/types-proxy.ts";
import type { Config } from "../config/types.ts";
import type { ServerState } from "../ipc/messages.ts";
import type { InitialHealth } from "./verdict.ts";

export interface CheckedServer {
  readonly backend: string;
  readonly server: string;
  readonly address: SocketAddress;
  readonly check: CheckConfig;
  readonly connectTimeoutMs: number;
}

export function checkedKey({ backend, server }: Pick<CheckedServer, "backend" | "server">): string {
  return `${backend}/${server}`;
}

/** Every server with a check, in file order. As in HAProxy a connection must stand within the check's own interval. */
export function checkedServers(config: Pick<Config, "backends">): readonly CheckedServer[] {
  return config.backends.flatMap(({ name, servers, timeouts }) =>
    servers.flatMap(({ name: server, address, check }) =>
      check === null
        ? []
        : [
            {
              backend: name,
              server,
              address,
              check,
              connectTimeoutMs: Math.min(timeouts.connectMs, check.intervalMs),
            },
          ],
    ),
  );
}

/** Whether a server goes on with its state and its schedule under the new configuration. */
export function isSameCheck(a: CheckedServer, b: CheckedServer): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What the appliance knew of a server before this process began to check it. */
export function initialHealthOf(state: ServerState | undefined): InitialHealth {
  if (state === undefined || state.checkStatus === "INI" || state.health === "unchecked") return "unknown";
  return state.health;
}
