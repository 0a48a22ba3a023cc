/** What a reload that takes the last virtual server away means for those who are connected. */
import type { Config } from "../config/types.ts";

/**
 * How long connections to real servers may go on, in milliseconds; null: LVS stays, or there was none. The director
 * ends with its work, so that both limits hold: `ipvs.drain_timeout` as it was and `global.hard_stop_after`.
 */
export function lastDrainMs(before: Config, after: Config): number | null {
  if (before.lvs === undefined || before.lvs.virtualServers.length === 0 || after.lvs !== undefined) return null;
  return Math.min(before.lvs.drainTimeoutMs, after.global.hardStopAfterMs);
}
