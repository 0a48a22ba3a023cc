/**
 * The types of one VRRP instance: what it is told (params), what it knows of this node (node), its state, what can
 * happen to it (events) and what it wants done (effects). The rules are in `machine.ts`.
 */
import type { GarpConfig, TrackConfig } from "../config/types-vrrp.ts";
import { type MonoMs, NEVER } from "../lib/time.ts";
import type { Alone, PathName } from "./paths.ts";
import { effectivePriority, firstReading, type TrackReading } from "./track.ts";

/** What the configuration says, as far as the protocol needs it. */
export interface InstanceParams {
  readonly name: string;
  readonly interfaceName: string;
  readonly version: 2 | 3;
  readonly basePriority: number;
  readonly advertIntervalMs: number;
  /** keepalived `state MASTER`: the first down time is one interval and the skew. */
  readonly startAsMaster: boolean;
  readonly preempt: boolean;
  readonly preemptDelayMs: number;
  readonly garp: GarpConfig;
  readonly tracks: readonly TrackConfig[];
  /** A member of a group: it leads when all members want to, and falls with any of them. */
  readonly grouped: boolean;
  /** Nothing is sent for this long after the start (keepalived vrrp_startup_delay): switches may still be learning. */
  readonly startupDelayMs: number;
  /** An interface that came up counts after this only. */
  readonly linkUpDelayMs: number;
  /** The second path's; absent: there is none. */
  readonly heartbeatInterface?: string;
}

/** The interface as the kernel shows it. */
export type LinkFact =
  | { readonly kind: "missing" }
  | { readonly kind: "down" }
  /** Up, but without an address to send from. */
  | { readonly kind: "no_address" }
  | { readonly kind: "up"; readonly address: Uint8Array };

/** What the kernel refused; the instance tries again later. */
export type Trouble =
  | { readonly kind: "send"; readonly text: string }
  | { readonly kind: "address"; readonly address: string; readonly text: string }
  /** A virtual route or rule, in words. */
  | { readonly kind: "route"; readonly route: string; readonly text: string }
  /** The VIP is on the interface and nobody of ours put it there. */
  | { readonly kind: "foreign_address"; readonly address: string };

/** The second path: whatever is wrong with it, the instance goes on. */
export interface HeartbeatFacts {
  readonly interfaceName: string;
  readonly link: LinkFact;
  /** Adverts in a row that the kernel did not take. */
  readonly refusals: number;
  /** Why it cannot be used, as the operator was told; null: it can. */
  readonly trouble: string | null;
}

export interface NodeFacts {
  readonly link: LinkFact;
  /** Null: there is none, or nothing is known of it yet. */
  readonly heartbeat: HeartbeatFacts | null;
  /** One for each of params.tracks. */
  readonly readings: readonly TrackReading[];
  /** An interface that came up a moment ago is not used before this. */
  readonly linkUsableAt: MonoMs;
  /** The member of the group that is in fault and pulls this one along; null: none. */
  readonly groupFault: string | null;
  /** `ballast vrrp maint`, until `resume`. */
  readonly maintenance: boolean;
  /** `ballast vrrp failover`: this node gave the VIPs away and does not take them back from a living master. */
  readonly yielded: boolean;
}

/** The master that a backup hears. */
export interface Peer {
  readonly address: Uint8Array;
  readonly priority: number;
  /** It lives and ranks lower: what it says does not keep this node back. */
  readonly outranked?: true;
  /** Heard over the second path, with its address there. */
  readonly over?: "heartbeat";
}

/** Another node that acts as master while this one is, and for how many beats of its adverts. */
export interface Rival {
  /** A router speaks from two addresses: it is followed by that of the main path where that is heard. */
  readonly path: PathName;
  readonly address: Uint8Array;
  readonly priority: number;
  readonly heard: number;
  readonly countedAt: MonoMs;
}

export type FaultCause =
  | { readonly kind: "interface_missing" }
  | { readonly kind: "interface_down" }
  | { readonly kind: "interface_no_address" }
  | { readonly kind: "interface_settling" }
  | { readonly kind: "track"; readonly name: string }
  | { readonly kind: "group"; readonly member: string }
  | { readonly kind: "trouble"; readonly trouble: Trouble };

export type TransitionCause =
  | "start"
  | "owner"
  | "master-down-timer"
  | "priority-zero"
  | "higher-priority"
  | "higher-address"
  | "failover-order"
  | "maint-order"
  | "resume-order"
  | "fault"
  | "fault-cleared"
  | "group"
  | "stop";

export interface BackupState {
  readonly kind: "backup";
  /** When the master counts as dead. */
  readonly downAt: MonoMs;
  /** The master resigned: what is running is the skew only. */
  readonly resigned: boolean;
  /** Interval that the master dictates (version 3), else our own. */
  readonly masterIntervalMs: number;
  readonly master: Peer | null;
  /** preempt_delay ends here; null while no lower master has been heard. */
  readonly preemptAt: MonoMs | null;
  /** Its time to lead has come, and it waits for the other members of its group. */
  readonly wantsToLead: boolean;
  readonly alone: Alone | null;
  /** The path over which the master is not heard, though it is over the other: the operator was told. Null: none. */
  readonly silentPath: PathName | null;
}

export interface MasterState {
  readonly kind: "master";
  readonly advertAt: MonoMs;
  /** When the last advert went out: bounds how often a lower one is answered. */
  readonly advertSentAt: MonoMs;
  /** Next burst of gratuitous ARP (second set, or a retry); NEVER: none is due. */
  readonly burstAt: MonoMs;
  /** Next refresh (keepalived garp_master_refresh); NEVER: off. */
  readonly refreshAt: MonoMs;
  readonly burstSentAt: MonoMs;
  /** Adverts in a row that the kernel did not take. */
  readonly sendFailures: number;
  /** It has said goodbye and keeps the VIPs until another node leads, at the latest until then; null: it just leads. */
  readonly handOverUntil: MonoMs | null;
  readonly rival: Rival | null;
  readonly alone: Alone | null;
}

export interface FaultState {
  readonly kind: "fault";
  readonly cause: FaultCause;
  /** When to try again what the kernel refused; NEVER: an event will end it. */
  readonly retryAt: MonoMs;
}

export type InstanceState = InitState | BackupState | MasterState | FaultState | { readonly kind: "maint" };

/** Not started, or in its start-up delay: it begins at `startAt`. */
export interface InitState {
  readonly kind: "init";
  readonly startAt: MonoMs;
}

export interface Instance {
  readonly state: InstanceState;
  readonly node: NodeFacts;
  /** Why it entered this state. */
  readonly cause: TransitionCause;
}

export type Event =
  | { readonly kind: "start" }
  | { readonly kind: "stop" }
  /** An advert that passed the receive checks. */
  | {
      readonly kind: "advert";
      readonly path: PathName;
      readonly source: Uint8Array;
      readonly priority: number;
      readonly intervalMs: number;
    }
  /** A deadline may have come; every advert that had arrived before was handed in first. */
  | { readonly kind: "tick" }
  | { readonly kind: "link"; readonly link: LinkFact }
  /** How the second path stands; null: there is none. `refusal`: why its socket cannot be had. */
  | {
      readonly kind: "heartbeat";
      readonly path: {
        readonly interfaceName: string;
        readonly link: LinkFact;
        readonly refusal: string | null;
      } | null;
    }
  | { readonly kind: "tracks"; readonly readings: readonly TrackReading[] }
  | { readonly kind: "order"; readonly order: "failover" | "maint" | "resume" }
  /** Somebody else removed a VIP. */
  | { readonly kind: "address_lost"; readonly address: string }
  | { readonly kind: "advert_sent"; readonly ok: boolean; readonly text: string }
  /** The same advert over the second path. */
  | { readonly kind: "heartbeat_sent"; readonly ok: boolean; readonly text: string }
  | { readonly kind: "trouble"; readonly trouble: Trouble }
  /** The answer to `check`: what the kernel still refuses; null: nothing that is known before this node leads. */
  | { readonly kind: "checked"; readonly trouble: Trouble | null }
  | { readonly kind: "announce_failed" }
  /** The machine slept (suspended, or a virtual machine that was frozen): the monotonic clock stood still meanwhile. */
  | { readonly kind: "slept"; readonly forMs: number }
  /** This process could not run for a while, and did not ask its witnesses meanwhile. */
  | { readonly kind: "paused" }
  /** Another host's ARP claims a VIP; told at most once in ten seconds. `by`: its MAC address. */
  | { readonly kind: "claimed"; readonly address: string; readonly by: string }
  /** What the group makes of this member: `group.ts`. */
  | { readonly kind: "group_fault"; readonly member: string | null }
  | { readonly kind: "group_lead" }
  | { readonly kind: "group_yield"; readonly member: string }
  /** The parameters changed while running; `step` gets the new ones, here are the old. */
  | { readonly kind: "reconfigure"; readonly before: InstanceParams; readonly readings: readonly TrackReading[] };

export type AdvertEvent = Extract<Event, { kind: "advert" }>;

/** What only matters to an instance that takes part in the protocol. */
export type ProtocolEvent = Extract<
  Event,
  {
    kind:
      | "advert"
      | "tick"
      | "address_lost"
      | "advert_sent"
      | "checked"
      | "announce_failed"
      | "claimed"
      | "slept"
      | "paused"
      | "group_lead"
      | "group_yield";
  }
>;

export type Effect =
  /** Over both paths. */
  | { readonly kind: "send_advert"; readonly priority: number }
  /** Looks whether what the kernel refused is still so, before anybody is told that it is over; answered by `checked`. */
  | { readonly kind: "check" }
  /** All VIPs of the instance; setting one that is there is no error. */
  | { readonly kind: "add_addresses" }
  | { readonly kind: "remove_addresses" }
  /** A burst: `repeat` gratuitous ARPs for each VIP. */
  | { readonly kind: "announce"; readonly repeat: number }
  | {
      readonly kind: "transition";
      readonly from: InstanceState["kind"];
      readonly to: InstanceState["kind"];
      readonly cause: TransitionCause;
      readonly text: string;
    }
  | {
      readonly kind: "notice";
      readonly level: "info" | "notice" | "warning";
      readonly topic:
        | "vrrp.address"
        | "vrrp.heartbeat"
        | "vrrp.split_brain"
        | "vrrp.late"
        | "vrrp.order"
        | "vrrp.preempt"
        | "vrrp.priority"
        | "vrrp.send";
      readonly text: string;
    };

export interface Step {
  readonly instance: Instance;
  /** To be done in this order: it is part of the protocol. */
  readonly effects: readonly Effect[];
}

/** What was ordered of the node; it outlives the instance that was told. */
export type Standing = Pick<NodeFacts, "maintenance" | "yielded">;

const NOTHING_ORDERED: Standing = { maintenance: false, yielded: false };

/** An instance before its first event. Tracks count as not well until something is heard of them. */
export function newInstance(params: InstanceParams, { maintenance, yielded } = NOTHING_ORDERED): Instance {
  return {
    state: { kind: "init", startAt: NEVER },
    node: {
      link: { kind: "missing" },
      heartbeat: null,
      readings: params.tracks.map(firstReading),
      linkUsableAt: 0 as MonoMs,
      groupFault: null,
      maintenance,
      yielded,
    },
    cause: "start",
  };
}

/** A line for the operator. */
export function notice(
  level: "info" | "notice" | "warning",
  topic: Extract<Effect, { kind: "notice" }>["topic"],
  text: string,
): Effect {
  return { kind: "notice", level, topic, text };
}

/** The priority that goes into adverts: base and tracks. */
export function ownPriority(instance: Instance, params: InstanceParams): number {
  return effectivePriority(params.basePriority, params.tracks, instance.node.readings);
}
