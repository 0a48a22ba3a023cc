/** [vrrp.NAME], [vrrp_script.NAME] and [vrrp_group.NAME] as the document that would produce them. */
import { unreachable } from "../lib/result.ts";
import { formatDurationMs } from "../lib/units.ts";
import { MASK } from "./mask.ts";
import { notifyTree } from "./show-notify.ts";
import type {
  HeartbeatConfig,
  NetworkConfig,
  TrackConfig,
  VipConfig,
  VirtualRouteConfig,
  VirtualRuleConfig,
  VrrpConfig,
  VrrpScriptConfig,
} from "./types-vrrp.ts";

type Tree = Record<string, unknown>;

export function vrrpTrees(instances: readonly VrrpConfig[]): Tree {
  return byName(instances, instanceTree);
}

function byName<T extends { readonly name: string }>(objects: readonly T[], tree: (object: T) => Tree): Tree {
  return Object.fromEntries(objects.map((object) => [object.name, tree(object)]));
}

function instanceTree(instance: VrrpConfig): Tree {
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
    accept: instance.accept ?? true,
    heartbeat: heartbeatTree(instance.heartbeat),
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
export function scriptTrees(instances: readonly VrrpConfig[]): Tree | undefined {
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

export function groupTrees(instances: readonly VrrpConfig[]): Tree | undefined {
  const groups = new Map(instances.flatMap(({ group }) => (group === undefined ? [] : [[group.name, group] as const])));
  if (groups.size === 0) return undefined;
  return byName([...groups.values()], (group) => ({
    members: instances.filter((instance) => instance.group?.name === group.name).map((instance) => instance.name),
    track: group.tracks.map(trackTree),
    notify: notifyTree(group.notify),
  }));
}

function heartbeatTree(heartbeat: HeartbeatConfig | undefined): Tree | undefined {
  if (heartbeat === undefined) return undefined;
  const { interface: name, source, peers } = heartbeat;
  return { interface: name, source: source ?? undefined, peers: peers === null ? undefined : [...peers] };
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
    case "route":
      return { route: networkText(track.to), table: track.table, ...more };
    case "witness":
      return { witness: track.address, interval: formatDurationMs(track.intervalMs), ...more };
    default:
      return unreachable(track);
  }
}
