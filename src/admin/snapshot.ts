/** Configuration, states and counters → the Snapshot that CLI, TUI and exporters read. */
import type { BackendConfig, CheckConfig, FrontendConfig, ServerConfig, SocketAddress } from "../config/types-proxy.ts";
import type { VrrpConfig } from "../config/types-vrrp.ts";
import { safeText } from "../lib/safe-text.ts";
import { formatDurationMs } from "../lib/units.ts";
import type { BackendNumbers, FrontendNumbers, ServerNumbers } from "../stats/read.ts";
import {
  API_VERSION,
  type BackendStatus,
  type ConfigStatus,
  type FrontendStatus,
  type LvsStatus,
  type ServerStatus,
  type Snapshot,
  type VrrpStatus,
} from "./api.ts";
import type { Appliance } from "./appliance.ts";
import { dateProblems, findProblems, type FirstSeen } from "./problems.ts";

/** Where the figures come from: sums over the counters that the workers write. */
export interface Figures {
  /** Client connections of the whole appliance. */
  connections(): number;
  frontend(name: string): FrontendNumbers;
  backend(name: string): BackendNumbers;
  server(backend: string, server: string): ServerNumbers;
}

export interface SnapshotInput {
  readonly appliance: Appliance;
  readonly figures: Figures;
  readonly version: string;
  readonly wallMs: number;
  readonly seen: FirstSeen;
}

/** The part that is the same for every caller. */
export type SharedSnapshot = Omit<Snapshot, "mayWrite" | "user">;

/** Builds the shared part. `seen` goes into the next call: it dates the problems that carry no date. */
export function buildSnapshot(input: SnapshotInput): { readonly snapshot: SharedSnapshot; readonly seen: FirstSeen } {
  const { appliance, figures, wallMs } = input;
  const { config, processes } = appliance;
  const startedWallMs = processes?.startedWallMs ?? wallMs;
  const frontends = config.frontends.map((frontend) => frontendStatus(frontend, figures));
  const backends = config.backends.map((backend) => backendStatus(backend, appliance, figures, startedWallMs));
  const vrrp = config.vrrp.map((instance) => vrrpStatus(instance, appliance, startedWallMs));
  const lvs = config.lvs === undefined ? null : lvsOf(appliance);
  const limits = { connections: figures.connections(), maxconn: config.global.maxconn };
  const found = [...findProblems({ processes, frontends, backends, vrrp, lvs, limits }), ...appliance.toldProblems()];
  const { problems, seen } = dateProblems(found, input.seen, wallMs);
  const snapshot: SharedSnapshot = {
    api: API_VERSION,
    version: input.version,
    node: config.global.node,
    wallMs,
    startedWallMs,
    config: processes?.config ?? NO_CONFIG_STATUS,
    limits,
    processes: processes?.processes ?? [],
    frontends,
    backends,
    vrrp,
    ...(lvs === null ? {} : { lvs }),
    problems,
  };
  return { snapshot, seen };
}

/** Until the supervisor's first word, a moment after the start. */
const NO_CONFIG_STATUS: ConfigStatus = { path: "", generation: 0, hash: "", loadedWallMs: 0, lastReloadOk: true };

function frontendStatus(frontend: FrontendConfig, figures: Figures): FrontendStatus {
  return {
    name: frontend.name,
    mode: frontend.mode,
    binds: frontend.binds.map((bind) => bind.key),
    defaultBackend: frontend.defaultBackend,
    maxconn: frontend.maxconn,
    ...figures.frontend(frontend.name),
  };
}

function backendStatus(
  backend: BackendConfig,
  appliance: Appliance,
  figures: Figures,
  startedWallMs: number,
): BackendStatus {
  return {
    name: backend.name,
    mode: backend.mode,
    balance: backend.balance,
    ...figures.backend(backend.name),
    servers: backend.servers.map((server) => serverStatus(backend, server, appliance, figures, startedWallMs)),
  };
}

function serverStatus(
  backend: BackendConfig,
  server: ServerConfig,
  appliance: Appliance,
  figures: Figures,
  startedWallMs: number,
): ServerStatus {
  const state = appliance.server(backend.name, server.name);
  return {
    name: server.name,
    address: addressText(server.address),
    backup: server.backup,
    weight: state.weight,
    health: state.health,
    admin: state.admin,
    check: server.check === null ? null : checkText(server.check),
    checkStatus: state.checkStatus,
    // The words of a check come from the server that was checked.
    checkInfo: safeText(state.checkInfo),
    checkDurationMs: state.checkDurationMs,
    progress: state.progress,
    sinceWallMs: state.sinceWallMs === 0 ? startedWallMs : state.sinceWallMs,
    maxconn: server.maxconn,
    ...figures.server(backend.name, server.name),
  };
}

function vrrpStatus(instance: VrrpConfig, appliance: Appliance, startedWallMs: number): VrrpStatus {
  const status = appliance.instance(instance.name);
  if (status !== undefined) {
    const { rivals, refused, details } = status;
    return {
      ...status,
      ...(rivals === undefined ? {} : { rivals: rivals.map(safeText) }),
      ...(refused === undefined ? {} : { refused: refused.map(safeText) }),
      ...(details === undefined ? {} : { details: details.map(safeText) }),
      why: safeText(status.why),
    };
  }
  return {
    instance: instance.name,
    interface: instance.interface,
    virtualRouterId: instance.virtualRouterId,
    version: instance.version,
    state: "init",
    priority: instance.priority,
    basePriority: instance.priority,
    advertIntervalMs: instance.advertIntervalMs,
    addresses: instance.addresses.map((vip) => `${vip.address}/${vip.prefixLength}`),
    masterAddress: null,
    masterPriority: null,
    lastAdvertWallMs: null,
    sinceWallMs: startedWallMs,
    transitions: 0,
    advertsSent: 0,
    advertsReceived: 0,
    priorityZeroSent: 0,
    priorityZeroReceived: 0,
    garpSent: 0,
    errors: {},
    tracks: [],
    why: "the vrrp role has not reported yet",
  };
}

/** Until the director has spoken there is nothing to show of it. */
function lvsOf({ lvs }: Appliance): LvsStatus {
  if (lvs === null) return { troubles: [], virtualServers: [] };
  const virtualServers = lvs.virtualServers.map((virtual) => ({
    ...virtual,
    // The words of a check may come from the server that was checked.
    realServers: virtual.realServers.map((real) => ({ ...real, checkInfo: safeText(real.checkInfo) })),
  }));
  return { troubles: lvs.troubles.map(safeText), virtualServers };
}

/** `10.0.0.1:80`, `[2001:db8::1]:80`, `unix:/run/app.sock`. */
function addressText(address: SocketAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  return address.family === 6 ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** `GET /healthz every 2s`. */
function checkText(check: CheckConfig): string {
  const what = check.probe.kind === "tcp" ? "tcp" : `${check.probe.method} ${check.probe.target}`;
  return `${what} every ${formatDurationMs(check.intervalMs)}`;
}
