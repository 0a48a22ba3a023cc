/** The listening sockets that a configuration asks for (pure). */
import type { BindConfig } from "../config/types-proxy.ts";
import type { Config } from "../config/types.ts";

export function wantedBinds(config: Config): readonly BindConfig[] {
  return config.frontends.flatMap((frontend) => frontend.binds);
}

export function wantedKeys(config: Config): readonly string[] {
  return wantedBinds(config).map((bind) => bind.key);
}
