/** Rows of [vrrp.NAME]. */
import { ipv4Address, virtualAddress } from "./schema-address.ts";
import { later, row, shorthand, table } from "./schema-table.ts";
import type { Type } from "./schema-type.ts";
import { boolean, choice, duration, integer, list, mismatch, only, text } from "./schema-type.ts";
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
  address: row(virtualAddress, "address with the length of its network; /32 without", { required: true }),
  dev: row(interfaceName, "interface that gets it", { defaultWords: "the instance's" }),
  label: row(label, "label, as ip addr shows it"),
  scope: row(choice(["global", "site", "link", "host"]), "scope of the address", { defaultWords: "global" }),
  broadcast: row(ipv4Address, "broadcast address", { was: ["brd"] }),
} as const;

/** One byte of the advert counts the addresses (RFC 9568, section 5.2.5). */
const ADDRESS_COUNT_MAX = 255;
const vips = list(shorthand("vrrp.addresses", "address", vipRows), ADDRESS_COUNT_MAX);

const authRows = {
  type: row(choice(["pass"], ["ah"]), "kind of authentication", { default: "pass" }),
  password: row(secret, "at most eight bytes, in clear on the wire", { required: true, was: ["auth_pass"] }),
} as const;

const unicastRows = {
  source: row(ipv4Address, "own address", { defaultWords: "the interface's first address", was: ["unicast_src_ip"] }),
  peers: row(list(ipv4Address, ADDRESS_COUNT_MAX), "the other routers", { required: true }),
} as const;

const hour = 3_600_000;

const garpRows = {
  delay: row(duration(0, hour), "second burst after becoming master", { default: "5s" }),
  repeat: row(integer(0, 100), "announcements per address and burst", { default: 5 }),
  refresh: row(duration(0, 24 * hour), "announce again this often while master; 0s: never", { default: "0s" }),
  lower_priority_repeat: row(integer(0, 100), "announcements after an advert of lower priority", { default: 5 }),
} as const;

/** keepalived.conf(5), "track_script": weight. */
const weight = row(
  integer(-253, 253),
  "added to the priority (positive: while good, negative: while bad); 0: fault while bad",
  { default: 0 },
);

const trackRows = {
  proxy: row(only(true, boolean), "this node's own proxy serves"),
  interface: row(interfaceName, "an interface is up"),
  weight,
  script: later(text(), "a [vrrp_script.NAME]"),
  process: later(text(), "a process runs"),
  file: later(text(), "a number in a file"),
} as const;

const command = text("a command");
const notifyRows = {
  master: later(command, "run on becoming master"),
  backup: later(command, "run on becoming backup"),
  fault: later(command, "run on entering fault"),
  stop: later(command, "run on stopping"),
  any: later(command, "run on every change"),
} as const;

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
  version: row(integer(2, 3), "VRRP version", { default: 2 }),
  advert_interval: row(duration(10, 255_000), "time between adverts", { default: "1s", was: ["advert_int"] }),
  state: row(choice(["master", "backup"]), "state to begin in", { default: "backup" }),
  preempt: row(boolean, "take over from a master of lower priority", { default: true, was: ["nopreempt"] }),
  preempt_delay: row(duration(0, 1_000_000), "how long to wait before that", { default: "0s" }),
  auth: row(table("vrrp.auth", authRows), "authentication of version 2", { was: ["authentication"] }),
  unicast: row(table("vrrp.unicast", unicastRows), "adverts to these peers instead of multicast", {
    was: ["unicast_peer"],
  }),
  multicast_source: row(ipv4Address, "source address of adverts", { was: ["mcast_src_ip"] }),
  use_vmac: row(only<boolean>(false, boolean), "use the virtual router's MAC address", { default: false }),
  accept: row(only<boolean>(true, boolean), "answer to the virtual addresses", { default: true }),
  garp: row(table("vrrp.garp", garpRows), "gratuitous ARP"),
  track: row(list(table("vrrp.track", trackRows), 64), "what must be well for this node to serve", {
    default: [],
    was: ["track_script", "track_interface", "track_process"],
  }),
  notify: later(table("vrrp.notify", notifyRows), "commands on state changes"),
} as const;

export const vrrpTable = table("vrrp", vrrpRows);
export { authRows, garpRows, trackRows, unicastRows };
