/**
 * The configuration after parsing, validation and normalisation: the one shape that every role reads.
 * Plain data (it travels between processes as JSON): durations in milliseconds, names resolved,
 * defaults applied, `listen` sections split into a frontend and a backend of the same name.
 */
import type { Condition } from "../acl/ast.ts";

export type Mode = "tcp" | "http";

/** Where a socket is bound or connected. `host` is a literal address; 0.0.0.0 or :: for "*". */
export type SocketAddress =
  | { readonly kind: "inet"; readonly family: 4 | 6; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

export interface Config {
  readonly global: GlobalConfig;
  readonly admin: AdminConfig;
  readonly frontends: readonly FrontendConfig[];
  readonly backends: readonly BackendConfig[];
  readonly vrrp: readonly VrrpConfig[];
  /** Messages to people; absent: none. */
  readonly alerts?: AlertsConfig;
  /** The LVS director; absent: this node is none. */
  readonly lvs?: LvsConfig;
  /** This machine behind an LVS director, for `ballast realserver`; absent: not said. */
  readonly realserver?: RealserverConfig;
}

/** [virtual_server.NAME] and [ipvs]. */
export interface LvsConfig {
  readonly virtualServers: readonly VirtualServerConfig[];
  /** The connection synchronisation daemon; null: Ballast leaves it alone. */
  readonly sync: LvsSyncConfig | null;
  /** The kernel's connection timeouts; 0: as they are. */
  readonly timeouts: LvsTimeoutsConfig;
  /** What becomes of the table when Ballast stops. */
  readonly onStop: "keep" | "remove";
  /** A real server that left the configuration keeps its connections for this long. */
  readonly drainTimeoutMs: number;
}

export interface LvsTimeoutsConfig {
  readonly tcpSeconds: number;
  readonly tcpFinSeconds: number;
  readonly udpSeconds: number;
}

export interface LvsSyncConfig {
  readonly interface: string;
  /** Told apart by this from other pairs on the network, 0–255. */
  readonly id: number;
  /** The VRRP instance with which the role changes; null: master and backup run at once. */
  readonly follows: string | null;
}

export type LvsServiceAddress =
  | {
      readonly kind: "address";
      readonly protocol: "tcp" | "udp" | "sctp";
      readonly family: 4 | 6;
      readonly address: string;
      /** 0: all ports. */
      readonly port: number;
    }
  | { readonly kind: "fwmark"; readonly family: 4 | 6; readonly fwmark: number };

export interface LvsServerAddress {
  readonly family: 4 | 6;
  readonly address: string;
  /** null: the port of the service. */
  readonly port: number | null;
}

export interface LvsTunnelConfig {
  readonly type: "ipip" | "gue" | "gre";
  /** UDP port of gue; 0 otherwise. */
  readonly port: number;
  readonly checksum: "none" | "full" | "remote";
}

export interface VirtualServerConfig {
  readonly name: string;
  /** One kernel service for each. */
  readonly services: readonly LvsServiceAddress[];
  readonly scheduler: string;
  /** In this order. */
  readonly schedulerFlags: readonly ("flag-1" | "flag-2" | "flag-3")[];
  readonly forward: "dr" | "nat" | "tun";
  readonly tunnel: LvsTunnelConfig;
  /** Netmask: dotted for IPv4, a prefix length in digits for IPv6. */
  readonly persistence: { readonly timeoutSeconds: number; readonly netmask: string } | null;
  readonly onePacket: boolean;
  readonly quorum: number;
  readonly hysteresis: number;
  readonly sorryServer: LvsServerAddress | null;
  /** Real servers stay with weight 0 while the sorry server answers. */
  readonly sorryServerInhibit: boolean;
  /** Weight 0 instead of removal for a real server that is down. */
  readonly inhibitOnFailure: boolean;
  /** Real servers begin as down. */
  readonly alpha: boolean;
  /** The down commands run when Ballast stops. */
  readonly omega: boolean;
  /** No checks while the virtual address is elsewhere. */
  readonly haSuspend: boolean;
  readonly realServers: readonly RealServerConfig[];
  readonly notify: LvsNotifyConfig | null;
}

export interface RealServerConfig {
  readonly name: string;
  readonly address: LvsServerAddress;
  readonly weight: number;
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
  /** null: always up. */
  readonly check: LvsCheckConfig | null;
}

export type LvsDnsType = "A" | "NS" | "CNAME" | "SOA" | "MX" | "TXT" | "AAAA";

/** One page of an HTTP check: what is asked for, and what its answer must be (keepalived: url). */
export type LvsPageConfig = Omit<Extract<CheckConfig["probe"], { kind: "http" }>, "kind"> & {
  /** MD5 of the body, 32 lower-case hexadecimal digits; null: any. */
  readonly digest: string | null;
  /** Source of a RegExp over the body as a byte string (acl/regex.ts), and whether it must match; null: any body. */
  readonly regex: { readonly source: string; readonly mustMatch: boolean } | null;
};

/** TLS of a check. */
export interface CheckTlsConfig {
  /** The certificate must lead to an authority of this machine and carry `serverName`. */
  readonly verify: boolean;
  /** SNI; null: none. */
  readonly serverName: string | null;
}

/** A check with keepalived's timing. */
export interface LvsCheckConfig {
  readonly probe:
    | { readonly kind: "tcp" }
    /** One after the other; all must pass. */
    | { readonly kind: "http"; readonly pages: readonly LvsPageConfig[] }
    /** A number in a file (keepalived: FILE_CHECK). weight 0: other than 0 is down; else the product with it counts. */
    | { readonly kind: "file"; readonly path: string; readonly weight: number }
    | { readonly kind: "ping" }
    | { readonly kind: "udp" }
    | { readonly kind: "dns"; readonly name: string; readonly type: LvsDnsType }
    | { readonly kind: "smtp"; readonly helo: string }
    /** Exit code 0 is up; dynamic: 2–255 are up with this weight and 2 (keepalived: misc_dynamic). */
    | { readonly kind: "script"; readonly script: LvsCommandConfig; readonly dynamic: boolean };
  /** Where the probe connects. */
  readonly target: SocketAddress;
  /** For tcp and http; null: in the clear. */
  readonly tls: CheckTlsConfig | null;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Further attempts before a real server is down, and the time between them. */
  readonly retry: number;
  readonly retryDelayMs: number;
}

/** A program that the supervisor runs; user null: global.user. */
export interface LvsCommandConfig {
  readonly command: readonly string[];
  readonly user: string | null;
}

export interface LvsNotifyConfig {
  readonly up: LvsCommandConfig | null;
  readonly down: LvsCommandConfig | null;
  readonly quorumUp: LvsCommandConfig | null;
  readonly quorumDown: LvsCommandConfig | null;
  readonly timeoutMs: number;
}

/** [realserver] */
export interface RealserverConfig {
  readonly vips: readonly string[];
  readonly interface: string;
}

/** [alerts]. Only the notify role gets it. */
export interface AlertsConfig {
  /** Kinds of events, whole or their first words: "server" is "server.state", "server.admin", …. */
  readonly events: readonly string[];
  readonly email: EmailConfig | null;
  readonly webhook: WebhookConfig | null;
}

/** Certificates of authorities, read with the configuration: the role may not be allowed to. */
export interface Authorities {
  readonly path: string;
  readonly pem: string;
}

export interface EmailConfig {
  readonly from: string;
  readonly to: readonly string[];
  readonly host: string;
  readonly port: number;
  /** none: in clear; starttls: encrypted or not sent; implicit: TLS from the first byte (port 465). */
  readonly tls: "none" | "starttls" | "implicit";
  readonly auth: { readonly user: string; readonly password: string } | null;
  /** Whom to trust; null: the usual authorities. */
  readonly ca: Authorities | null;
}

export interface WebhookConfig {
  readonly url: string;
  /** Sent as Authorization: Bearer. */
  readonly token: string | null;
  /** Whom to trust; null: the usual authorities. */
  readonly ca: Authorities | null;
}

export interface GlobalConfig {
  readonly node: string;
  readonly user: string;
  readonly group: string;
  /** Worker processes; "auto" is resolved to the CPU count. */
  readonly workers: number;
  /** Client connections of the whole appliance (haproxy: global maxconn). */
  readonly maxconn: number;
  readonly log: readonly LogTarget[];
  readonly hardStopAfterMs: number;
  /** Percent of the interval by which checks are spread (haproxy: spread-checks). */
  readonly spreadChecksPercent: number;
  readonly pidfile: string | null;
}

export type LogFormat = "rfc3164" | "rfc5424" | "plain";
/** RFC 5424 §6.2.1 under HAProxy's names, in the order of their codes. */
export const logFacilities = [
  "kern",
  "user",
  "mail",
  "daemon",
  "auth",
  "syslog",
  "lpr",
  "news",
  "uucp",
  "cron",
  "auth2",
  "ftp",
  "ntp",
  "audit",
  "alert",
  "cron2",
  "local0",
  "local1",
  "local2",
  "local3",
  "local4",
  "local5",
  "local6",
  "local7",
] as const;
export const logLevels = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"] as const;
export type LogLevel = (typeof logLevels)[number];

export type LogSink =
  | { readonly kind: "stderr" }
  | { readonly kind: "stdout" }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "syslog"; readonly address: SocketAddress }
  | { readonly kind: "unix"; readonly path: string };

export interface LogTarget {
  readonly sink: LogSink;
  readonly facility: string;
  /** The least severe level that is written. */
  readonly level: LogLevel;
  readonly format: LogFormat;
}

export interface AdminConfig {
  readonly socket: string;
  /** Group whose members may change things through the socket; null: root and the daemon's own user only. */
  readonly adminGroup: string | null;
}

export interface FrontendConfig {
  readonly name: string;
  readonly mode: Mode;
  readonly binds: readonly BindConfig[];
  readonly maxconn: number;
  readonly defaultBackend: string | null;
  readonly rules: readonly RuleConfig[];
  readonly options: FrontendOptions;
  readonly timeouts: FrontendTimeouts;
}

export interface FrontendOptions {
  /** haproxy: option forwardfor — append the client's address to X-Forwarded-For. */
  readonly forwardfor: boolean;
  /** haproxy: option dontlognull. */
  readonly dontlognull: boolean;
  /** haproxy: option httpclose — no keep-alive on either side. */
  readonly httpClose: boolean;
  /** Which access-log form is written; null: none. */
  readonly log: "httplog" | "tcplog" | null;
}

/** Milliseconds; 0 never occurs (validated), absence is resolved to the default. */
export interface FrontendTimeouts {
  readonly clientMs: number;
  readonly httpRequestMs: number;
  readonly httpKeepAliveMs: number;
  readonly clientFinMs: number;
  readonly tunnelMs: number;
  readonly tlsHandshakeMs: number;
}

export interface BindConfig {
  /** Identity across reloads: the canonical address text, for example "0.0.0.0:443". */
  readonly key: string;
  readonly address: SocketAddress;
  /** The address belongs to a VRRP instance: bind with IP_FREEBIND so that a backup node starts too. */
  readonly freebind: boolean;
  readonly tls: TlsConfig | null;
  /** Where it stands in the file, for messages: `frontend.web.bind[0]`. */
  readonly path: string;
}

export interface TlsConfig {
  /** Files or directories of PEM files, each with certificate chain and key (haproxy: crt). The supervisor reads them. */
  readonly certificates: readonly string[];
  readonly alpn: readonly string[];
  readonly minVersion: "1.2" | "1.3";
}

export interface RuleConfig {
  /** null: always. Named ACLs are already inlined. */
  readonly when: Condition | null;
  readonly action: RuleAction;
  readonly path: string;
}

export type HeaderPairs = readonly (readonly [name: string, value: string])[];

export type RuleAction =
  | { readonly kind: "use_backend"; readonly backend: string }
  | {
      readonly kind: "redirect";
      /** Exactly one of the three (haproxy: redirect scheme | location | prefix). */
      readonly to: { readonly scheme: string } | { readonly location: string } | { readonly prefix: string };
      readonly code: 301 | 302 | 303 | 307 | 308;
    }
  | { readonly kind: "deny"; readonly status: number }
  | { readonly kind: "set_header"; readonly headers: HeaderPairs }
  | { readonly kind: "add_header"; readonly headers: HeaderPairs }
  | { readonly kind: "del_header"; readonly names: readonly string[] };

export interface BackendConfig {
  readonly name: string;
  readonly mode: Mode;
  readonly balance: "roundrobin" | "leastconn" | "source";
  readonly servers: readonly ServerConfig[];
  /** Applied after the frontend's rules; only header actions, redirect and deny. */
  readonly rules: readonly RuleConfig[];
  readonly retries: number;
  /** haproxy: option redispatch — a retry may go to another server. */
  readonly redispatch: boolean;
  readonly abortonclose: boolean;
  readonly httpClose: boolean;
  readonly timeouts: BackendTimeouts;
}

export interface BackendTimeouts {
  readonly connectMs: number;
  readonly serverMs: number;
  readonly queueMs: number;
  readonly tunnelMs: number;
  readonly checkMs: number | null;
}

export interface ServerConfig {
  readonly name: string;
  readonly address: SocketAddress;
  /** 0–256; 0 drains (haproxy: weight). */
  readonly weight: number;
  /** Concurrent requests (http) or connections (tcp) over all workers; null: no limit. */
  readonly maxconn: number | null;
  /** Used only when no other server is usable (haproxy: backup). */
  readonly backup: boolean;
  readonly check: CheckConfig | null;
}

export interface CheckConfig {
  /** Absent: in the clear. */
  readonly tls?: CheckTlsConfig;
  readonly probe:
    | { readonly kind: "tcp" }
    | {
        readonly kind: "http";
        readonly method: string;
        readonly target: string;
        readonly host: string | null;
        /** Inclusive ranges of accepted status codes. */
        readonly expect: readonly (readonly [low: number, high: number])[];
      };
  readonly intervalMs: number;
  readonly fastIntervalMs: number;
  readonly downIntervalMs: number;
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
}

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
export interface VrrpGroupConfig {
  readonly name: string;
  /** Every member follows these beside its own. */
  readonly tracks: readonly TrackConfig[];
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
