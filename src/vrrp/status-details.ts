/** `ballast vrrp why` at length: the priority and what makes it, who was heard and when, the timers, and who is next. */
import { unreachable } from "../lib/result.ts";
import type { MonoMs } from "../lib/time.ts";
import { addressText, compareAddresses } from "../net/address.ts";
import { type Instance, ownPriority } from "./instance.ts";
import type { InstanceSettings } from "./settings.ts";
import type { HeardPeer, InstanceStats } from "./status.ts";
import { recentRefusals, refusalText } from "./refusal.ts";
import { pathLine, pathStatuses } from "./status-paths.ts";
import { downMs, skewMs } from "./timing.ts";
import { contribution, isWell, trackName } from "./track.ts";

export function statusDetails(
  settings: InstanceSettings,
  instance: Instance,
  stats: InstanceStats,
  now: MonoMs,
): readonly string[] {
  return [
    ...priorityLines(settings, instance),
    ...pathStatuses(settings, instance, stats, now).map(pathLine),
    ...peerLines(settings, stats, now),
    ...timerLines(settings, instance, now),
    ...nextLines(settings, instance, stats, now),
  ];
}

/** `priority 103: base 101, +2 proxy (well), script chk adds nothing (not well)`. */
function priorityLines(settings: InstanceSettings, instance: Instance): readonly string[] {
  const { params } = settings;
  const parts = params.tracks.map((track, i) => {
    const reading = instance.node.readings[i];
    const added = contribution(track, reading);
    const state = typeof reading === "number" ? `says ${reading}` : isWell(track, reading) ? "well" : "not well";
    const effect = added === "fault" ? "fault" : added === 0 ? "±0" : added > 0 ? `+${added}` : `−${-added}`;
    return `${effect} ${trackName(track)} (${state})`;
  });
  const owner = params.basePriority === 255 ? " (owner of the addresses, tracks do not change it)" : "";
  return [`priority ${ownPriority(instance, params)}${owner}: ${[`base ${params.basePriority}`, ...parts].join(", ")}`];
}

function peerLines({ params }: InstanceSettings, { peers, refusals }: InstanceStats, now: MonoMs): readonly string[] {
  const refused = recentRefusals(refusals, now).map(
    (refusal) => `${refusalText(refusal)}, last ${seconds(now - refusal.heardAt)} ago`,
  );
  if (peers.length === 0 && refused.length === 0) return ["no advert of another node was ever heard"];
  const heard = peers.map((peer) => {
    const ago = seconds(now - peer.heardAt);
    const last = peer.priority === 0 ? "said goodbye" : `priority ${peer.priority} every ${seconds(peer.intervalMs)}`;
    const over = peer.path === "main" ? "" : ` over ${params.heartbeatInterface}`;
    return `heard ${addressText(peer.address)}${over}: ${last}, last ${ago} ago`;
  });
  return [...heard, ...refused];
}

function timerLines(settings: InstanceSettings, instance: Instance, now: MonoMs): readonly string[] {
  const { state } = instance;
  const { params } = settings;
  const inTime = (at: MonoMs): string => seconds(Math.max(0, at - now));
  switch (state.kind) {
    case "init":
      return Number.isFinite(state.startAt) ? [`begins in ${inTime(state.startAt)} (start-up delay)`] : [];
    case "maint":
      return [];
    case "fault":
      return Number.isFinite(state.retryAt) ? [`tries again in ${inTime(state.retryAt)}`] : [];
    case "backup": {
      const own = ownPriority(instance, params);
      const skew = seconds(skewMs(params.version, own, state.masterIntervalMs));
      const lines = [
        `down timer ends in ${inTime(state.downAt)} (3 × ${seconds(state.masterIntervalMs)} + skew ${skew})`,
      ];
      if (state.preemptAt !== null && now < state.preemptAt)
        lines.push(`preempts after ${inTime(state.preemptAt)} more`);
      if (state.wantsToLead) lines.push("its time to lead has come; it waits for the rest of its group");
      return lines;
    }
    case "master":
      return [`next advert in ${inTime(state.advertAt)}, one every ${seconds(params.advertIntervalMs)}`];
    default:
      return unreachable(state);
  }
}

/** Who leads when the master falls silent, as far as this node can know: backups do not speak. */
function nextLines(
  settings: InstanceSettings,
  instance: Instance,
  stats: InstanceStats,
  now: MonoMs,
): readonly string[] {
  const { params } = settings;
  const { state } = instance;
  const own = ownPriority(instance, params);
  if (state.kind === "backup" && state.master !== null) {
    const total = seconds(downMs(params.version, own, state.masterIntervalMs));
    const master = addressText(state.master.address);
    return [`if ${master} falls silent, this node leads after ${total}, unless a better one is there`];
  }
  if (state.kind !== "master") return [];
  const { rival } = state;
  if (rival !== null) return [`if this node fails, ${addressText(rival.address)} leads at once: it acts as master too`];
  const alive = stats.peers.filter((peer) => peer.priority > 0);
  // By its address on the main path, if it was ever heard there.
  const onMain = alive.filter(({ path }) => path === "main");
  const candidates = onMain.length > 0 ? onMain : alive;
  const [best] = candidates.toSorted((a, b) => b.priority - a.priority || compareAddresses(b.address, a.address));
  if (best === undefined) return [unknownNext(stats.peers, now)];
  const skew = seconds(skewMs(params.version, best.priority, params.advertIntervalMs));
  const total = seconds(downMs(params.version, best.priority, params.advertIntervalMs));
  const who = `${addressText(best.address)} (priority ${best.priority} when it was last heard)`;
  return [`if this node stops, ${who} leads after ${skew}; if it is cut off, after ${total}`];
}

/** Nobody with a priority was heard: nobody at all, or goodbyes only. */
function unknownNext(peers: readonly HeardPeer[], now: MonoMs): string {
  if (peers.length === 0) return "if this node fails, a backup that it has never heard leads, or nobody";
  const gone = peers.map((peer) => `${addressText(peer.address)} (${seconds(now - peer.heardAt)} ago)`).join(", ");
  return `if this node fails, a backup leads, or nobody: goodbyes were heard of ${gone}`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(milliseconds < 995 ? 2 : 1)} s`;
}
