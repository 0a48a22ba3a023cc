/** What the admin socket speaks: HTTP/1.1 with JSON bodies, types shared by server, CLI and TUI. */
import type { AdminState, Health } from "../ipc/messages.ts";

/** The bounds that `latency` of every status below counts under; clients need them to read a percentile. */
export { latencyBoundsMs } from "../stats/layout.ts";

/**
 * GET  /v1/snapshot               Snapshot: everything that the TUI and `status`, `ls`, `vrrp status` show
 * GET  /v1/config[?defaults=1]    the running configuration, secrets masked: for `Accept: application/toml` the
 *                                 files as written, or one file with every default filled in; else JSON, whose
 *                                 keys are the program's own
 * GET  /v1/events?since=ID        the last events as a JSON array (BallastEvent[])
 * GET  /v1/events/stream?since=ID one JSON event a line, for as long as the client stays
 * POST /v1/request                body Request, answer Reply (403 for a caller who may only read)
 */
export const API_VERSION = 1;

export type EventLevel = "info" | "notice" | "warning" | "error";

/** One thing that happened, in one line: `vrrp.state instance=web from=backup to=master cause=master-down-timer`. */
export interface BallastEvent {
  /** Increasing; 0 until the supervisor has numbered it. */
  readonly id: number;
  readonly wallMs: number;
  readonly level: EventLevel;
  /** role that saw it: supervisor, worker/0, vrrp, director, admin */
  readonly source: string;
  /** Topic, dot-separated: vrrp.state, server.state, config.reload, role.exit, proxy.limit … */
  readonly kind: string;
  /** The object concerned, `app/web1`, `VI_1`; empty when the appliance is meant. */
  readonly object: string;
  /** One sentence for people. */
  readonly text: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

/** An event before it has a number, a time and a source. */
export type Happening = Pick<BallastEvent, "level" | "kind" | "object" | "text" | "fields">;

export type Request =
  | { readonly op: "reload" }
  | { readonly op: "stop"; readonly now: boolean }
  | {
      readonly op: "server";
      readonly backend: string;
      readonly server: string;
      readonly state: AdminState;
      readonly reason: string;
    }
  | { readonly op: "server_weight"; readonly backend: string; readonly server: string; readonly weight: number }
  /** drain: no new connections for a real server of LVS, whatever its checks say; ready: as they say. */
  | { readonly op: "lvs"; readonly virtual: string; readonly real: string; readonly state: "ready" | "drain" }
  | { readonly op: "vrrp"; readonly order: "failover" | "maint" | "resume"; readonly instance: string | null };

export type Reply =
  | { readonly ok: true; readonly text: string }
  /** kind: config → exit 78, not_found → 1, refused → 1, busy → 75, forbidden → 77 */
  | {
      readonly ok: false;
      readonly kind: "config" | "not_found" | "refused" | "busy" | "forbidden";
      readonly text: string;
      readonly issues?: readonly string[];
    };

export interface Snapshot {
  readonly api: number;
  readonly version: string;
  readonly node: string;
  readonly wallMs: number;
  readonly startedWallMs: number;
  readonly config: ConfigStatus;
  readonly limits: { readonly connections: number; readonly maxconn: number };
  readonly processes: readonly ProcessStatus[];
  readonly frontends: readonly FrontendStatus[];
  readonly backends: readonly BackendStatus[];
  readonly vrrp: readonly VrrpStatus[];
  /** Absent: this node is no LVS director. */
  readonly lvs?: LvsStatus;
  /** What is wrong now, most urgent first; empty: all is well. */
  readonly problems: readonly Problem[];
  /** The caller may change things (else the UI is read-only). */
  readonly mayWrite: boolean;
  readonly user: string;
}

export interface ConfigStatus {
  readonly path: string;
  readonly generation: number;
  /** First 7 hex digits of SHA-256 of the file's text as loaded. */
  readonly hash: string;
  readonly loadedWallMs: number;
  readonly lastReloadOk: boolean;
}

export interface ProcessStatus {
  readonly name: string;
  readonly pid: number;
  readonly state: "starting" | "running" | "draining" | "restarting" | "stopped";
  readonly restarts: number;
  readonly sinceWallMs: number;
}

export interface Problem {
  readonly object: string;
  readonly text: string;
  readonly sinceWallMs: number;
}

/** Totals since start, summed over workers; rates are the reader's (two snapshots and their wallMs). */
export interface FrontendStatus {
  readonly name: string;
  readonly mode: "tcp" | "http";
  readonly binds: readonly string[];
  readonly defaultBackend: string | null;
  readonly connections: number;
  readonly connectionsTotal: number;
  readonly maxconn: number;
  readonly requestsTotal: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly deniedRequests: number;
  readonly badRequests: number;
  /** 1xx 2xx 3xx 4xx 5xx */
  readonly responses: readonly [number, number, number, number, number];
  /** Cumulative histogram counts per bound of stats/layout latencyBoundsMs, then +Inf. */
  readonly latency: readonly number[];
}

export interface BackendStatus {
  readonly name: string;
  readonly mode: "tcp" | "http";
  readonly balance: string;
  readonly sessions: number;
  readonly sessionsTotal: number;
  readonly queue: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly retries: number;
  readonly redispatches: number;
  readonly connectErrors: number;
  readonly responseErrors: number;
  readonly responses: readonly [number, number, number, number, number];
  readonly latency: readonly number[];
  readonly servers: readonly ServerStatus[];
}

export interface ServerStatus {
  readonly name: string;
  readonly address: string;
  readonly backup: boolean;
  readonly weight: number;
  readonly health: Health;
  readonly admin: AdminState;
  readonly check: string | null;
  readonly checkStatus: string;
  readonly checkInfo: string;
  readonly checkDurationMs: number;
  readonly progress: number;
  readonly sinceWallMs: number;
  readonly sessions: number;
  readonly sessionsTotal: number;
  readonly queue: number;
  readonly maxconn: number | null;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly connectErrors: number;
  readonly responseErrors: number;
  readonly retries: number;
  readonly redispatches: number;
  readonly responses: readonly [number, number, number, number, number];
  readonly latency: readonly number[];
  readonly idleConnections: number;
}

export type VrrpStateName = "init" | "backup" | "master" | "fault" | "maint";

export interface VrrpStatus {
  readonly instance: string;
  readonly interface: string;
  readonly virtualRouterId: number;
  readonly version: 2 | 3;
  readonly state: VrrpStateName;
  readonly priority: number;
  readonly basePriority: number;
  readonly advertIntervalMs: number;
  readonly addresses: readonly string[];
  /** Address of the master we hear; null when it is this node or nobody is heard. */
  readonly masterAddress: string | null;
  readonly masterPriority: number | null;
  /** Wall clock of the last advert received; null: none yet. */
  readonly lastAdvertWallMs: number | null;
  readonly sinceWallMs: number;
  readonly transitions: number;
  readonly advertsSent: number;
  readonly advertsReceived: number;
  readonly priorityZeroSent: number;
  readonly priorityZeroReceived: number;
  readonly garpSent: number;
  /** Receive-check reason → count. */
  readonly errors: Readonly<Record<string, number>>;
  readonly tracks: readonly { readonly name: string; readonly ok: boolean; readonly weight: number }[];
  /** Who else acts as master of this virtual router (split brain), in words; absent or empty: nobody. */
  readonly rivals?: readonly string[];
  /** Whose adverts are refused at present, or are another cluster's, and why, in words; absent or empty: nobody's. */
  readonly refused?: readonly string[];
  /** Both ways of adverts when there is a second one (`heartbeat`), the main one first; absent or empty: there is one. */
  readonly paths?: readonly VrrpPathStatus[];
  /** How the state comes about, a line each: priority sum, who was heard when, timers, who would lead next. */
  readonly details?: readonly string[];
  /** Why it is in this state, in words: `priority 101 against 100 of 10.0.0.2`. */
  readonly why: string;
}

export interface VrrpPathStatus {
  readonly path: "main" | "heartbeat";
  readonly interface: string;
  /** down: this node cannot use it; silent: the master is heard over the other one only. */
  readonly state: "up" | "silent" | "down";
  /** Who was heard last and when, and what is wrong, in words. */
  readonly text: string;
  readonly advertsSent: number;
  readonly advertsReceived: number;
}

export interface LvsStatus {
  /** What keeps the kernel's table from being as it should be, a sentence each; empty: it is. */
  readonly troubles: readonly string[];
  readonly virtualServers: readonly VirtualServerStatus[];
}

export interface VirtualServerStatus {
  readonly name: string;
  /** As the kernel's table names them: `tcp 192.0.2.1:80`, `fwmark 10 ipv4`. */
  readonly services: readonly string[];
  readonly scheduler: string;
  readonly forward: "dr" | "nat" | "tun";
  readonly quorum: number;
  readonly hasQuorum: boolean;
  /** Of the real servers that live and are not drained. */
  readonly weight: number;
  /** Answers while there is no quorum; null: none. */
  readonly sorryServer: string | null;
  /** ha_suspend and the virtual address elsewhere: nothing is checked. */
  readonly suspended: boolean;
  readonly sinceWallMs: number;
  /** Totals since the service was made, and the kernel's estimates a second. */
  readonly connectionsTotal: number;
  readonly receivedBytes: number;
  /** What goes back past the director (dr, tun) is not counted. */
  readonly sentBytes: number;
  readonly connectionsPerSecond: number;
  readonly realServers: readonly RealServerStatus[];
}

export interface RealServerStatus {
  readonly name: string;
  readonly address: string;
  readonly health: Health;
  readonly admin: "ready" | "drain";
  /** When it serves: configured, or from its check. */
  readonly weight: number;
  /** In the kernel's table now; null: not in it. */
  readonly tableWeight: number | null;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  readonly persistentConnections: number;
  readonly connectionsTotal: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Words of the last check, `L4CON Connection refused`; empty: none has ended yet. */
  readonly checkInfo: string;
  readonly sinceWallMs: number;
}
