/**
 * Every message between the supervisor and a role: who sends it, who receives it, whether descriptors ride along.
 * All traffic passes through the supervisor. An unknown type, a wrong sender or a malformed frame ends the role.
 */
import type { BallastEvent, ConfigStatus, LvsStatus, ProcessStatus, Reply, Request, VrrpStatus } from "../admin/api.ts";
import type { Config } from "../config/types.ts";

export const roleNames = ["worker", "vrrp", "director", "notify", "admin"] as const;
export type RoleName = (typeof roleNames)[number];
export type Party = RoleName | "supervisor";

/** PEM text of one certificate file, read by the supervisor (keys may be readable by root only). */
export interface TlsMaterial {
  readonly path: string;
  readonly pem: string;
}

/** What a role is told to run. Descriptors come in the order of `listeners`. */
export interface Assignment {
  readonly generation: number;
  readonly config: Config;
  /** Index of this process among its role (worker 0, 1, …). */
  readonly index: number;
  /** objectKey → index in shared memory. */
  readonly objects: Readonly<Record<string, number>>;
  /** Worker: bind keys; admin: ["admin"]. One descriptor each. */
  readonly listeners: readonly string[];
  /** Bind key → its certificates. Workers only. */
  readonly tls: Readonly<Record<string, readonly TlsMaterial[]>>;
  readonly servers: readonly ServerState[];
  /** Path of the shared counter file. */
  readonly counters: string;
  /** Admin: the configuration files as written, secrets replaced (`parseConfig(…).masked`); absent: only `config` is shown. */
  readonly configText?: string;
}

export const healthStates = ["up", "down", "unchecked"] as const;
export type Health = (typeof healthStates)[number];
export const adminStates = ["ready", "drain", "maint"] as const;
export type AdminState = (typeof adminStates)[number];

/** The one truth about a server that all roles share; the supervisor merges verdicts and orders into it. */
export interface ServerState {
  readonly backend: string;
  readonly server: string;
  readonly health: Health;
  readonly admin: AdminState;
  /** Effective weight, 0–256. */
  readonly weight: number;
  /** HAProxy's check_status: L4OK L4TOUT L4CON L6OK L7OK L7TOUT L7RSP L7STS INI UNK. */
  readonly checkStatus: string;
  /** Human words of the last check: `Connection refused`, `HTTP 503`. */
  readonly checkInfo: string;
  readonly checkDurationMs: number;
  /** Consecutive results towards the next change: 1/3 of fall, 1/2 of rise. */
  readonly progress: number;
  /** Wall clock, milliseconds since the epoch. */
  readonly sinceWallMs: number;
}

/** A health check's outcome; sent on every state or status change. */
export interface Verdict {
  readonly backend: string;
  readonly server: string;
  readonly health: Health;
  readonly checkStatus: string;
  readonly checkInfo: string;
  readonly checkDurationMs: number;
  readonly progress: number;
}

/** Whether this node's proxy serves; what a VRRP instance with `track = [{ proxy = true }]` follows. */
export interface ProxyHealth {
  readonly serving: boolean;
  readonly reason: string;
}

/** What only the supervisor knows; sent after `start` and whenever something of it changes. */
export interface Processes {
  readonly startedWallMs: number;
  readonly config: ConfigStatus;
  readonly processes: readonly ProcessStatus[];
  /** Bind keys whose socket could not be opened, with the reason; absent: every listener is open. */
  readonly failedBinds?: readonly { readonly key: string; readonly reason: string }[];
}

/** A role that may not change users asks for a check script; `id` is the asker's and comes back with the result. */
export interface RunScript {
  readonly id: number;
  /** Absolute path and arguments. Command and user must stand so in the running configuration; nothing else is run. */
  readonly command: readonly string[];
  /** null: global.user. */
  readonly user: string | null;
  /** Killed with its whole process group then. */
  readonly timeoutMs: number;
  /** Names that do not begin with BALLAST_ are left out; absent: none. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ScriptResult {
  readonly id: number;
  /** Ended by itself with exit code 0. */
  readonly ok: boolean;
  /** Exit code; null: killed by a signal, or never started. */
  readonly code: number | null;
  readonly timedOut: boolean;
  readonly durationMs: number;
  /** Why it is not ok, in words: `exit code 3`, `still ran after 2s`, `no such file`; empty when it is. */
  readonly reason: string;
}

/** What the supervisor does for a vrrp role that dies while it leads; it sends the packets as they are. */
export interface VrrpWill {
  readonly packets: readonly {
    readonly family: 4 | 6;
    readonly interface: string;
    readonly source: string;
    readonly destination: string;
    /** Over IPv4 with the IP header, over IPv6 without. */
    readonly base64: string;
  }[];
  readonly addresses: readonly {
    readonly interface: string;
    readonly address: string;
    readonly prefixLength: number;
  }[];
}

/** What was ordered of an instance and holds until `ballast vrrp resume`. */
export interface VrrpStanding {
  readonly instance: string;
  readonly maintenance: boolean;
  /** Handed over: it does not take the VIPs back from a living master. */
  readonly yielded: boolean;
}

export interface MessagePayloads {
  start: Assignment;
  prepare: Assignment;
  commit: { readonly generation: number };
  abort: { readonly generation: number };
  /** drain: finish what is running until the deadline; now: end at once. */
  /** replaced: another process follows for the same work, so that nothing comes to an end with this one. */
  stop: { readonly mode: "drain" | "now"; readonly withinMs: number; readonly replaced?: boolean };
  ready: { readonly pid: number };
  prepared: { readonly generation: number };
  refused: { readonly generation: number; readonly reasons: readonly string[] };
  /** The role has nothing left to do after `stop` and is about to end. */
  drained: Record<string, never>;
  event: BallastEvent;
  verdict: Verdict;
  server_state: ServerState;
  proxy_health: ProxyHealth;
  vrrp_status: readonly VrrpStatus[];
  request: { readonly id: number; readonly request: Request; readonly by: string };
  reply: { readonly id: number; readonly reply: Reply };
  vrrp_order: { readonly order: "failover" | "maint" | "resume"; readonly instance: string | null };
  /** What the director knows of LVS; sent whenever something of it changes. */
  lvs_status: LvsStatus;
  lvs_order: { readonly virtual: string; readonly real: string; readonly state: "ready" | "drain" };
  processes: Processes;
  run_script: RunScript;
  script_result: ScriptResult;
  vrrp_will: VrrpWill;
  /** Told by the vrrp role when it changes, and given back to the next one before its start. */
  vrrp_standing: readonly VrrpStanding[];
}

export type MessageType = keyof MessagePayloads;

interface MessageRow {
  readonly code: number;
  readonly from: readonly Party[];
  readonly to: readonly Party[];
  readonly descriptors: boolean;
}

export const messageTable: { readonly [T in MessageType]: MessageRow } = {
  start: { code: 1, from: ["supervisor"], to: roleNames, descriptors: true },
  prepare: { code: 2, from: ["supervisor"], to: roleNames, descriptors: true },
  commit: { code: 3, from: ["supervisor"], to: roleNames, descriptors: false },
  abort: { code: 4, from: ["supervisor"], to: roleNames, descriptors: false },
  stop: { code: 5, from: ["supervisor"], to: roleNames, descriptors: false },
  ready: { code: 6, from: roleNames, to: ["supervisor"], descriptors: false },
  prepared: { code: 7, from: roleNames, to: ["supervisor"], descriptors: false },
  refused: { code: 8, from: roleNames, to: ["supervisor"], descriptors: false },
  drained: { code: 9, from: roleNames, to: ["supervisor"], descriptors: false },
  event: { code: 10, from: [...roleNames, "supervisor"], to: ["supervisor", "admin", "notify"], descriptors: false },
  verdict: { code: 11, from: ["director"], to: ["supervisor"], descriptors: false },
  server_state: { code: 12, from: ["supervisor"], to: ["worker", "admin", "director"], descriptors: false },
  proxy_health: { code: 13, from: ["supervisor"], to: ["vrrp"], descriptors: false },
  vrrp_status: { code: 14, from: ["vrrp", "supervisor"], to: ["supervisor", "admin", "director"], descriptors: false },
  request: { code: 15, from: ["admin"], to: ["supervisor"], descriptors: false },
  reply: { code: 16, from: ["supervisor"], to: ["admin"], descriptors: false },
  vrrp_order: { code: 17, from: ["supervisor"], to: ["vrrp"], descriptors: false },
  lvs_status: { code: 31, from: ["director", "supervisor"], to: ["supervisor", "admin"], descriptors: false },
  lvs_order: { code: 30, from: ["supervisor"], to: ["director"], descriptors: false },
  processes: { code: 18, from: ["supervisor"], to: ["admin"], descriptors: false },
  run_script: { code: 19, from: ["vrrp", "director"], to: ["supervisor"], descriptors: false },
  script_result: { code: 20, from: ["supervisor"], to: ["vrrp", "director"], descriptors: false },
  vrrp_will: { code: 21, from: ["vrrp"], to: ["supervisor"], descriptors: false },
  vrrp_standing: { code: 32, from: ["vrrp", "supervisor"], to: ["supervisor", "vrrp"], descriptors: false },
};

/** A configuration with 3,000 servers is about 2 MB of JSON; beyond this a frame is a bug. */
export const FRAME_BYTES_MAX = 32 * 1024 * 1024;
/** SCM_MAX_FD of the kernel is 253. */
export const FRAME_DESCRIPTORS_MAX = 253;
