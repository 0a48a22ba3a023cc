/** An instance as the admin interface shows it, with the reason for its state in words. */
import type { VrrpStatus } from "../admin/api.ts";
import type { MonoMs } from "../lib/time.ts";
import { unreachable } from "../lib/result.ts";
import { addressText, sameAddress } from "../net/address.ts";
import type { BackupState, Instance, MasterState, Rival } from "./instance.ts";
import type { PathName } from "./paths.ts";
import type { InstanceSettings } from "./settings.ts";
import { contribution, effectivePriority, isWell, trackName } from "./track.ts";
import { statusDetails } from "./status-details.ts";
import { recentRefusals, type Refusal, refusalText } from "./refusal.ts";
import { pathStatuses, silence } from "./status-paths.ts";
import { faultText } from "./transition.ts";

export interface HeardPeer {
  readonly path: PathName;
  readonly address: Uint8Array;
  readonly priority: number;
  readonly intervalMs: number;
  readonly heardAt: MonoMs;
}

/** A group has two to five members, with an address on each path; more than this are forged. */
const PEERS_MAX = 16;

/** The list with this one at its head. */
export function withPeer(peers: readonly HeardPeer[], heard: HeardPeer): readonly HeardPeer[] {
  const others = peers.filter((peer) => peer.path !== heard.path || !sameAddress(peer.address, heard.address));
  return [heard, ...others].slice(0, PEERS_MAX);
}

/** What the shell counts. Counters never go back while the instance lives. */
export interface InstanceStats {
  sinceWallMs: number;
  lastAdvertWallMs: number | null;
  /** Every node heard, the latest first, at most PEERS_MAX. */
  peers: readonly HeardPeer[];
  transitions: number;
  advertsSent: number;
  advertsReceived: number;
  /** Over the second path; the others count the main one only. */
  heartbeatSent: number;
  heartbeatReceived: number;
  priorityZeroSent: number;
  priorityZeroReceived: number;
  garpSent: number;
  errors: Record<string, number>;
  /** Senders whose adverts are refused, the latest first. */
  refusals: readonly Refusal[];
  /** Hosts that claim a VIP of ours by ARP, in words. */
  claims?: readonly string[];
}

export function newStats(wallMs: number): InstanceStats {
  return {
    sinceWallMs: wallMs,
    lastAdvertWallMs: null,
    peers: [],
    transitions: 0,
    advertsSent: 0,
    advertsReceived: 0,
    heartbeatSent: 0,
    heartbeatReceived: 0,
    priorityZeroSent: 0,
    priorityZeroReceived: 0,
    garpSent: 0,
    errors: {},
    refusals: [],
  };
}

export function vrrpStatus(
  settings: InstanceSettings,
  instance: Instance,
  stats: InstanceStats,
  now: MonoMs,
): VrrpStatus {
  const { params } = settings;
  const { state, node } = instance;
  const master = state.kind === "backup" ? state.master : null;
  return {
    instance: params.name,
    interface: settings.interfaceName,
    virtualRouterId: settings.virtualRouterId,
    version: params.version,
    state: state.kind,
    priority: ownPriority(settings, instance),
    basePriority: params.basePriority,
    advertIntervalMs: params.advertIntervalMs,
    addresses: settings.vips.map((vip) => vip.text),
    masterAddress: master === null ? null : addressText(master.address),
    masterPriority: master?.priority ?? null,
    lastAdvertWallMs: stats.lastAdvertWallMs,
    sinceWallMs: stats.sinceWallMs,
    transitions: stats.transitions,
    advertsSent: stats.advertsSent,
    advertsReceived: stats.advertsReceived,
    priorityZeroSent: stats.priorityZeroSent,
    priorityZeroReceived: stats.priorityZeroReceived,
    garpSent: stats.garpSent,
    errors: { ...stats.errors },
    tracks: params.tracks.map((track, i) => ({
      name: trackName(track),
      ok: isWell(track, node.readings[i]),
      weight: track.weight,
    })),
    rivals: rivals(settings, state, stats),
    refused: recentRefusals(stats.refusals, now).map(refusalText),
    paths: pathStatuses(settings, instance, stats, now),
    details: statusDetails(settings, instance, stats, now),
    why: why(settings, instance, stats, now),
  };
}

/** Who else acts as master of this virtual router, in words. */
function rivals(settings: InstanceSettings, state: Instance["state"], stats: InstanceStats): readonly string[] {
  if (state.kind !== "master") return [];
  const { rival } = state;
  const heard = rival !== null && rival.heard > 1 ? [`${rivalText(settings, rival)} (priority ${rival.priority})`] : [];
  return [...heard, ...(stats.claims ?? [])];
}

function rivalText({ params }: InstanceSettings, { path, address }: Rival): string {
  return path === "main" ? addressText(address) : `${addressText(address)} over ${params.heartbeatInterface}`;
}

function ownPriority(settings: InstanceSettings, instance: Instance): number {
  return effectivePriority(settings.params.basePriority, settings.params.tracks, instance.node.readings);
}

function why(settings: InstanceSettings, instance: Instance, stats: InstanceStats, now: MonoMs): string {
  const { state } = instance;
  switch (state.kind) {
    case "init":
      return "not started: waiting for the first word about the proxy";
    case "maint":
      return "in maintenance by order; `ballast vrrp resume` ends it";
    case "fault":
      return faultText(state.cause, settings.interfaceName);
    case "backup": {
      const alarm = silence(settings, instance);
      return `${whyBackup(settings, instance, state, now)}${alarm === null ? "" : `; ${alarm}`}`;
    }
    case "master":
      return whyMaster(settings, instance, state, stats, now);
    default:
      return unreachable(state);
  }
}

/** `103 (101 + 2 for proxy)`; only the number when no track changes it. */
function prioritySum(settings: InstanceSettings, instance: Instance): string {
  const { params } = settings;
  const own = ownPriority(settings, instance);
  if (own === params.basePriority) return String(own);
  const parts = params.tracks.flatMap((track, i) => {
    const added = contribution(track, instance.node.readings[i]);
    if (added === "fault" || added === 0) return [];
    return `${added > 0 ? "+" : "−"} ${Math.abs(added)} for ${trackName(track)}`;
  });
  return `${own} (${params.basePriority} ${parts.join(" ")})`;
}

function whyBackup(settings: InstanceSettings, instance: Instance, state: BackupState, now: MonoMs): string {
  const sum = prioritySum(settings, instance);
  const waitMs = Math.max(0, state.downAt - now);
  const seconds = (waitMs / 1000).toFixed(1);
  if (state.resigned) return `the master resigned; taking over with priority ${sum} in ${seconds} s`;
  if (state.master === null) return `no master heard yet; leads with priority ${sum} in ${seconds} s unless one speaks`;
  const other = `${state.master.priority} of ${addressText(state.master.address)}`;
  const own = ownPriority(settings, instance);
  if (state.master.priority > own) return `priority ${sum} against ${other}`;
  if (state.master.priority === own) return `priority ${sum} equals ${other}, which leads already`;
  if (instance.node.yielded)
    return `priority ${sum} against ${other}: handed over by order until \`ballast vrrp resume\``;
  if (!settings.params.preempt) return `priority ${sum} against ${other}: preemption is off`;
  if (state.preemptAt !== null && now < state.preemptAt) {
    return `priority ${sum} against ${other}: preempts after a delay of ${((state.preemptAt - now) / 1000).toFixed(1)} s`;
  }
  return `priority ${sum} against ${other}: taking over in ${seconds} s`;
}

function whyMaster(
  settings: InstanceSettings,
  instance: Instance,
  state: MasterState,
  stats: InstanceStats,
  now: MonoMs,
): string {
  const sum = prioritySum(settings, instance);
  if (state.handOverUntil !== null) return "handing over by order; serving until another node leads";
  if (instance.cause === "owner") return "this node owns the addresses (priority 255)";
  if (state.rival !== null && state.rival.heard > 1) {
    return `priority ${sum} against ${state.rival.priority} of ${rivalText(settings, state.rival)}, which acts as master too`;
  }
  if (instance.cause === "priority-zero") return `priority ${sum}; the last master resigned`;
  const last = stats.peers.find(({ path }) => path === "main") ?? stats.peers[0];
  const [refusal] = recentRefusals(stats.refusals, now);
  if (last === undefined) {
    return refusal === undefined ? `priority ${sum}; no other node heard` : `priority ${sum}; ${refusalText(refusal)}`;
  }
  return `priority ${sum} against ${last.priority} of ${addressText(last.address)}`;
}
