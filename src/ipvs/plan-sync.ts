/** The connection synchronisation daemon: its roles as they should be, against those that run. */
import type { LvsSyncConfig, LvsTimeoutsConfig } from "../config/types-lvs.ts";
import type { DaemonRole, IpvsCommand, SyncDaemon, Timeouts } from "./model.ts";

/** `isMaster` null: the instance is not known yet, so a running daemon is left as it is. */
export function planSync(
  sync: LvsSyncConfig,
  isMaster: boolean | null,
  running: readonly SyncDaemon[],
): readonly IpvsCommand[] {
  if (sync.follows !== null && isMaster === null) return [];
  const wanted: readonly DaemonRole[] =
    sync.follows === null ? ["master", "backup"] : [isMaster === true ? "master" : "backup"];
  const isRight = (daemon: SyncDaemon): boolean =>
    wanted.includes(daemon.role) && daemon.interface === sync.interface && daemon.syncId === sync.id;
  const stops = running.filter((daemon) => !isRight(daemon));
  const starts = wanted.filter((role) => !running.some((daemon) => daemon.role === role && isRight(daemon)));
  return [
    ...stops.map((daemon): IpvsCommand => ({ kind: "stop_daemon", daemon })),
    ...starts.map((role): IpvsCommand => ({ kind: "start_daemon", daemon: daemonOf(sync, role) })),
  ];
}

function daemonOf(sync: LvsSyncConfig, role: DaemonRole): SyncDaemon {
  return { role, interface: sync.interface, syncId: sync.id, maxBytes: 0, group: null, port: 0, ttl: 0 };
}

/** Null when the kernel has what is wished; wishes of 0 leave a value as it is. */
export function planTimeouts(wished: LvsTimeoutsConfig, kernel: Timeouts): IpvsCommand | null {
  const keys = ["tcpSeconds", "tcpFinSeconds", "udpSeconds"] as const;
  if (keys.every((key) => wished[key] === 0 || wished[key] === kernel[key])) return null;
  return { kind: "set_timeouts", timeouts: wished };
}
