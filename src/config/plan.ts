/** A difference of configurations in the operator's words: per change, what it costs. */
import { diffConfig, isSameRouter } from "./diff.ts";
import type { Change, ConfigDiff, VirtualRealServer } from "./diff.ts";
import type { VrrpConfig } from "./types-vrrp.ts";
import type { Config } from "./types.ts";

/** hitless: nobody notices; drains: sessions finish first; moves: an address comes or goes; restart: not by a reload. */
export type PlanCost = "hitless" | "drains" | "moves" | "restart";

export interface PlanLine {
  readonly cost: PlanCost;
  readonly object: string;
  readonly text: string;
}

export function planLines(before: Config, after: Config): readonly PlanLine[] {
  const diff = diffConfig(before, after);
  return [
    ...listenerLines(diff),
    ...proxyLines(diff),
    ...serverLines(diff),
    ...lvsLines(diff),
    ...vrrpLines(diff),
    ...restartLines(diff),
  ];
}

function listenerLines(diff: ConfigDiff): readonly PlanLine[] {
  const { added, removed } = diff.listeners;
  return [
    ...added.map((bind): PlanLine => ({ cost: "hitless", object: bind.key, text: "listener is opened" })),
    ...removed.map((bind): PlanLine => ({
      cost: "drains",
      object: bind.key,
      text: "listener is closed; its sessions finish",
    })),
  ];
}

function proxyLines(diff: ConfigDiff): readonly PlanLine[] {
  const lines: PlanLine[] = [];
  for (const [kind, changes] of [
    ["frontend", diff.frontends],
    ["backend", diff.backends],
  ] as const) {
    for (const each of changes.added) lines.push({ cost: "hitless", object: each.name, text: `${kind} is added` });
    for (const each of changes.removed) lines.push({ cost: "drains", object: each.name, text: `${kind} is removed` });
    for (const each of changes.changed)
      lines.push({ cost: "hitless", object: each.after.name, text: `${kind} changes for new sessions` });
  }
  return lines;
}

function serverLines(diff: ConfigDiff): readonly PlanLine[] {
  const { added, removed, changed } = diff.servers;
  const name = (each: { readonly backend: string; readonly server: { readonly name: string } }): string =>
    `${each.backend}/${each.server.name}`;
  return [
    ...added.map((each): PlanLine => ({ cost: "hitless", object: name(each), text: "server is added" })),
    ...removed.map((each): PlanLine => ({
      cost: "drains",
      object: name(each),
      text: "server is removed; its sessions finish",
    })),
    ...changed.map((each): PlanLine => ({
      cost: "hitless",
      object: name(each.after),
      text: "server changes for new sessions",
    })),
  ];
}

function lvsLines({ virtualServers, realServers }: ConfigDiff): readonly PlanLine[] {
  const line = (cost: PlanCost, object: string, text: string): PlanLine => ({ cost, object, text });
  const name = ({ virtual, real }: VirtualRealServer): string => `${virtual}/${real.name}`;
  return [
    ...virtualServers.added.map((each) => line("hitless", each.name, "virtual server is added")),
    ...virtualServers.removed.map((each) =>
      line("drains", each.name, "virtual server is removed; its connections finish"),
    ),
    ...virtualServers.changed.map((each) => line("hitless", each.after.name, "virtual server keeps its connections")),
    ...realServers.added.map((each) => line("hitless", name(each), "real server is added")),
    ...realServers.removed.map((each) => line("drains", name(each), "real server is removed; its connections finish")),
    ...realServers.changed.map((each) => line("hitless", name(each.after), "real server keeps its connections")),
  ];
}

function vrrpLines(diff: ConfigDiff): readonly PlanLine[] {
  const { added, removed, changed } = diff.vrrp;
  return [
    ...added.map((each): PlanLine => ({
      cost: "moves",
      object: each.name,
      text: "instance begins; it may take the addresses",
    })),
    ...removed.map((each): PlanLine => ({
      cost: "moves",
      object: each.name,
      text: "instance ends; it gives its addresses away",
    })),
    ...changed.map(changedInstance),
  ];
}

function changedInstance({ before, after }: Change<VrrpConfig>): PlanLine {
  const object = after.name;
  if (!isSameRouter(before, after)) return { cost: "moves", object, text: "instance becomes another virtual router" };
  const had = new Set([...before.addresses, ...before.excludedAddresses].map((vip) => vip.address));
  const has = new Set([...after.addresses, ...after.excludedAddresses].map((vip) => vip.address));
  const gone = [...had].filter((address) => !has.has(address));
  const come = [...has].filter((address) => !had.has(address));
  if (gone.length + come.length === 0) return { cost: "hitless", object, text: "instance changes and keeps its state" };
  const moves = [...gone.map((address) => `−${address}`), ...come.map((address) => `+${address}`)];
  return { cost: "moves", object, text: `addresses change: ${moves.join(" ")}` };
}

function restartLines(diff: ConfigDiff): readonly PlanLine[] {
  return diff.restart.map((key) => ({ cost: "restart", object: key, text: "takes effect at the next start" }));
}
