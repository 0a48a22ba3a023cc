/** Configurations for proxy tests, built in code: everything has a default, ports are 0 until the child opens them. */
import type {
  BackendConfig,
  FrontendConfig,
  FrontendTimeouts,
  BackendTimeouts,
  ServerConfig,
  SocketAddress,
  TlsConfig,
} from "../../src/config/types-proxy.ts";
import type { Config } from "../../src/config/types.ts";

export interface ProxySpec {
  readonly mode?: "tcp" | "http";
  /** Ports on 127.0.0.1, or whole servers. */
  readonly servers: readonly (number | Partial<ServerConfig> | string)[];
  readonly frontend?: Partial<Omit<FrontendConfig, "timeouts" | "options">>;
  readonly options?: Partial<FrontendConfig["options"]>;
  readonly backend?: Partial<Omit<BackendConfig, "timeouts" | "servers">>;
  readonly frontendTimeouts?: Partial<FrontendTimeouts>;
  readonly backendTimeouts?: Partial<BackendTimeouts>;
  readonly maxconn?: number;
  readonly tls?: TlsConfig;
  /** Further backends by name, with their servers' ports. */
  readonly backends?: Readonly<Record<string, readonly number[]>>;
  readonly logSessions?: boolean;
  /** More listeners of the frontend, by key. */
  readonly binds?: Readonly<Record<string, SocketAddress>>;
  readonly blocksMax?: number;
}

export const BIND_KEY = "127.0.0.1:0";

function serverOf(server: number | Partial<ServerConfig> | string, index: number): ServerConfig {
  const base: ServerConfig = {
    name: `s${index + 1}`,
    address: { kind: "inet", family: 4, host: "127.0.0.1", port: 1 },
    weight: 1,
    maxconn: null,
    backup: false,
    check: null,
  };
  if (typeof server === "number") {
    return { ...base, address: { kind: "inet", family: 4, host: "127.0.0.1", port: server } };
  }
  if (typeof server === "string") return { ...base, address: { kind: "unix", path: server } };
  return { ...base, ...server };
}

export function proxyConfig(spec: ProxySpec): Config {
  const mode = spec.mode ?? "http";
  const backendTimeouts: BackendTimeouts = {
    connectMs: 2000,
    serverMs: 5000,
    queueMs: 2000,
    tunnelMs: 60_000,
    checkMs: null,
    ...spec.backendTimeouts,
  };
  const backend = (name: string, servers: ProxySpec["servers"]): BackendConfig => ({
    name,
    mode,
    balance: "roundrobin",
    servers: servers.map(serverOf),
    rules: [],
    retries: 3,
    redispatch: true,
    abortonclose: false,
    httpClose: false,
    ...spec.backend,
    timeouts: backendTimeouts,
  });
  return {
    global: {
      node: "test",
      user: "nobody",
      group: "nogroup",
      workers: 1,
      maxconn: spec.maxconn ?? 2000,
      log: [],
      hardStopAfterMs: 5000,
      spreadChecksPercent: 0,
      pidfile: null,
    },
    admin: { socket: "/nonexistent", adminGroup: null },
    frontends: [
      {
        name: "web",
        mode,
        maxconn: 2000,
        defaultBackend: "app",
        rules: [],
        ...spec.frontend,
        binds: [
          {
            key: BIND_KEY,
            address: { kind: "inet", family: 4, host: "127.0.0.1", port: 0 },
            freebind: false,
            tls: spec.tls ?? null,
            path: "frontend.web.bind[0]",
          },
          ...Object.entries(spec.binds ?? {}).map(([key, address], i) => ({
            key,
            address,
            freebind: false,
            tls: null,
            path: `frontend.web.bind[${i + 1}]`,
          })),
        ],
        options: { forwardfor: false, dontlognull: true, httpClose: false, log: null, ...spec.options },
        timeouts: {
          clientMs: 5000,
          httpRequestMs: 5000,
          httpKeepAliveMs: 5000,
          clientFinMs: 2000,
          tunnelMs: 60_000,
          tlsHandshakeMs: 5000,
          ...spec.frontendTimeouts,
        },
      },
    ],
    backends: [
      backend("app", spec.servers),
      ...Object.entries(spec.backends ?? {}).map(([name, ports]) => backend(name, ports)),
    ],
    vrrp: [],
  };
}
