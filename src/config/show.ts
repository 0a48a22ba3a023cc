/** Config → the document that would produce it, every default written out: `show config --defaults`. */
import { stringify } from "smol-toml";
import { formatCondition } from "../acl/format.ts";
import { unreachable } from "../lib/result.ts";
import { formatDurationMs } from "../lib/units.ts";
import { tlsTree } from "./normalise-check-tls.ts";
import { ipvsTree, realserverTree, virtualServersTree } from "./show-lvs.ts";
import { formatSocketAddress } from "./schema-address.ts";
import { alertsTree } from "./show-notify.ts";
import { groupTrees, scriptTrees, vrrpTrees } from "./show-vrrp.ts";
import type {
  BackendConfig,
  BindConfig,
  CheckConfig,
  FrontendConfig,
  RuleAction,
  RuleConfig,
  ServerConfig,
} from "./types-proxy.ts";
import type { Config, LogTarget } from "./types.ts";

/** A TOML table; keys with the value undefined are left out. */
type Tree = Record<string, unknown>;

/** Secrets are always masked here: whoever needs them has the file. */
export function configDocument(config: Config): Tree {
  const { global, admin } = config;
  return clean({
    global: {
      node: global.node,
      user: global.user,
      group: global.group,
      workers: global.workers,
      maxconn: global.maxconn,
      log: global.log.map(logTree),
      hard_stop_after: formatDurationMs(global.hardStopAfterMs),
      spread_checks: global.spreadChecksPercent,
      pidfile: global.pidfile ?? undefined,
    },
    admin: { socket: admin.socket, admin_group: admin.adminGroup ?? undefined },
    frontend: byName(config.frontends, frontendTree),
    backend: byName(config.backends, backendTree),
    vrrp: vrrpTrees(config.vrrp),
    alerts: alertsTree(config.alerts),
    vrrp_script: scriptTrees(config.vrrp),
    vrrp_group: groupTrees(config.vrrp),
    virtual_server: virtualServersTree(config.lvs),
    ipvs: ipvsTree(config.lvs),
    realserver: realserverTree(config.realserver),
  });
}

export function configToml(config: Config): string {
  return stringify(configDocument(config));
}

function byName<T extends { readonly name: string }>(objects: readonly T[], tree: (object: T) => Tree): Tree {
  return Object.fromEntries(objects.map((object) => [object.name, tree(object)]));
}

function clean(tree: Tree): Tree {
  const kept: Tree = {};
  for (const [key, value] of Object.entries(tree)) {
    if (value === undefined) continue;
    kept[key] = cleanValue(value);
  }
  return kept;
}

function cleanValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(cleanValue);
  return typeof value === "object" && value !== null ? clean(value as Tree) : value;
}

function logTree(log: LogTarget): Tree {
  return { target: sinkText(log.sink), facility: log.facility, level: log.level, format: log.format };
}

function sinkText(sink: LogTarget["sink"]): string {
  switch (sink.kind) {
    case "stderr":
    case "stdout":
      return sink.kind;
    case "file":
    case "unix":
      return `${sink.kind}:${sink.path}`;
    case "syslog":
      return `syslog://${formatSocketAddress(sink.address)}`;
    default:
      return unreachable(sink);
  }
}

function frontendTree(frontend: FrontendConfig): Tree {
  const { options, timeouts } = frontend;
  return {
    mode: frontend.mode,
    bind: frontend.binds.map(bindTree),
    maxconn: frontend.maxconn,
    default_backend: frontend.defaultBackend ?? undefined,
    options: [
      ...optionWords({
        forwardfor: options.forwardfor,
        dontlognull: options.dontlognull,
        http_close: options.httpClose,
      }),
      options.log ?? "no httplog",
    ],
    timeouts: {
      client: formatDurationMs(timeouts.clientMs),
      http_request: formatDurationMs(timeouts.httpRequestMs),
      http_keep_alive: formatDurationMs(timeouts.httpKeepAliveMs),
      client_fin: formatDurationMs(timeouts.clientFinMs),
      tunnel: formatDurationMs(timeouts.tunnelMs),
      tls_handshake: formatDurationMs(timeouts.tlsHandshakeMs),
    },
    rules: frontend.rules.map(ruleTree),
  };
}

function optionWords(options: Readonly<Record<string, boolean>>): readonly string[] {
  return Object.entries(options).map(([name, on]) => (on ? name : `no ${name}`));
}

function bindTree(bind: BindConfig): Tree {
  const address = formatSocketAddress(bind.address);
  if (bind.tls === null) return { address };
  const { certificates, alpn, minVersion } = bind.tls;
  return { address, tls: { certificates: [...certificates], alpn: [...alpn], min_version: minVersion } };
}

function ruleTree(rule: RuleConfig): Tree {
  return { when: rule.when === null ? undefined : formatCondition(rule.when), ...actionTree(rule.action) };
}

function actionTree(action: RuleAction): Tree {
  switch (action.kind) {
    case "use_backend":
      return { use_backend: action.backend };
    case "redirect":
      return { redirect: { ...action.to, code: action.code } };
    case "deny":
      return { deny: { status: action.status } };
    case "set_header":
      return { set_header: Object.fromEntries(action.headers) };
    case "add_header":
      return { add_header: Object.fromEntries(action.headers) };
    case "del_header":
      return { del_header: [...action.names] };
    default:
      return unreachable(action);
  }
}

function backendTree(backend: BackendConfig): Tree {
  const { timeouts } = backend;
  return {
    mode: backend.mode,
    balance: backend.balance,
    retries: backend.retries,
    options: optionWords({
      redispatch: backend.redispatch,
      abortonclose: backend.abortonclose,
      http_close: backend.httpClose,
    }),
    timeouts: {
      connect: formatDurationMs(timeouts.connectMs),
      server: formatDurationMs(timeouts.serverMs),
      queue: formatDurationMs(timeouts.queueMs),
      tunnel: formatDurationMs(timeouts.tunnelMs),
      check: timeouts.checkMs === null ? undefined : formatDurationMs(timeouts.checkMs),
    },
    servers: backend.servers.map(serverTree),
    rules: backend.rules.map(ruleTree),
  };
}

function serverTree(server: ServerConfig): Tree {
  const address = formatSocketAddress(server.address);
  return {
    // A name that is the address may have characters that a written name may not.
    name: server.name === address ? undefined : server.name,
    address,
    weight: server.weight,
    maxconn: server.maxconn ?? undefined,
    backup: server.backup,
    check: server.check === null ? false : checkTree(server.check),
  };
}

function checkTree(check: CheckConfig): Tree {
  const { probe } = check;
  const asked =
    probe.kind === "tcp"
      ? { tcp: true }
      : {
          http: `${probe.method} ${probe.target}`,
          host: probe.host ?? undefined,
          expect: probe.expect.map(([low, high]) => (low === high ? `${low}` : `${low}-${high}`)).join(","),
        };
  return {
    ...asked,
    tls: tlsTree(check.tls),
    interval: formatDurationMs(check.intervalMs),
    fast_interval: formatDurationMs(check.fastIntervalMs),
    down_interval: formatDurationMs(check.downIntervalMs),
    timeout: formatDurationMs(check.timeoutMs),
    rise: check.rise,
    fall: check.fall,
  };
}
