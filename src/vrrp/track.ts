/** Tracks: what else has to be well for this node to lead, with keepalived's weight arithmetic (vrrp_track.c). */
import type { TrackConfig } from "../config/types.ts";
import { priority } from "./wire.ts";

/** The name of a track in status and messages. */
export function trackName(track: TrackConfig): string {
  return track.kind === "proxy" ? "proxy" : `interface ${track.name}`;
}

/** The first track with weight 0 that is not well: the instance is in fault for it. Null: none. */
export function failedTrack(tracks: readonly TrackConfig[], well: readonly boolean[]): TrackConfig | null {
  return tracks.find((track, i) => track.weight === 0 && !well[i]) ?? null;
}

/**
 * Base plus contributions, kept within 1–254: a positive weight counts while its track is well, a negative one while
 * it is not. The address owner's 255 never changes.
 */
export function effectivePriority(base: number, tracks: readonly TrackConfig[], well: readonly boolean[]): number {
  if (base === priority.owner) return base;
  let sum = base;
  tracks.forEach((track, i) => {
    if (track.weight > 0 ? well[i] : !well[i]) sum += track.weight;
  });
  return Math.min(254, Math.max(1, sum));
}
