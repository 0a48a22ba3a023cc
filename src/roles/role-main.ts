/** What every role process does first: event loop, channel on descriptor 3, heartbeat, then its own work. */
import type { RoleName } from "../ipc/messages.ts";
import { Channel } from "../ipc/shell/channel.ts";
import { unreachable } from "../lib/result.ts";
import { headerWords } from "../stats/layout.ts";
import { openCounters } from "../stats/shell/counters.ts";
import { Loop } from "../sys/loop.ts";
import { roleTable } from "./table.ts";

/** The supervisor ends a role whose count has not changed for two seconds. */
const HEARTBEAT_INTERVAL_MS = 100;

/**
 * A terminal's Ctrl-C and a service manager's stop reach every process of the group: the supervisor alone acts on them,
 * or sessions and VIPs would be dropped before it can order what comes first.
 */
const SUPERVISORS_SIGNALS = ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2"] as const;

export const CHANNEL_DESCRIPTOR = 3;
export const COUNTERS_VARIABLE = "BALLAST_COUNTERS";

/** Runs the role until it is told to stop or the supervisor is gone. Answers the exit code. */
export async function runRole(role: RoleName, index: number): Promise<number> {
  for (const signal of SUPERVISORS_SIGNALS) process.on(signal, () => undefined);
  const loop = new Loop();
  const channel = new Channel(loop, CHANNEL_DESCRIPTOR, role, "supervisor");
  const countersPath = process.env[COUNTERS_VARIABLE];
  if (countersPath) startHeartbeat(loop, countersPath, roleTable[role].heartbeat + index);
  switch (role) {
    case "worker":
      (await import("./worker.ts")).runWorker(channel, loop);
      break;
    case "vrrp":
      (await import("./vrrp.ts")).runVrrpRole(channel, loop);
      break;
    case "director":
      (await import("./director.ts")).runDirector(channel, loop);
      break;
    case "notify":
      (await import("./notify.ts")).runNotify(channel, loop);
      break;
    case "admin":
      (await import("./admin.ts")).runAdmin(channel, loop);
      break;
    default:
      unreachable(role);
  }
  await loop.run();
  return 0;
}

function startHeartbeat(loop: Loop, countersPath: string, slot: number): void {
  const { header } = openCounters(countersPath, false);
  const word = headerWords.heartbeat + slot;
  loop.every(HEARTBEAT_INTERVAL_MS, () => {
    header[word] = (header[word]! + 1) | 0;
  });
}
