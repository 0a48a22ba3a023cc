/** The two paths of an instance that has a second one: whether each can be used, and who was heard there last. */
import type { VrrpPathStatus } from "../admin/api.ts";
import type { MonoMs } from "../lib/time.ts";
import { addressText } from "../net/address.ts";
import type { Instance } from "./instance.ts";
import { type PathName, pathWords } from "./paths.ts";
import { silenceText } from "./silence.ts";
import type { InstanceSettings } from "./settings.ts";
import type { HeardPeer, InstanceStats } from "./status.ts";
import { faultText } from "./transition.ts";

/** Main first; empty: there is only one path. */
export function pathStatuses(
  settings: InstanceSettings,
  instance: Instance,
  stats: InstanceStats,
  now: MonoMs,
): readonly VrrpPathStatus[] {
  const { heartbeat, interfaceName } = settings;
  if (heartbeat === null) return [];
  const { link, heartbeat: second } = instance.node;
  const mainTrouble = link.kind === "up" ? null : faultText({ kind: `interface_${link.kind}` }, interfaceName);
  const secondTrouble = second === null ? "not looked at yet" : second.trouble;
  const status = (path: PathName, trouble: string | null): Pick<VrrpPathStatus, "state" | "text"> => {
    const heard = heardText(stats.peers, path, now);
    if (trouble !== null) return { state: "down", text: `${trouble}; ${heard}` };
    const isSilent = instance.state.kind === "backup" && instance.state.silentPath === path;
    return { state: isSilent ? "silent" : "up", text: heard };
  };
  const { advertsSent, advertsReceived, heartbeatSent, heartbeatReceived } = stats;
  return [
    { path: "main", interface: interfaceName, ...status("main", mainTrouble), advertsSent, advertsReceived },
    {
      path: "heartbeat",
      interface: heartbeat.interfaceName,
      ...status("heartbeat", secondTrouble),
      advertsSent: heartbeatSent,
      advertsReceived: heartbeatReceived,
    },
  ];
}

/** `main path eth0: up, heard 10.0.0.1 (priority 101) 0.4 s ago`. */
export function pathLine({ path, interface: name, state, text }: VrrpPathStatus): string {
  return `${pathWords[path]} ${name}: ${state}, ${text}`;
}

/** The alarm of a backup that hears its master over one path only; null: none. */
export function silence(settings: InstanceSettings, { state }: Instance): string | null {
  if (state.kind !== "backup" || state.silentPath === null || state.master === null) return null;
  return silenceText(state.silentPath, state.master.address, settings.params);
}

function heardText(peers: readonly HeardPeer[], path: PathName, now: MonoMs): string {
  const peer = peers.find((each) => each.path === path);
  if (peer === undefined) return "nobody heard yet";
  const level = peer.priority === 0 ? "its goodbye" : `priority ${peer.priority}`;
  return `heard ${addressText(peer.address)} (${level}) ${((now - peer.heardAt) / 1000).toFixed(1)} s ago`;
}
