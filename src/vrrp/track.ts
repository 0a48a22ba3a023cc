/**
 * Tracks: what else has to be well for this node to lead, with keepalived's arithmetic (vrrp_track.c,
 * keepalived.conf(5) track_script, track_process, track_file).
 *
 *   weight   well      not well        reverse
 *     0      –         fault           well and not well change places
 *    > 0     + weight  –               the sign of what is added changes
 *    < 0     –         – |weight|      the same
 *   file     + value × weight; fault when that is −254 or less; weight 0: fault when the value is not 0
 */
import type { TrackConfig } from "../config/types-vrrp.ts";
import { unreachable } from "../lib/result.ts";
import { priority } from "./wire.ts";

/** What a track says: well or not; for a file its number. */
export type TrackReading = boolean | number;

/** keepalived: nothing that is tracked moves the priority further than this. */
const CONTRIBUTION_MAX = 253;

/** linux/rtnetlink.h: RT_TABLE_MAIN, which nobody needs to be told. */
const MAIN_TABLE = 254;

/** The name of a track in status and messages. */
export function trackName(track: TrackConfig): string {
  switch (track.kind) {
    case "proxy":
      return "proxy";
    case "interface":
      return `interface ${track.name}`;
    case "script":
      return `script ${track.script.name}`;
    case "process":
      return `process ${track.name}`;
    case "file":
      return `file ${track.path}`;
    case "route":
      return `route ${track.to.address}/${track.to.prefixLength}${track.table === MAIN_TABLE ? "" : ` of table ${track.table}`}`;
    case "witness":
      return `witness ${track.address}`;
    default:
      return unreachable(track);
  }
}

/** Before anything is known of it. */
export function firstReading(track: TrackConfig): TrackReading {
  return track.kind === "file" ? 0 : false;
}

/** What the track adds to the priority; `fault`: the node must not lead. */
export function contribution(track: TrackConfig, reading: TrackReading): number | "fault" {
  const sign = track.reverse === true ? -1 : 1;
  if (typeof reading === "number") {
    if (track.weight === 0) return (reading !== 0) === (sign === 1) ? "fault" : 0;
    const product = reading * track.weight * sign;
    return product < -CONTRIBUTION_MAX ? "fault" : Math.min(product, CONTRIBUTION_MAX);
  }
  if (track.weight === 0) return reading === (sign === 1) ? 0 : "fault";
  const counts = track.weight > 0 ? reading : !reading;
  return counts ? track.weight * sign : 0;
}

/** A witness without which the node must not lead: it tells an isolated node from one whose master is dead. */
export function isVeto(track: TrackConfig): boolean {
  return track.kind === "witness" && track.weight === 0 && track.reverse !== true;
}

/** Whether people would call it well: what the weight makes of it is another matter. */
export function isWell(track: TrackConfig, reading: TrackReading): boolean {
  if (typeof reading === "number") return contribution(track, reading) !== "fault";
  return reading !== (track.reverse === true);
}

/** The first track that keeps the node from leading. Null: none. */
export function failedTrack(tracks: readonly TrackConfig[], readings: readonly TrackReading[]): TrackConfig | null {
  return tracks.find((track, i) => contribution(track, readings[i]) === "fault") ?? null;
}

/** Base plus contributions, kept within 1–254. The address owner's 255 never changes. */
export function effectivePriority(
  base: number,
  tracks: readonly TrackConfig[],
  readings: readonly TrackReading[],
): number {
  if (base === priority.owner) return base;
  let sum = base;
  tracks.forEach((track, i) => {
    const added = contribution(track, readings[i]);
    // A fault takes the node out of the election: what its priority would be does not matter.
    if (added !== "fault") sum += added;
  });
  return Math.min(254, Math.max(1, sum));
}
