/** `routes` and `rules` of [vrrp.NAME]. */
import type { NormaliseContext } from "./normalise-context.ts";
import { pick } from "./normalise-context.ts";
import type { At, Decoded } from "./schema-type.ts";
import { routeRows, ruleRows, type vrrpRows } from "./schema-vrrp.ts";
import type { VirtualRouteConfig, VirtualRuleConfig } from "./types-vrrp.ts";

type WrittenRoute = Decoded<typeof routeRows>;
type WrittenRule = Decoded<typeof ruleRows>;

export interface Forwarding {
  readonly routes?: readonly VirtualRouteConfig[];
  readonly rules?: readonly VirtualRuleConfig[];
}

/** Empty lists are left out. */
export function normaliseForwarding(
  value: Decoded<typeof vrrpRows>,
  interfaceName: string,
  context: NormaliseContext,
): Forwarding {
  const seen = new Set<string>();
  const routes = (value.routes ?? []).flatMap((item) => {
    const normalised = normaliseRoute(item, interfaceName, context);
    for (const route of normalised) {
      if (seen.has(key(route))) context.sink.error(item.at, "has the same network, table and metric as one before it");
      seen.add(key(route));
    }
    return normalised;
  });
  const rules = (value.rules ?? []).flatMap((rule) => normaliseRule(rule, context));
  return { ...(routes.length === 0 ? {} : { routes }), ...(rules.length === 0 ? {} : { rules }) };
}

function normaliseRoute(
  item: At<WrittenRoute>,
  interfaceName: string,
  context: NormaliseContext,
): readonly VirtualRouteConfig[] {
  const { value, at } = item;
  if (value.to === undefined) return [];
  const { family, address, prefixLength } = value.to;
  const kind = pick(routeRows.kind, value.kind);
  for (const name of ["via", "source"] as const) {
    const text = value[name];
    if (text !== undefined && (text.includes(":") ? 6 : 4) !== family) {
      context.sink.error([...at, name], `${text} does not fit the route, which is IPv${family}`);
    }
  }
  if (kind !== "unicast" && (value.via !== undefined || value.dev !== undefined)) {
    context.sink.error(at, `a ${kind} route leads nowhere: it has neither via nor dev`);
  }
  const home = kind === "unicast" && value.via === undefined ? interfaceName : null;
  return [
    {
      family,
      kind,
      to: { address, prefixLength },
      via: value.via ?? null,
      dev: value.dev ?? home,
      source: value.source ?? null,
      metric: value.metric ?? null,
      table: pick(routeRows.table, value.table),
    },
  ];
}

function normaliseRule(item: At<WrittenRule>, context: NormaliseContext): readonly VirtualRuleConfig[] {
  const { value, at } = item;
  const { from, to, incoming, table, priority } = value;
  if (from === undefined && to === undefined && incoming === undefined) {
    context.sink.error(at, "names no packets: every one would use that table", { help: "add from, to or incoming" });
    return [];
  }
  if (from !== undefined && to !== undefined && from.family !== to.family) {
    context.sink.error([...at, "to"], `is IPv${to.family} and "from" is IPv${from.family}`);
  }
  if (table === undefined) return [];
  const plain = (network: typeof from): VirtualRuleConfig["from"] =>
    network === undefined ? null : { address: network.address, prefixLength: network.prefixLength };
  return [
    {
      family: from?.family ?? to?.family ?? 4,
      from: plain(from),
      to: plain(to),
      incoming: incoming ?? null,
      table,
      priority: priority ?? null,
    },
  ];
}

/** What the kernel tells routes apart by. */
function key({ to, table, metric }: VirtualRouteConfig): string {
  return `${to.address}/${to.prefixLength} ${table} ${metric ?? ""}`;
}
