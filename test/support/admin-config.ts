/** A configuration and an assignment for tests of the admin role, built in code. */
import type { BackendConfig, FrontendConfig, ServerConfig } from "../../src/config/types-proxy.ts";
import type { VrrpConfig } from "../../src/config/types-vrrp.ts";
import type { Config } from "../../src/config/types.ts";
import type { Assignment, ServerState } from "../../src/ipc/messages.ts";
import { objectKeys } from "../../src/stats/registry.ts";

export function serverConfig(name: string, change: Partial<ServerConfig> = {}): ServerConfig {
  return {
    name,
    address: { kind: "inet", family: 4, host: "10.0.0.1", port: 8080 },
    weight: 1,
    maxconn: null,
    backup: false,
    check: {
      probe: { kind: "http", method: "GET", target: "/healthz", host: null, expect: [[200, 399]] },
      intervalMs: 2000,
      fastIntervalMs: 2000,
      downIntervalMs: 2000,
      timeoutMs: 2000,
      rise: 2,
      fall: 3,
    },
    ...change,
  };
}

export function backendConfig(name: string, servers: readonly ServerConfig[]): BackendConfig {
  return {
    name,
    mode: "http",
    balance: "roundrobin",
    servers,
    rules: [],
    retries: 3,
    redispatch: true,
    abortonclose: true,
    httpClose: false,
    timeouts: { connectMs: 5000, serverMs: 50_000, queueMs: 5000, tunnelMs: 3_600_000, checkMs: null },
  };
}

export function frontendConfig(name: string, change: Partial<FrontendConfig> = {}): FrontendConfig {
  return {
    name,
    mode: "http",
    binds: [
      {
        key: "0.0.0.0:80",
        address: { kind: "inet", family: 4, host: "0.0.0.0", port: 80 },
        freebind: false,
        tls: null,
        path: `frontend.${name}.bind[0]`,
      },
    ],
    maxconn: 1000,
    defaultBackend: "app",
    rules: [],
    options: { forwardfor: true, dontlognull: true, httpClose: false, log: "httplog" },
    timeouts: {
      clientMs: 50_000,
      httpRequestMs: 10_000,
      httpKeepAliveMs: 10_000,
      clientFinMs: 5000,
      tunnelMs: 3_600_000,
      tlsHandshakeMs: 5000,
    },
    ...change,
  };
}

export function vrrpConfig(name: string): VrrpConfig {
  return {
    name,
    interface: "eth0",
    virtualRouterId: 51,
    priority: 101,
    version: 3,
    advertIntervalMs: 1000,
    initialState: "backup",
    preempt: true,
    preemptDelayMs: 0,
    addresses: [
      { family: 4, address: "192.0.2.10", prefixLength: 24, dev: null, label: null, scope: null, broadcast: null },
    ],
    excludedAddresses: [],
    authPassword: "secret",
    unicast: null,
    multicastSource: null,
    garp: { delayMs: 5000, repeat: 5, refreshMs: 0, lowerPriorityRepeat: 5 },
    tracks: [],
  };
}

export function testConfig(change: Partial<Config> = {}): Config {
  return {
    global: {
      node: "lb1",
      user: "nobody",
      group: "nogroup",
      workers: 2,
      maxconn: 20_000,
      log: [],
      hardStopAfterMs: 30_000,
      spreadChecksPercent: 5,
      pidfile: null,
    },
    admin: { socket: "/run/ballast/ballast.sock", adminGroup: null },
    frontends: [frontendConfig("web")],
    backends: [backendConfig("app", [serverConfig("web1"), serverConfig("web2")])],
    vrrp: [vrrpConfig("VI_1")],
    ...change,
  };
}

export function serverState(backend: string, server: string, change: Partial<ServerState> = {}): ServerState {
  return {
    backend,
    server,
    health: "up",
    admin: "ready",
    weight: 1,
    checkStatus: "L7OK",
    checkInfo: "HTTP 200",
    checkDurationMs: 3,
    progress: 0,
    sinceWallMs: 1_000,
    ...change,
  };
}

export function testAssignment(config: Config, change: Partial<Assignment> = {}): Assignment {
  return {
    generation: 1,
    config,
    index: 0,
    objects: Object.fromEntries(objectKeys(config).map((key, index) => [key, index])),
    listeners: ["admin"],
    tls: {},
    servers: config.backends.flatMap((backend) =>
      backend.servers.map((server) => serverState(backend.name, server.name)),
    ),
    counters: "",
    ...change,
  };
}
