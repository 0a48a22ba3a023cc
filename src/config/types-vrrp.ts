/** Configuration of virtual routers. */

export interface VrrpConfig {
  readonly name: string;
  readonly interface: string;
  readonly virtualRouterId: number;
  readonly priority: number;
  readonly version: 2 | 3;
  readonly advertIntervalMs: number;
  readonly initialState: "master" | "backup";
  readonly preempt: boolean;
  readonly preemptDelayMs: number;
  readonly addresses: readonly VipConfig[];
  readonly excludedAddresses: readonly VipConfig[];
  /** v2 only; keepalived's auth_type PASS, at most eight bytes on the wire. */
  readonly authPassword: string | null;
  /** v2 only; absent: pass. */
  readonly authType?: "pass" | "ah";
  readonly unicast: { readonly source: string | null; readonly peers: readonly string[] } | null;
  readonly multicastSource: string | null;
  /** Where adverts go without unicast peers; absent: 224.0.0.18 or ff02::12 (keepalived: vrrp_mcast_group4, …6). */
  readonly multicastGroup?: string;
  readonly garp: GarpConfig;
  readonly tracks: readonly TrackConfig[];
  /** Absent: nothing is run. */
  readonly notify?: NotifyConfig;
  readonly routes?: readonly VirtualRouteConfig[];
  readonly rules?: readonly VirtualRuleConfig[];
  /** The virtual router's own interface and MAC address; absent: addresses go to `interface` (keepalived: use_vmac). */
  readonly vmac?: VmacConfig;
  /** Nothing is sent for this long after the start; absent: 0 (keepalived: vrrp_startup_delay). */
  readonly startupDelayMs?: number;
  /** An interface that came up is not used before this; absent: 0 (keepalived: interface_up_down_delays). */
  readonly interfaceUpDelayMs?: number;
  /** False: packets to the addresses are dropped, neighbour discovery aside; absent: true (keepalived: no_accept). */
  readonly accept?: false;
  /** A second way by which the nodes hear each other's adverts; absent: none. */
  readonly heartbeat?: HeartbeatConfig;
  /** The [vrrp_group] whose members change state together; absent: none. */
  readonly group?: VrrpGroupConfig;
}

/** A route that the node has while it leads (keepalived: virtual_routes). */
export interface VirtualRouteConfig {
  readonly family: 4 | 6;
  readonly kind: "unicast" | "blackhole" | "unreachable" | "prohibit";
  readonly to: NetworkConfig;
  readonly via: string | null;
  readonly dev: string | null;
  /** Preferred source address, usually the VIP. */
  readonly source: string | null;
  readonly metric: number | null;
  readonly table: number;
}

/** A rule that the node has while it leads (keepalived: virtual_rules). */
export interface VirtualRuleConfig {
  readonly family: 4 | 6;
  readonly from: NetworkConfig | null;
  readonly to: NetworkConfig | null;
  readonly incoming: string | null;
  readonly table: number;
  readonly priority: number | null;
}

export interface NetworkConfig {
  readonly address: string;
  readonly prefixLength: number;
}

export interface VmacConfig {
  /** Of the macvlan interface. */
  readonly name: string;
  /** Adverts leave through the real interface, with its MAC address (keepalived: vmac_xmit_base). */
  readonly xmitBase: boolean;
}

/** [vrrp_group.NAME] as each of its members has it (keepalived: vrrp_sync_group). */
/** Adverts go here too, and those that are heard here count. */
export interface HeartbeatConfig {
  readonly interface: string;
  /** null: the interface's first address. */
  readonly source: string | null;
  /** null: the instance's multicast group. */
  readonly peers: readonly string[] | null;
}

export interface VrrpGroupConfig {
  readonly name: string;
  /** Every member follows these beside its own. */
  readonly tracks: readonly TrackConfig[];
  /** Programs on changes of the group as a whole; absent: nothing is run. */
  readonly notify?: NotifyConfig;
}

/** Programs on state changes of an instance (keepalived: notify_master, …, notify). Commands: absolute path, arguments. */
export interface NotifyConfig {
  readonly master: readonly string[] | null;
  readonly backup: readonly string[] | null;
  readonly fault: readonly string[] | null;
  readonly stop: readonly string[] | null;
  /** After the state's own, with four arguments more: INSTANCE, name, state, priority. */
  readonly any: readonly string[] | null;
  /** Named pipe that gets a line for each change (keepalived: vrrp_notify_fifo). */
  readonly fifo: string | null;
  /** null: global.user. */
  readonly user: string | null;
  /** For each program; it is killed with its process group then. */
  readonly timeoutMs: number;
}

export interface VipConfig {
  readonly family: 4 | 6;
  readonly address: string;
  readonly prefixLength: number;
  readonly dev: string | null;
  readonly label: string | null;
  readonly scope: string | null;
  readonly broadcast: string | null;
}

export interface GarpConfig {
  /** Second burst after becoming master (keepalived: garp_master_delay). */
  readonly delayMs: number;
  readonly repeat: number;
  readonly refreshMs: number;
  readonly lowerPriorityRepeat: number;
  /** Second burst after an advert of lower priority; absent: `delayMs` (keepalived: garp_lower_prio_delay). */
  readonly lowerPriorityDelayMs?: number;
  /** Announcements at each refresh; absent: 1 (keepalived: garp_master_refresh_repeat). */
  readonly refreshRepeat?: number;
  /** Between two announcements; absent: none (keepalived: vrrp_garp_interval, vrrp_gna_interval). */
  readonly intervalMs?: number;
}

/**
 * What a virtual router follows, with keepalived's arithmetic: weight 0 means fault while it is not well, another
 * weight moves the priority. `reverse` turns the meaning over.
 */
export type TrackConfig = (
  | { readonly kind: "proxy" }
  | { readonly kind: "interface"; readonly name: string }
  | { readonly kind: "script"; readonly script: VrrpScriptConfig }
  /** At least `quorum` processes of this name run. */
  | { readonly kind: "process"; readonly name: string; readonly quorum: number }
  /** A number in a file, times the weight; weight 0: fault while it is not zero. */
  | { readonly kind: "file"; readonly path: string }
  /**
   * A routing table has a route to exactly this network, that leads somewhere: of those whose link is up the one with the
   * lowest metric is no blackhole and the like.
   */
  | { readonly kind: "route"; readonly to: NetworkConfig; readonly table: number }
  /**
   * Another machine answers echo requests; silent for three intervals it is lost. Routing decides which way they go: it
   * should be one on the network that the VIPs are for. With weight 0 an isolated node does not take over and an isolated
   * master gives up, and when the witness itself dies nobody leads; with a negative weight its death moves nothing.
   */
  | { readonly kind: "witness"; readonly address: string; readonly intervalMs: number }
) & { readonly weight: number; readonly reverse?: boolean };

/** [vrrp_script.NAME] (keepalived: vrrp_script). */
export interface VrrpScriptConfig {
  readonly name: string;
  /** Absolute path and arguments; no shell. */
  readonly command: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
  /** null: the daemon's own `user`. */
  readonly user: string | null;
  /** Counts as failed until it has succeeded `rise` times; otherwise its first result decides. */
  readonly initFail: boolean;
}
