/**
 * The configuration as the data plane walks it: objects that live as long as a configuration generation.
 * Endpoints (one a server) live longer: a reload that keeps a server keeps its pool and its gauges.
 */
import type { BackendConfig, FrontendConfig, ServerConfig } from "../../config/types-proxy.ts";
import type { Balancer } from "../balance.ts";
import type { Rules } from "../rules.ts";
import type { ServerTable } from "../server-table.ts";

/** Idle connections kept per server and worker; more than this many in parallel is rare and a new connect is cheap. */
export const IDLE_MAX = 256;

export interface Endpoint {
  /** `backend/server@address`: what makes two generations' servers the same one. */
  readonly key: string;
  readonly config: ServerConfig;
  readonly nameBytes: Uint8Array;
  /** Encoded socket address in pinned memory. */
  readonly address: number;
  readonly addressLength: number;
  readonly family: number;
  /** First counter of this server in the worker's Float64Array. */
  readonly counters: number;
  /** Word of the shared gauge `served`. */
  readonly servedWord: number;
  /** LIFO of idle server slots. */
  readonly idle: Int32Array;
  idleCount: number;
  /** Generations that use it; at 0 its pool is closed. */
  users: number;
}

export interface BackendRuntime {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  readonly config: BackendConfig;
  readonly endpoints: readonly Endpoint[];
  readonly table: ServerTable;
  readonly balancer: Balancer;
  readonly rules: Rules | null;
  readonly counters: number;
  readonly hasLimits: boolean;
  /** Of `config.balance`, compared once. */
  readonly isSource: boolean;
  readonly isLeastConn: boolean;
  readonly generation: Generation;
  /** FIFO of client slots. */
  queueHead: number;
  queueTail: number;
  queueLength: number;
  /** By the server that they wait for, [0] for any: sessions waiting, and how many a place was found for so far. */
  readonly queued: Int32Array;
  readonly dequeued: Int32Array;
  /** When `table.servedElsewhere` was brought up to date. */
  elsewhereAt: number;
}

export interface FrontendRuntime {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  readonly config: FrontendConfig;
  readonly isHttp: boolean;
  readonly defaultBackend: BackendRuntime | null;
  readonly rules: Rules | null;
  readonly counters: number;
  /** Word of the shared gauge of its open connections. */
  readonly connectionsWord: number;
  readonly generation: Generation;
  /** Responses end their connections: option httpclose, or the frontend is gone from the configuration. */
  closes: boolean;
  /** How long a kept connection may be idle; short when the frontend is gone or the worker drains. */
  idleMs: number;
}

export interface Generation {
  readonly id: number;
  readonly frontends: readonly FrontendRuntime[];
  readonly backends: readonly BackendRuntime[];
  readonly endpoints: readonly Endpoint[];
  /** Sessions that began with it; a retired generation is dropped when the last one ends. */
  sessions: number;
  retired: boolean;
}
