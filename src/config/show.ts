/** Config → the document that would produce it, every default written out: `show config --defaults`. */
import { stringify } from "smol-toml";
import { formatCondition } from "../acl/format.ts";
import { unreachable } from "../lib/result.ts";
import { formatDurationMs } from "../lib/units.ts";
import { MASK } from "./mask.ts";
import { tlsTree } from "./normalise-check-tls.ts";
import { ipvsTree, realserverTree, virtualServersTree } from "./show-lvs.ts";
import { formatSocketAddress } from "./schema-address.ts";
import { alertsTree, notifyTree } from "./show-notify.ts";
import type { BackendConfig, BindConfig, CheckConfig, Config, FrontendConfig, LogTarget } from "./types.ts";
import type {
  RuleAction,
  RuleConfig,
  ServerConfig,
  TrackConfig,
  VipConfig,
  VrrpConfig,
  VirtualRouteConfig,
  VirtualRuleConfig,
  NetworkConfig,
  VrrpScriptConfig,
} from "./types.ts";

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
    vrrp: byName(config.vrrp, vrrpTree),
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

function vrrpTree(instance: VrrpConfig): Tree {
  const { unicast, garp } = instance;
  return {
    interface: instance.interface,
    virtual_router_id: instance.virtualRouterId,
    priority: instance.priority,
    version: instance.version,
    advert_interval: formatDurationMs(instance.advertIntervalMs),
    state: instance.initialState,
    preempt: instance.preempt,
    preempt_delay: formatDurationMs(instance.preemptDelayMs),
    auth: instance.authPassword === null ? undefined : { type: instance.authType ?? "pass", password: MASK },
    unicast: unicast === null ? undefined : { source: unicast.source ?? undefined, peers: [...unicast.peers] },
    multicast_source: instance.multicastSource ?? undefined,
    multicast_group: instance.multicastGroup,
    routes: instance.routes?.map(virtualRouteTree),
    rules: instance.rules?.map(virtualRuleTree),
    use_vmac: instance.vmac?.name,
    vmac_xmit_base: instance.vmac?.xmitBase,
    startup_delay: formatDurationMs(instance.startupDelayMs ?? 0),
    interface_up_delay: formatDurationMs(instance.interfaceUpDelayMs ?? 0),
    garp: {
      delay: formatDurationMs(garp.delayMs),
      repeat: garp.repeat,
      refresh: formatDurationMs(garp.refreshMs),
      lower_priority_repeat: garp.lowerPriorityRepeat,
      lower_priority_delay: formatDurationMs(garp.lowerPriorityDelayMs ?? garp.delayMs),
      refresh_repeat: garp.refreshRepeat ?? 1,
      interval: formatDurationMs(garp.intervalMs ?? 0),
    },
    addresses: instance.addresses.map(vipTree),
    excluded_addresses: instance.excludedAddresses.map(vipTree),
    track: instance.tracks.map(trackTree),
    notify: notifyTree(instance.notify),
  };
}

/** The scripts that some instance follows; others have no effect. Undefined: none. */
function scriptTrees(instances: readonly VrrpConfig[]): Tree | undefined {
  const tracks = instances.flatMap((instance) => [...instance.tracks, ...(instance.group?.tracks ?? [])]);
  const scripts = new Map(
    tracks.flatMap((track) => (track.kind === "script" ? [[track.script.name, track.script] as const] : [])),
  );
  return scripts.size === 0 ? undefined : byName([...scripts.values()], scriptTree);
}

function scriptTree(script: VrrpScriptConfig): Tree {
  return {
    command: [...script.command],
    interval: formatDurationMs(script.intervalMs),
    timeout: formatDurationMs(script.timeoutMs),
    rise: script.rise,
    fall: script.fall,
    user: script.user ?? undefined,
    init_fail: script.initFail,
  };
}

function groupTrees(instances: readonly VrrpConfig[]): Tree | undefined {
  const groups = new Map(instances.flatMap(({ group }) => (group === undefined ? [] : [[group.name, group] as const])));
  if (groups.size === 0) return undefined;
  return byName([...groups.values()], (group) => ({
    members: instances.filter((instance) => instance.group?.name === group.name).map((instance) => instance.name),
    track: group.tracks.map(trackTree),
  }));
}

function virtualRouteTree(route: VirtualRouteConfig): Tree {
  return {
    to: networkText(route.to),
    via: route.via ?? undefined,
    dev: route.dev ?? undefined,
    source: route.source ?? undefined,
    metric: route.metric ?? undefined,
    table: route.table,
    kind: route.kind,
  };
}

function virtualRuleTree(rule: VirtualRuleConfig): Tree {
  return {
    from: rule.from === null ? undefined : networkText(rule.from),
    to: rule.to === null ? undefined : networkText(rule.to),
    incoming: rule.incoming ?? undefined,
    table: rule.table,
    priority: rule.priority ?? undefined,
  };
}

function networkText({ address, prefixLength }: NetworkConfig): string {
  return `${address}/${prefixLength}`;
}

function vipTree(vip: VipConfig): Tree {
  return {
    address: `${vip.address}/${vip.prefixLength}`,
    dev: vip.dev ?? undefined,
    label: vip.label ?? undefined,
    scope: vip.scope ?? undefined,
    broadcast: vip.broadcast ?? undefined,
  };
}

function trackTree(track: TrackConfig): Tree {
  const more = { weight: track.weight, reverse: track.reverse };
  switch (track.kind) {
    case "proxy":
      return { proxy: true, ...more };
    case "interface":
      return { interface: track.name, ...more };
    case "script":
      return { script: track.script.name, ...more };
    case "process":
      return { process: track.name, quorum: track.quorum, ...more };
    case "file":
      return { file: track.path, ...more };
    default:
      return unreachable(track);
  }
}
