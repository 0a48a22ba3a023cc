/** Configuration of the proxy: frontends, backends, their servers, rules and checks. */
import type { Condition } from "../acl/ast.ts";

export type Mode = "tcp" | "http";

/** Where a socket is bound or connected. `host` is a literal address; 0.0.0.0 or :: for "*". */
export type SocketAddress =
  | { readonly kind: "inet"; readonly family: 4 | 6; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

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

/** TLS of a check. */
export interface CheckTlsConfig {
  /** The certificate must lead to an authority of this machine and carry `serverName`. */
  readonly verify: boolean;
  /** SNI; null: none. */
  readonly serverName: string | null;
}
