/** Rows of [vrrp.NAME]. */
import { ipAddress, ipv4Address, network, virtualAddress } from "./schema-address.ts";
import { notifyTable } from "./schema-notify.ts";
import { row, shorthand, table } from "./schema-table.ts";
import type { Type } from "./schema-type.ts";
import { boolean, booleanOr, choice, duration, integer, list, mismatch, only, text } from "./schema-type.ts";
import { isTable } from "./schema-table.ts";

/** A key that nobody should read: written here, in a file, or in an environment variable. */
export type SecretSource =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "env"; readonly name: string };

export const secret: Type<SecretSource> = {
  words: 'a string, { file = "…" } or { env = "…" }',
  sections: [],
  decode: (value, at, sink) => {
    if (typeof value === "string" && value !== "") return { kind: "text", text: value };
    if (isTable(value) && Object.keys(value).length === 1) {
      if (typeof value.file === "string" && value.file.startsWith("/")) return { kind: "file", path: value.file };
      if (typeof value.env === "string" && value.env !== "") return { kind: "env", name: value.env };
    }
    // Never the value itself: this message is shown and logged.
    const found = typeof value === "string" ? '""' : isTable(value) ? "another table" : typeof value;
    sink.error(at, `must be ${secret.words}, found ${found}`, { wanted: secret.words });
    return undefined;
  },
};

/** IFNAMSIZ of the kernel is 16 with the final zero. */
export const interfaceName: Type<string> = {
  words: "an interface name",
  sections: [],
  decode: (value, at, sink) => {
    const valid = typeof value === "string" && /^[^\s/:\0]{1,15}$/.test(value) && value !== "." && value !== "..";
    return valid ? value : mismatch("an interface name of 1–15 characters", value, at, sink);
  },
};

const label = text("an address label of 1–15 characters", /^[^\s/\0]{1,15}$/);

export const vipRows = {
  address: row(virtualAddress, "address with the length of its network; /32 or /128 without", { required: true }),
  dev: row(interfaceName, "interface that gets it", { defaultWords: "the instance's" }),
  label: row(label, "label, as ip addr shows it"),
  scope: row(choice(["global", "site", "link", "host"]), "scope of the address", { defaultWords: "global" }),
  broadcast: row(ipv4Address, "broadcast address", { was: ["brd"] }),
} as const;

/** One byte of the advert counts the addresses (RFC 9568, section 5.2.5). */
const ADDRESS_COUNT_MAX = 255;
const vips = list(shorthand("vrrp.addresses", "address", vipRows), ADDRESS_COUNT_MAX);

const authRows = {
  type: row(choice(["pass", "ah"]), "in the advert, or in a header of its own", { default: "pass" }),
  password: row(secret, "at most eight bytes; with type pass in clear on the wire", {
    required: true,
    was: ["auth_pass"],
  }),
} as const;

const unicastRows = {
  source: row(ipAddress, "own address", { defaultWords: "the interface's first address", was: ["unicast_src_ip"] }),
  peers: row(list(ipAddress, ADDRESS_COUNT_MAX), "the other routers", { required: true }),
} as const;

const heartbeatRows = {
  interface: row(interfaceName, "another one than the instance's", { required: true }),
  source: row(ipAddress, "own address there", { defaultWords: "the interface's first address" }),
  peers: row(list(ipAddress, ADDRESS_COUNT_MAX), "the other routers' addresses there", { defaultWords: "multicast" }),
} as const;

const hour = 3_600_000;

const garpRows = {
  delay: row(duration(0, hour), "second burst after becoming master", { default: "5s" }),
  repeat: row(integer(0, 100), "announcements per address and burst", { default: 5 }),
  refresh: row(duration(0, 24 * hour), "announce again this often while master; 0s: never", { default: "0s" }),
  refresh_repeat: row(integer(1, 100), "announcements per address at each refresh", { default: 1 }),
  lower_priority_repeat: row(integer(0, 100), "announcements after an advert of lower priority", { default: 5 }),
  lower_priority_delay: row(duration(0, hour), "second burst after that", { defaultWords: "delay" }),
  interval: row(duration(0, 10_000), "between two announcements; 0s: all at once", { default: "0s" }),
} as const;

const absolutePath = text("an absolute path", /^\/[^\0]*$/);

const TABLE_MAX = 4_294_967_295;
const table32 = integer(1, TABLE_MAX);
/** Of the kernel: RT_TABLE_MAIN. */
const MAIN_TABLE = 254;

const routeRows = {
  to: row(network, 'network such as "10.0.0.0/8", "0.0.0.0/0" for everything', { required: true }),
  via: row(ipAddress, "gateway", { was: ["gw"] }),
  dev: row(interfaceName, "interface", { defaultWords: "the gateway's; without a gateway the instance's" }),
  source: row(ipAddress, "preferred source address", { was: ["src"] }),
  metric: row(integer(0, TABLE_MAX), "of several routes the lowest counts"),
  table: row(table32, "routing table", { default: MAIN_TABLE }),
  kind: row(choice(["unicast", "blackhole", "unreachable", "prohibit"]), "what becomes of such packets", {
    default: "unicast",
  }),
} as const;

const ruleRows = {
  from: row(network, "packets from this network"),
  to: row(network, "packets to this network"),
  incoming: row(interfaceName, "packets that come in here", { was: ["iif"] }),
  table: row(table32, "routing table that they use", { required: true }),
  priority: row(integer(1, TABLE_MAX), "of several rules the lowest comes first", { was: ["preference"] }),
} as const;

/** keepalived.conf(5), track_script and track_file: weight, reverse. */
const trackRows = {
  proxy: row(only(true, boolean), "this node's own proxy serves"),
  interface: row(interfaceName, "an interface is up"),
  script: row(text("a name", /^[^\0]+$/), "a [vrrp_script.NAME] succeeds"),
  process: row(text("a process name", /^[^/\0]+$/), "a process of this name runs"),
  quorum: row(integer(1, 1000), "with process: how many of them at least", { defaultWords: "1" }),
  file: row(absolutePath, "a file with a number, which is multiplied by the weight"),
  route: row(network, "a route to exactly this network exists and leads somewhere", { was: ["track_route"] }),
  table: row(table32, "with route: the routing table", { defaultWords: `${MAIN_TABLE}` }),
  witness: row(ipAddress, "another machine, such as the gateway, answers pings"),
  interval: row(duration(50, 60_000), "with witness: between two pings; silent for three of them it is lost", {
    defaultWords: "200ms",
  }),
  weight: row(
    integer(-254, 254),
    "added to the priority (positive: while good, negative: while bad); 0: fault while bad",
    { defaultWords: "0; for a script its own weight, for a file 1" },
  ),
  reverse: row(boolean, "turns good and bad over", { default: false }),
} as const;

/** Kernel and keepalived accept more; a check that runs more often than this is a load, not a check. */
const scriptRows = {
  command: row(list(text("a string without zero bytes", /^[^\0]+$/), 64), "absolute path and arguments; no shell", {
    required: true,
    was: ["script"],
  }),
  interval: row(duration(100, hour), "time between runs", { default: "1s" }),
  timeout: row(duration(10, hour), "time for one run, then it is killed with all its children", {
    defaultWords: "the interval",
  }),
  rise: row(integer(1, 255), "good runs until it counts as well", { default: 1 }),
  fall: row(integer(1, 255), "bad runs until it counts as failed", { default: 1 }),
  user: row(text("a user name", /^[^\0:\s]+$/), "user to run as", { defaultWords: "global.user" }),
  weight: row(integer(-253, 253), "weight of tracks that do not say one", { default: 0 }),
  init_fail: row(boolean, "counts as failed until it has succeeded", { default: false }),
} as const;

export const vrrpScriptTable = table("vrrp_script", scriptRows);

const groupRows = {
  members: row(list(text("the name of an instance", /^[^\0]+$/), 255), "instances that change state together", {
    required: true,
    was: ["group"],
  }),
  track: row(list(table("vrrp.track", trackRows), 64), "what must be well for all of them", { default: [] }),
  notify: row(notifyTable, "programs on changes of the group as a whole"),
} as const;

export const vrrpGroupTable = table("vrrp_group", groupRows);

export const vrrpRows = {
  interface: row(interfaceName, "where adverts are sent and addresses put", { required: true }),
  virtual_router_id: row(integer(1, 255), "the same on every node of one virtual router", {
    required: true,
    was: ["vrid"],
  }),
  priority: row(integer(1, 255), "the highest becomes master; 255: owner of the addresses", { default: 100 }),
  addresses: row(vips, "virtual addresses", { required: true, was: ["virtual_ipaddress", "vip", "vips"] }),
  excluded_addresses: row(vips, "managed like the others, but not in the advert", {
    default: [],
    was: ["virtual_ipaddress_excluded"],
  }),
  version: row(integer(2, 3), "VRRP version", { defaultWords: "2; 3 for IPv6" }),
  advert_interval: row(duration(10, 255_000), "time between adverts", { default: "1s", was: ["advert_int"] }),
  state: row(choice(["master", "backup"]), "state to begin in", { default: "backup" }),
  preempt: row(boolean, "take over from a master of lower priority", { default: true, was: ["nopreempt"] }),
  preempt_delay: row(duration(0, 1_000_000), "how long to wait before that", { default: "0s" }),
  auth: row(table("vrrp.auth", authRows), "authentication of version 2", { was: ["authentication"] }),
  unicast: row(table("vrrp.unicast", unicastRows), "adverts to these peers instead of multicast", {
    was: ["unicast_peer"],
  }),
  multicast_source: row(ipAddress, "source address of adverts", { was: ["mcast_src_ip"] }),
  multicast_group: row(ipAddress, "where adverts go", {
    defaultWords: "224.0.0.18, ff02::12",
    was: ["vrrp_mcast_group4", "vrrp_mcast_group6"],
  }),
  use_vmac: row(booleanOr(interfaceName), "an interface with the virtual router's MAC address; or its name", {
    default: false,
  }),
  vmac_xmit_base: row(boolean, "with use_vmac: adverts leave through the real interface", { default: false }),
  accept: row(
    boolean,
    "take packets for the virtual addresses; false drops those from outside, but neighbour discovery",
    { default: true },
  ),
  heartbeat: row(table("vrrp.heartbeat", heartbeatRows), "adverts over a second network, too"),
  routes: row(list(table("vrrp.routes", routeRows), 255), "routes while this node leads", {
    default: [],
    was: ["virtual_routes"],
  }),
  rules: row(list(table("vrrp.rules", ruleRows), 255), "routing rules while this node leads", {
    default: [],
    was: ["virtual_rules"],
  }),
  garp: row(table("vrrp.garp", garpRows), "gratuitous ARP and unsolicited neighbour advertisements"),
  startup_delay: row(duration(0, hour), "nothing is sent for this long after the start", {
    default: "0s",
    was: ["vrrp_startup_delay"],
  }),
  interface_up_delay: row(duration(0, hour), "an interface that came up is not used before this", {
    default: "0s",
    was: ["interface_up_down_delays"],
  }),
  track: row(list(table("vrrp.track", trackRows), 64), "what must be well for this node to serve", {
    default: [],
    was: ["track_script", "track_interface", "track_process"],
  }),
  notify: row(notifyTable, "programs on state changes"),
} as const;

export const vrrpTable = table("vrrp", vrrpRows);
export { authRows, garpRows, groupRows, heartbeatRows, routeRows, ruleRows, scriptRows, trackRows, unicastRows };
