/** Rows of [virtual_server.NAME], [ipvs] and [realserver]. */
import { translateRegex } from "../acl/regex.ts";
import { formatIp, parseIp } from "../lib/ip.ts";
import { isDnsName } from "../net/dns.ts";
import { DURATION_MS_MAX } from "../lib/units.ts";
import { absolutePath } from "./schema-global.ts";
import { checkTls, httpProbe, statusRanges } from "./schema-check.ts";
import { command } from "./schema-notify.ts";
import { nameForm, row, shorthand, table } from "./schema-table.ts";
import type { Type } from "./schema-type.ts";
import { boolean, booleanOr, choice, duration, integer, list, mismatch, oneOrList, only, text } from "./schema-type.ts";
import { interfaceName } from "./schema-vrrp.ts";
import type { LvsServerAddress } from "./types-lvs.ts";

/** "192.0.2.1:80", "[2001:db8::1]:80", and without a port where the service has one. */
export const lvsAddress: Type<LvsServerAddress> = {
  words: 'an address such as "192.0.2.1:80" or "[2001:db8::1]:80"',
  sections: [],
  decode: (value, at, sink) => {
    if (typeof value !== "string") return mismatch(lvsAddress.words, value, at, sink);
    if (parseIp(value)?.family === 6) return mismatch(lvsAddress.words, value, at, sink, `write "[${value}]:80"`);
    const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(value);
    const address = parseIp(match?.[1] ?? match?.[2] ?? "");
    if (address === null || (address.family === 6) !== (match?.[1] !== undefined)) {
      return mismatch(lvsAddress.words, value, at, sink);
    }
    const port = match?.[3] === undefined ? null : Number(match[3]);
    if (port === null || port <= 65_535) return { family: address.family, address: formatIp(address), port };
    sink.error(at, `port ${port} is outside 0–65535`, { found: value });
    return undefined;
  },
};

const ipAddress: Type<string> = {
  words: "an IP address",
  sections: [],
  decode: (value, at, sink) => {
    const address = typeof value === "string" ? parseIp(value) : null;
    return address === null ? mismatch(ipAddress.words, value, at, sink) : formatIp(address);
  },
};

const WEIGHT_MAX = 65_535;
/** Below this a check is a flood. */
const INTERVAL_MS_MIN = 100;
const interval = duration(INTERVAL_MS_MIN, DURATION_MS_MAX);
const user = text("a user name", /^[^\0:\s]+$/);
const U32_MAX = 4_294_967_295;

/** Answered as the source of a JavaScript RegExp with the same meaning. */
const regex: Type<string> = {
  words: "a regular expression",
  sections: [],
  decode: (value, at, sink) => {
    if (typeof value !== "string" || value === "") return mismatch(regex.words, value, at, sink);
    const translated = translateRegex(value);
    if (translated.ok) return translated.value;
    const { message, help } = translated.error;
    sink.error(at, `"${value}" ${message}`, help === null ? { found: value } : { found: value, help });
    return undefined;
  },
};

const dnsName: Type<string> = {
  words: 'a domain name such as "example.com"',
  sections: [],
  decode: (value, at, sink) =>
    typeof value === "string" && isDnsName(value) ? value : mismatch(dnsName.words, value, at, sink),
};

/** keepalived.conf(5), "DNS_CHECK". */
export const dnsRows = {
  name: row(dnsName, "what is asked for", { default: "." }),
  type: row(choice(["A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA"]), "which records", { default: "SOA" }),
} as const;

/** keepalived.conf(5), "url": what a page must be like. */
const pageRows = {
  host: row(text("a host name", /^[A-Za-z0-9._:[\]-]+$/), "Host header of the request", {
    defaultWords: "the server's address",
    was: ["virtualhost"],
  }),
  expect: row(statusRanges, "status codes that count as up", { default: "200-299", was: ["status_code"] }),
  digest: row(text("an MD5 of 32 hexadecimal digits", /^[0-9A-Fa-f]{32}$/), "MD5 of the body, as genhash prints it"),
  regex: row(regex, "expression that the body must match"),
  regex_no_match: row(boolean, "the body must not match the expression", { default: false }),
} as const;

const page = shorthand("virtual_server.check.http", "request", {
  request: row(httpProbe, 'request to send: "METHOD /path"', { required: true, was: ["path", "url"] }),
  ...pageRows,
});

/** Each page is asked for in every check. */
const PAGES_MAX = 20;

export const fileRows = {
  path: row(absolutePath, "a file with a number", { required: true, was: ["track_file"] }),
  weight: row(
    integer(-WEIGHT_MAX, WEIGHT_MAX),
    "0: other than 0 is down; else the number times this is added to the server's weight, and -254 or less is down",
    { default: 1 },
  ),
} as const;

/** keepalived.conf(5), "real_server": defaults of its checkers. */
export const lvsCheckRows = {
  tcp: row(only(true, boolean), "connect and close", { was: ["tcp_check"] }),
  http: row(oneOrList(page, PAGES_MAX), 'requests to send: "METHOD /path"; all must pass', {
    was: ["http_get", "ssl_get"],
  }),
  ...pageRows,
  tls: row(checkTls, "TLS, for tcp and http; the certificate is not verified unless told so"),
  ping: row(only(true, boolean), "ICMP echo", { was: ["ping_check"] }),
  udp: row(only(true, boolean), "a datagram, and no ICMP error within the timeout", { was: ["udp_check"] }),
  dns: row(shorthand("virtual_server.check.dns", "name", dnsRows), "a query over UDP, answered with NOERROR", {
    was: ["dns_check"],
  }),
  smtp: row(text("a host name", /^[A-Za-z0-9._:[\]-]+$/), "greeting, and HELO with this name", { was: ["smtp_check"] }),
  script: row(command, "exit code 0 is up", { was: ["misc_path", "misc_check"] }),
  dynamic: row(boolean, "exit codes 2–255 of the script are weights and 2", { default: false, was: ["misc_dynamic"] }),
  user: row(user, "user to run the script as", { defaultWords: "global.user" }),
  address: row(ipAddress, "where to connect", { defaultWords: "the server's address", was: ["connect_ip"] }),
  port: row(integer(1, 65_535), "where to connect", { defaultWords: "the server's port", was: ["connect_port"] }),
  interval: row(interval, "time between two checks; of a file: 1s", { default: "60s", was: ["delay_loop"] }),
  timeout: row(interval, "time for one check", { default: "5s", was: ["connect_timeout", "misc_timeout"] }),
  retry: row(integer(0, 255), "further attempts before a server is down; of a file: 0", {
    default: 1,
    was: ["nb_get_retry"],
  }),
  delay_before_retry: row(interval, "time before each of them", { default: "1s" }),
  file: row(shorthand("virtual_server.check.file", "path", fileRows), "a number in a file", { was: ["file_check"] }),
} as const;

const check = booleanOr(table("virtual_server.check", lvsCheckRows));

export const realServerRows = {
  name: row(text("a name of letters, digits and - _ . :", nameForm), "name of the server", {
    defaultWords: "its address",
  }),
  address: row(lvsAddress, "address and port; without a port that of the service", { required: true }),
  weight: row(integer(0, WEIGHT_MAX), "share of the connections; 0 takes none", { default: 1 }),
  upper_threshold: row(integer(0, U32_MAX), "connections at which no more are given; 0: no limit", {
    default: 0,
    was: ["uthreshold"],
  }),
  lower_threshold: row(integer(0, U32_MAX), "connections at which they are given again; 0: three quarters", {
    default: 0,
    was: ["lthreshold"],
  }),
  check: row(check, "keys that differ from the virtual server's check; false: none"),
} as const;

const realServer = shorthand("virtual_server.real_servers", "address", realServerRows);

export const tunnelRows = {
  type: row(choice(["ipip", "gue", "gre"]), "encapsulation", { default: "ipip" }),
  port: row(integer(1, 65_535), "UDP port of gue"),
  checksum: row(choice(["none", "full", "remote"]), "checksum of gue and gre", { default: "none" }),
} as const;

export const lvsNotifyRows = {
  up: row(command, "run when a real server comes up", { was: ["notify_up"] }),
  down: row(command, "run when a real server goes down", { was: ["notify_down"] }),
  quorum_up: row(command, "run when the quorum is gained"),
  quorum_down: row(command, "run when the quorum is lost"),
  user: row(user, "user to run them as", { defaultWords: "global.user", was: ["script_user"] }),
  timeout: row(duration(100, 3_600_000), "time for one run, then it is killed", { default: "30s" }),
} as const;

/** One kernel service each. */
const SERVICE_COUNT_MAX = 256;

export const virtualServerRows = {
  address: row(lvsAddress, "virtual address and port; port 0: all, with persistence"),
  addresses: row(list(lvsAddress, SERVICE_COUNT_MAX), "several of them"),
  fwmark: row(integer(1, U32_MAX), "packets with this firewall mark"),
  family: row(choice(["ipv4", "ipv6"]), "with fwmark: packets of this family", {
    defaultWords: "that of the first real server",
  }),
  protocol: row(choice(["tcp", "udp", "sctp"]), "protocol", { default: "tcp" }),
  scheduler: row(
    choice(["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "dh", "sed", "nq", "fo", "ovf", "mh", "twos"]),
    "how a real server is chosen",
    { default: "wlc", was: ["lb_algo", "lvs_sched"] },
  ),
  scheduler_flags: row(
    list(choice(["sh-fallback", "sh-port", "mh-fallback", "mh-port", "flag-1", "flag-2", "flag-3"]), 3),
    "flags of the scheduler",
    { default: [] },
  ),
  forward: row(choice(["dr", "nat", "tun"]), "how packets reach a real server", {
    default: "dr",
    was: ["lb_kind", "lvs_method"],
  }),
  tunnel: row(table("virtual_server.tunnel", tunnelRows), 'encapsulation with forward = "tun"'),
  persistence: row(duration(0, 31 * 86_400_000), "how long a client stays with its server; 0s: not at all", {
    default: "0s",
    was: ["persistence_timeout"],
  }),
  persistence_netmask: row(
    text("a netmask such as 255.255.255.0, or a prefix length", /^(?:\d{1,3}|\d{1,3}(?:\.\d{1,3}){3})$/),
    "clients of one network count as one",
    { defaultWords: "every client for itself", was: ["persistence_granularity"] },
  ),
  one_packet: row(boolean, "choose anew for every UDP packet", { default: false, was: ["ops"] }),
  quorum: row(integer(1, U32_MAX), "weight that must be up", { default: 1 }),
  hysteresis: row(integer(0, U32_MAX), "distance from the quorum at which it is gained and lost", { default: 0 }),
  sorry_server: row(lvsAddress, "who answers without a quorum"),
  sorry_server_inhibit: row(boolean, "real servers stay with weight 0 then", { default: false }),
  inhibit_on_failure: row(boolean, "weight 0 instead of removal for a server that is down", { default: false }),
  alpha: row(boolean, "servers begin as down", { default: false }),
  omega: row(boolean, "run the down commands on stopping", { default: false }),
  ha_suspend: row(boolean, "no checks while the virtual address is elsewhere", { default: false }),
  check: row(check, "health check of the real servers; true: tcp", { defaultWords: "none" }),
  real_servers: row(list(realServer), "who answers", { default: [], was: ["real_server"] }),
  notify: row(table("virtual_server.notify", lvsNotifyRows), "commands on changes"),
} as const;

export const virtualServerTable = table("virtual_server", virtualServerRows);

export const syncRows = {
  interface: row(interfaceName, "where connections are told", { required: true }),
  id: row(integer(0, 255), "the same on both directors", { default: 0, was: ["syncid"] }),
  follows: row(
    text("a name of letters, digits and - _ . :", nameForm),
    "the VRRP instance with which the role changes",
    {
      defaultWords: "none: both roles at once",
    },
  ),
} as const;

const kernelTimeout = duration(1000, DURATION_MS_MAX);

const timeoutRows = {
  tcp: row(kernelTimeout, "established connections", { defaultWords: "the kernel's" }),
  tcp_fin: row(kernelTimeout, "connections that are ending", { defaultWords: "the kernel's" }),
  udp: row(kernelTimeout, "UDP", { defaultWords: "the kernel's" }),
} as const;

export const ipvsRows = {
  sync: row(table("ipvs.sync", syncRows), "connection synchronisation with the other director", {
    was: ["lvs_sync_daemon"],
  }),
  timeouts: row(table("ipvs.timeouts", timeoutRows), "the kernel's connection timeouts"),
  on_stop: row(choice(["keep", "remove"]), "what becomes of the table when Ballast stops", { default: "keep" }),
  drain_timeout: row(duration(0, DURATION_MS_MAX), "how long a removed real server keeps its connections", {
    default: "15m",
  }),
} as const;

export const ipvsTable = table("ipvs", ipvsRows);

export const realserverRows = {
  vips: row(list(ipAddress, SERVICE_COUNT_MAX), "virtual addresses that this real server answers", { required: true }),
  interface: row(interfaceName, "interface that carries them", { default: "lo" }),
} as const;

export const realserverTable = table("realserver", realserverRows);
