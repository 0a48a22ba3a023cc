/** Rows of the sections that exist in the language and are refused as a whole until they are implemented. */
import { DURATION_MS_MAX } from "../lib/units.ts";
import { later, table } from "./schema-table.ts";
import { boolean, choice, duration, integer, list, text } from "./schema-type.ts";

const time = duration(0, DURATION_MS_MAX);
const words = list(text());

const realServerRows = {
  address: later(text(), "address and port"),
  weight: later(integer(0, 65_535), "share of the connections"),
  upper_threshold: later(integer(0, 4_294_967_295), "connections at which no more are given"),
  lower_threshold: later(integer(0, 4_294_967_295), "connections at which they are given again"),
  check: later(text(), "health check of this server"),
} as const;

const virtualServerRows = {
  address: later(text(), "virtual address and port"),
  addresses: later(words, "several of them"),
  fwmark: later(integer(1, 4_294_967_295), "packets with this mark"),
  protocol: later(choice(["tcp", "udp", "sctp"]), "protocol"),
  scheduler: later(
    choice(["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "dh", "sed", "nq", "fo", "ovf", "mh"]),
    "scheduler",
  ),
  forward: later(choice(["dr", "nat", "tun"]), "how packets reach a real server"),
  persistence: later(time, "how long a client stays with its server"),
  persistence_netmask: later(text(), "clients of one network count as one"),
  quorum: later(integer(1, 65_535), "weight that must be up"),
  hysteresis: later(integer(0, 65_535), "distance between losing and regaining it"),
  sorry_server: later(text(), "who answers without a quorum"),
  inhibit_on_failure: later(boolean, "weight 0 instead of removal"),
  alpha: later(boolean, "servers begin as down"),
  omega: later(boolean, "run the down commands on stopping"),
  ha_suspend: later(boolean, "no checks without the virtual address"),
  check: later(text(), "health check"),
  real_servers: later(list(table("virtual_server.real_servers", realServerRows)), "who answers"),
  notify: later(text(), "commands on changes"),
} as const;

const ipvsRows = {
  sync: later(text(), "connection synchronisation"),
  timeouts: later(text(), "the kernel's connection timeouts"),
} as const;

const realserverRows = {
  vips: later(words, "virtual addresses that this real server answers"),
  interface: later(text(), "interface that carries them"),
} as const;

export const laterSections = {
  virtual_server: later(table("virtual_server", virtualServerRows), "LVS services"),
  ipvs: later(table("ipvs", ipvsRows), "settings of the kernel's IPVS"),
  realserver: later(table("realserver", realserverRows), "this machine as an LVS real server"),
} as const;
