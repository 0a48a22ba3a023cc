/** Warnings about tracks of what a node can reach: witnesses and routes that cannot do what they are there for. */
import { formatDurationMs } from "../lib/units.ts";
import { downMs } from "../vrrp/timing.ts";
import { isVeto } from "../vrrp/track.ts";
import { WITNESS_INTERVALS } from "../vrrp/witness-track.ts";
import type { IssueSink, Path } from "./schema-issue.ts";
import type { NetworkConfig, TrackConfig, VrrpConfig } from "./types-vrrp.ts";

/** The shortest that `interval` of a witness takes. */
const INTERVAL_MS_MIN = 50;

type Witness = Extract<TrackConfig, { kind: "witness" }>;

/** `instances`: those that follow the tracks, one or the members of a group. `at`: of the table that has the tracks. */
export function lintReach(
  tracks: readonly TrackConfig[],
  instances: readonly VrrpConfig[],
  at: Path,
  sink: IssueSink,
): void {
  for (const [index, track] of tracks.entries()) {
    const place = [...at, "track", index];
    if (track.kind === "route") lintRoute(track.to, track.table, instances, [...place, "route"], sink);
    if (track.kind !== "witness") continue;
    lintOwnAddress(track, instances, [...place, "witness"], sink);
    if (isVeto(track)) lintIsolation(track, instances, place, sink);
  }
}

/**
 * A witness falls silent at the same moment as the master when the cable goes: the fault has to come before the
 * takeover. It comes with the question after three that were not answered.
 */
function lintIsolation(track: Witness, instances: readonly VrrpConfig[], at: Path, sink: IssueSink): void {
  const lostMs = (WITNESS_INTERVALS + 1) * track.intervalMs;
  const downTimes = instances.map((each) => downMs(each.version, each.priority, each.advertIntervalMs));
  const shortestMs = Math.min(...downTimes);
  if (lostMs < shortestMs) return;
  const words = `${formatDurationMs(lostMs)} against ${formatDurationMs(Math.floor(shortestMs))}`;
  const longestMs = Math.ceil(shortestMs / (WITNESS_INTERVALS + 1)) - 1;
  const shorter = longestMs < INTERVAL_MS_MIN ? "" : `interval = "${formatDurationMs(longestMs)}" or less, or `;
  sink.warn([...at, "witness"], `an isolated node takes over before it misses its witness (${words})`, {
    help: `${shorter}a longer advert_interval`,
  });
}

/** It is asked of whoever leads: a master hears itself, and its backup is in fault when it should take over. */
function lintOwnAddress(track: Witness, instances: readonly VrrpConfig[], at: Path, sink: IssueSink): void {
  const owner = instances.find((instance) =>
    [...instance.addresses, ...instance.excludedAddresses].some(({ address }) => address === track.address),
  );
  if (owner === undefined) return;
  sink.error(
    at,
    `"${track.address}" is a virtual address of [vrrp.${owner.name}]: it moves with what it should watch`,
    {
      found: track.address,
      help: "name a machine that is always there, such as the gateway",
    },
  );
}

function lintRoute(
  to: NetworkConfig,
  table: number,
  instances: readonly VrrpConfig[],
  at: Path,
  sink: IssueSink,
): void {
  const setter = instances.find(({ routes = [] }) =>
    routes.some(
      (route) => route.table === table && route.to.address === to.address && route.to.prefixLength === to.prefixLength,
    ),
  );
  if (setter === undefined) return;
  const network = `${to.address}/${to.prefixLength}`;
  sink.warn(
    at,
    `[vrrp.${setter.name}] sets the route to ${network} itself, while it leads: it is never there on a backup`,
  );
}
