/** Configuration of the LVS director and of real servers. */
import type { CheckConfig, CheckTlsConfig, SocketAddress } from "./types-proxy.ts";

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
