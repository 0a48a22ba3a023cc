/**
 * A backup that hears its master over one path only. It stays backup, but somebody has to know: where the main path is
 * silent clients may not reach the VIP, where the second is, nothing is left for the day when the main one breaks.
 */
import type { MonoMs } from "../lib/time.ts";
import { addressText } from "../net/address.ts";
import { isUsable } from "./heartbeat.ts";
import {
  type AdvertEvent,
  type BackupState,
  type Effect,
  type Instance,
  type InstanceParams,
  notice,
  ownPriority,
  type Peer,
} from "./instance.ts";
import { hear, isSilent, otherPath, type PathName, pathWords } from "./paths.ts";
import { downMs } from "./timing.ts";

export interface Listening {
  readonly changes: Pick<BackupState, "alone" | "silentPath">;
  readonly effects: readonly Effect[];
}

/** What an advert of a living master says about both paths. */
export function listen(
  instance: Instance,
  state: BackupState,
  advert: AdvertEvent,
  params: InstanceParams,
  now: MonoMs,
): Listening {
  const forMs = patienceMs(instance, state, params);
  const alone = hear(state.alone, advert.path, forMs, now);
  const quiet = otherPath(advert.path);
  // Of a second path that is broken here nothing is expected, and that has been told.
  const isLost = isUsable(instance.node.heartbeat) && isSilent(alone, quiet, forMs, now);
  const silentPath = isLost ? quiet : state.silentPath === advert.path ? null : state.silentPath;
  if (silentPath === state.silentPath) return { changes: { alone, silentPath }, effects: [] };
  const who = addressText(advert.source);
  const effects: Effect[] = [];
  if (state.silentPath === advert.path)
    effects.push(notice("notice", "vrrp.heartbeat", `${pathWords[advert.path]}: ${who} is heard again`));
  if (silentPath !== null)
    effects.push(notice("warning", "vrrp.heartbeat", silenceText(silentPath, advert.source, params)));
  return { changes: { alone, silentPath }, effects };
}

/** `main path silent: master 10.9.0.1 heard over eth1 only`. */
export function silenceText(silent: PathName, master: Uint8Array, params: InstanceParams): string {
  const heardOver = silent === "main" ? params.heartbeatInterface : params.interfaceName;
  return `${pathWords[silent]} silent: master ${addressText(master)} heard over ${heardOver} only`;
}

/** Who leads, for people: by its address on the main path as long as it is heard there. */
export function heardMaster(
  instance: Instance,
  state: BackupState,
  advert: AdvertEvent,
  params: InstanceParams,
  now: MonoMs,
): Peer {
  const { master, alone } = state;
  if (advert.path === "main") return { address: advert.source.slice(), priority: advert.priority };
  const isKnown = master !== null && master.over === undefined;
  if (isKnown && !isSilent(alone, "main", patienceMs(instance, state, params), now)) {
    return { address: master.address, priority: master.priority };
  }
  return { address: advert.source.slice(), priority: advert.priority, over: "heartbeat" };
}

/** Silence of a path that means something: after as much a master counts as dead. */
function patienceMs(instance: Instance, state: BackupState, params: InstanceParams): number {
  return downMs(params.version, ownPriority(instance, params), state.masterIntervalMs);
}
