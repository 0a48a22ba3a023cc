/** Virtual routes and rules: from the configuration to what the kernel is asked for, and to words. */
import type { NetworkConfig, VirtualRouteConfig, VirtualRuleConfig } from "../config/types-vrrp.ts";
import type { NetworkBytes } from "../netlink/codec-forward.ts";
import type { NodeView } from "../netlink/node-view.ts";
import type { ForwardRequest } from "../netlink/route-port.ts";
import { addressBytes } from "../net/address.ts";

/** Null while the route's interface does not exist. */
export function routeRequest(route: VirtualRouteConfig, view: NodeView): ForwardRequest | null {
  const link = route.dev === null ? null : view.link(route.dev);
  if (route.dev !== null && link === null) return null;
  return {
    what: "route",
    route: {
      family: route.family,
      kind: route.kind,
      to: networkBytes(route.to),
      via: route.via === null ? null : addressBytes(route.via),
      linkIndex: link?.index ?? null,
      source: route.source === null ? null : addressBytes(route.source),
      metric: route.metric,
      table: route.table,
    },
  };
}

export function ruleRequest(rule: VirtualRuleConfig): ForwardRequest {
  return {
    what: "rule",
    rule: {
      ...rule,
      from: rule.from === null ? null : networkBytes(rule.from),
      to: rule.to === null ? null : networkBytes(rule.to),
    },
  };
}

/** `route to 10.0.0.0/8 via 192.0.2.254 table 100`. */
export function routeText(route: VirtualRouteConfig): string {
  const kind = route.kind === "unicast" ? "route" : `${route.kind} route`;
  const via = route.via === null ? "" : ` via ${route.via}`;
  const dev = route.dev === null ? "" : ` dev ${route.dev}`;
  return `${kind} to ${networkText(route.to)}${via}${dev} table ${route.table}`;
}

export function ruleText(rule: VirtualRuleConfig): string {
  const from = rule.from === null ? "" : ` from ${networkText(rule.from)}`;
  const to = rule.to === null ? "" : ` to ${networkText(rule.to)}`;
  const incoming = rule.incoming === null ? "" : ` incoming ${rule.incoming}`;
  return `rule${from}${to}${incoming} table ${rule.table}`;
}

function networkBytes({ address, prefixLength }: NetworkConfig): NetworkBytes {
  return { address: addressBytes(address), prefixLength };
}

function networkText({ address, prefixLength }: NetworkConfig): string {
  return `${address}/${prefixLength}`;
}
