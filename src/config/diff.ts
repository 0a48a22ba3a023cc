/** What changes between two configurations: for the reload, and for `ballast plan`. */
import type { RealServerConfig, VirtualServerConfig } from "./types-lvs.ts";
import type { BackendConfig, BindConfig, FrontendConfig, ServerConfig } from "./types-proxy.ts";
import type { VrrpConfig } from "./types-vrrp.ts";
import type { Config } from "./types.ts";

export interface Change<T> {
  readonly before: T;
  readonly after: T;
}

export interface Changes<T> {
  readonly added: readonly T[];
  readonly removed: readonly T[];
  readonly changed: readonly Change<T>[];
}

export interface BackendServer {
  readonly backend: string;
  readonly server: ServerConfig;
}

export interface VirtualRealServer {
  readonly virtual: string;
  readonly real: RealServerConfig;
}

export interface ConfigDiff {
  /** By bind key: a kept listener keeps its socket, whatever else about it changes. */
  readonly listeners: {
    readonly added: readonly BindConfig[];
    readonly removed: readonly BindConfig[];
    readonly kept: readonly BindConfig[];
  };
  readonly frontends: Changes<FrontendConfig>;
  /** Without their servers, which are compared one by one. */
  readonly backends: Changes<BackendConfig>;
  /** Servers of backends that stay, and of those that come or go. */
  readonly servers: Changes<BackendServer>;
  readonly vrrp: Changes<VrrpConfig>;
  /** Without their real servers, which are compared one by one. */
  readonly virtualServers: Changes<VirtualServerConfig>;
  readonly realServers: Changes<VirtualRealServer>;
  /** Keys that take effect at the next start only. */
  readonly restart: readonly string[];
  readonly isEmpty: boolean;
}

export function diffConfig(before: Config, after: Config): ConfigDiff {
  const listeners = diffListeners(before, after);
  const frontends = compare(before.frontends, after.frontends, (each) => each.name, identity);
  const backends = compare(before.backends, after.backends, (each) => each.name, withoutServers);
  const servers = compare(serversOf(before), serversOf(after), serverKey, identity);
  const vrrp = compare(before.vrrp, after.vrrp, (each) => each.name, identity);
  const virtualServers = compare(virtualOf(before), virtualOf(after), (each) => each.name, withoutRealServers);
  const realServers = compare(realOf(before), realOf(after), (each) => `${each.virtual}/${each.real.name}`, identity);
  const lvs = canonical(lvsSettings(before)) === canonical(lvsSettings(after));
  const restart = restartKeys(before, after);
  const global = canonical(before.global) === canonical(after.global);
  const admin = canonical(before.admin) === canonical(after.admin);
  const parts = [frontends, backends, servers, vrrp, virtualServers, realServers].every((changes) =>
    isUnchanged(changes),
  );
  const alerts = canonical(before.alerts ?? null) === canonical(after.alerts ?? null);
  const others = global && admin && alerts && lvs;
  const isEmpty = others && parts && listeners.added.length + listeners.removed.length === 0;
  return { listeners, frontends, backends, servers, vrrp, virtualServers, realServers, restart, isEmpty };
}

/** Whether adverts of the two can be told apart by peers: then state and timers begin anew. */
export function isSameRouter(before: VrrpConfig, after: VrrpConfig): boolean {
  return (
    before.interface === after.interface &&
    before.virtualRouterId === after.virtualRouterId &&
    before.version === after.version
  );
}

function diffListeners(before: Config, after: Config): ConfigDiff["listeners"] {
  const old = new Map(before.frontends.flatMap((each) => each.binds).map((bind) => [bind.key, bind] as const));
  const now = new Map(after.frontends.flatMap((each) => each.binds).map((bind) => [bind.key, bind] as const));
  return {
    added: [...now.values()].filter((bind) => !old.has(bind.key)),
    removed: [...old.values()].filter((bind) => !now.has(bind.key)),
    kept: [...now.values()].filter((bind) => old.has(bind.key)),
  };
}

function compare<T>(
  before: readonly T[],
  after: readonly T[],
  key: (value: T) => string,
  relevant: (value: T) => unknown,
): Changes<T> {
  const old = new Map(before.map((value) => [key(value), value] as const));
  const now = new Set(after.map(key));
  const added: T[] = [];
  const changed: Change<T>[] = [];
  for (const value of after) {
    const previous = old.get(key(value));
    if (previous === undefined) added.push(value);
    else if (canonical(relevant(previous)) !== canonical(relevant(value)))
      changed.push({ before: previous, after: value });
  }
  return { added, removed: before.filter((value) => !now.has(key(value))), changed };
}

function identity<T>(value: T): T {
  return value;
}

function withoutServers(backend: BackendConfig): unknown {
  return { ...backend, servers: [] };
}

function serversOf(config: Config): readonly BackendServer[] {
  return config.backends.flatMap((backend) => backend.servers.map((server) => ({ backend: backend.name, server })));
}

function virtualOf(config: Config): readonly VirtualServerConfig[] {
  return config.lvs?.virtualServers ?? [];
}

function withoutRealServers(virtual: VirtualServerConfig): unknown {
  return { ...virtual, realServers: [] };
}

function realOf(config: Config): readonly VirtualRealServer[] {
  return virtualOf(config).flatMap(({ name, realServers }) => realServers.map((real) => ({ virtual: name, real })));
}

/** [ipvs] and [realserver]. */
function lvsSettings({ lvs, realserver }: Config): unknown {
  return [lvs === undefined ? null : { ...lvs, virtualServers: [] }, realserver ?? null];
}

function serverKey(each: BackendServer): string {
  return `${each.backend}/${each.server.name}`;
}

/** Every object of a configuration is built with its keys in one order. `path` says where it stood, not what it is. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => (key === "path" && isPlace(inner) ? undefined : inner));
}

/** Unix sockets and log files have a path, too; theirs begin with a slash. */
function isPlace(value: unknown): boolean {
  return typeof value === "string" && !value.startsWith("/");
}

function isUnchanged(changes: Changes<unknown>): boolean {
  return changes.added.length + changes.removed.length + changes.changed.length === 0;
}

/** Keys whose new values wait for the next start, given what the appliance was started with. */
export function restartKeys(before: Config, after: Config): readonly string[] {
  const keys: string[] = [];
  for (const key of ["user", "group", "pidfile"] as const) {
    if (before.global[key] !== after.global[key]) keys.push(`global.${key}`);
  }
  if (before.admin.socket !== after.admin.socket) keys.push("admin.socket");
  // The socket's file has its group since it was made.
  if (before.admin.adminGroup !== after.admin.adminGroup) keys.push("admin.admin_group");
  return keys;
}
