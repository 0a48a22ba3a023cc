/**
 * Would the VIP move? For every failure that an instance follows, computed with keepalived's arithmetic against the same
 * virtual router in the peer's configuration. What cannot move, and where the two files disagree, are warnings.
 */
import { IssueSink, type Path } from "./schema-issue.ts";
import type { TrackConfig, VrrpConfig } from "./types-vrrp.ts";
import type { Config } from "./types.ts";

/** One failure and what becomes of the VIP. */
export interface FailoverLine {
  readonly instance: string;
  readonly failure: string;
  readonly text: string;
  readonly moves: boolean;
}

/** `peer`: the configuration of the other node. Warnings go to `sink`; the answer is the whole table. */
export function lintFailover(
  config: Config,
  peer: Config,
  originOf: (object: object) => Path,
  sink: IssueSink,
): readonly FailoverLine[] {
  const lines: FailoverLine[] = [];
  for (const instance of config.vrrp) {
    const at = originOf(instance);
    const other = peer.vrrp.find(
      (each) => each.virtualRouterId === instance.virtualRouterId && familyOf(each) === familyOf(instance),
    );
    if (other === undefined) {
      const message = `the peer has no virtual router with VRID ${instance.virtualRouterId}: nobody takes over`;
      sink.warn([...at, "virtual_router_id"], message);
      continue;
    }
    compare(instance, other, at, sink);
    lines.push(...failures(instance, other, at, sink));
    // Where the peer leads its failures count; its warnings belong to its own file.
    const there = failures(other, instance, [], new IssueSink());
    lines.push(...there.map((line) => ({ ...line, instance: instance.name, failure: `on the peer: ${line.failure}` })));
  }
  return lines;
}

/** What both nodes must agree on. */
function compare(own: VrrpConfig, other: VrrpConfig, at: Path, sink: IssueSink): void {
  const differ = (key: string, mine: unknown, theirs: unknown, effect: string): void => {
    if (mine === theirs) return;
    sink.warn([...at, key], `is ${String(mine)} here and ${String(theirs)} on the peer: ${effect}`);
  };
  differ("version", own.version, other.version, "neither hears the other, both lead");
  if (own.version === 2 && other.version === 2) {
    const effect = "version 2 refuses the other's adverts, both lead";
    differ("advert_interval", `${own.advertIntervalMs} ms`, `${other.advertIntervalMs} ms`, effect);
    // Never the passwords themselves.
    if (own.authPassword !== other.authPassword || own.authType !== other.authType) {
      sink.warn([...at, "auth"], `differs from the peer's: ${effect}`, { mark: "key" });
    }
  }
  if ((own.heartbeat === undefined) !== (other.heartbeat === undefined)) {
    sink.warn([...at, "heartbeat"], "only one of the nodes has a second path: neither is heard there", { mark: "key" });
  }
  if ((own.unicast === null) !== (other.unicast === null)) {
    sink.warn(at, "one node speaks to peers, the other to the group: neither hears the other, both lead", {
      mark: "key",
    });
  }
  const group = `${own.multicastGroup ?? "the usual group"}`;
  if (own.unicast === null) {
    differ(
      "multicast_group",
      group,
      `${other.multicastGroup ?? "the usual group"}`,
      "neither hears the other, both lead",
    );
  }
  const missing = addressesOf(own).filter((address) => !addressesOf(other).includes(address));
  if (missing.length > 0) {
    sink.warn([...at, "addresses"], `the peer does not take over ${missing.join(", ")}: it does not have them`);
  }
  if (own.priority === other.priority) {
    sink.warn([...at, "priority"], `is ${own.priority} on both nodes: the higher address decides who leads`);
  }
}

function failures(own: VrrpConfig, other: VrrpConfig, at: Path, sink: IssueSink): readonly FailoverLine[] {
  const mine = bestPriority(own);
  const theirs = bestPriority(other);
  // Only what happens on the node that leads can move the VIP.
  if (mine <= theirs) return [];
  const line = (failure: string, text: string, moves: boolean): FailoverLine => {
    return { instance: own.name, failure, text, moves };
  };
  const lines = [
    line("the node stops", `the other leads (priority ${theirs})`, true),
    line(`interface ${own.interface} fails`, `fault, the other leads (priority ${theirs})`, true),
  ];
  for (const { track, place } of tracksOf(own, at)) {
    const left = priorityWithout(own, track);
    const failure = failureText(track);
    if (left === "fault") lines.push(line(failure, `fault, the other leads (priority ${theirs})`, true));
    else if (left >= theirs) {
      const needed = mine - theirs + 1;
      const text = `priority ${mine} → ${left}, the other has ${theirs}: the VIP stays`;
      lines.push(line(failure, text, false));
      sink.warn(place, `${failure}: ${text}`, { help: `a weight of at least ${needed} moves it, or 0 (fault)` });
    } else if (!other.preempt) {
      const text = `priority ${mine} → ${left} is below the other's ${theirs}, which does not preempt: the VIP stays`;
      lines.push(line(failure, text, false));
      sink.warn(place, `${failure}: ${text}`, { help: "use weight 0 (fault), or preempt = true on the other node" });
    } else lines.push(line(failure, `priority ${mine} → ${left}, the other leads with ${theirs}`, true));
  }
  return lines;
}

function tracksOf(own: VrrpConfig, at: Path): readonly { readonly track: TrackConfig; readonly place: Path }[] {
  const ownTracks = own.tracks.map((track, index) => ({ track, place: [...at, "track", index] }));
  const group = own.group;
  if (group === undefined) return ownTracks;
  const groupAt = ["vrrp_group", group.name, "track"];
  return [...ownTracks, ...group.tracks.map((track, index) => ({ track, place: [...groupAt, index] }))];
}

function allTracks(instance: VrrpConfig): readonly TrackConfig[] {
  return [...instance.tracks, ...(instance.group?.tracks ?? [])];
}

/** With everything well; files are taken to say 0. */
function bestPriority(instance: VrrpConfig): number {
  return clamp(
    instance.priority,
    allTracks(instance).reduce((sum, track) => sum + whileWell(track), 0),
  );
}

/** With everything but this one well. */
function priorityWithout(instance: VrrpConfig, failed: TrackConfig): number | "fault" {
  if (failed.weight === 0) return "fault";
  // What a file will say is not known; a file that moves nothing is reported by its own lint.
  const sum = allTracks(instance).reduce(
    (all, track) => all + (track === failed ? whileFailed(track) : whileWell(track)),
    0,
  );
  return clamp(instance.priority, sum);
}

function whileWell(track: TrackConfig): number {
  if (track.kind === "file") return 0;
  return track.weight > 0 ? track.weight * (track.reverse === true ? -1 : 1) : 0;
}

function whileFailed(track: TrackConfig): number {
  if (track.kind === "file") return 0;
  return track.weight < 0 ? track.weight * (track.reverse === true ? -1 : 1) : 0;
}

function clamp(base: number, sum: number): number {
  return base === 255 ? 255 : Math.min(254, Math.max(1, base + sum));
}

function failureText(track: TrackConfig): string {
  switch (track.kind) {
    case "proxy":
      return "the proxy fails";
    case "interface":
      return `interface ${track.name} fails`;
    case "script":
      return `script ${track.script.name} fails`;
    case "process":
      return `process ${track.name} ends`;
    case "file":
      return `file ${track.path} says 0`;
    case "route":
      return `the route to ${track.to.address}/${track.to.prefixLength} goes`;
    case "witness":
      return `witness ${track.address} falls silent`;
  }
}

function familyOf(instance: VrrpConfig): 4 | 6 {
  return instance.addresses[0]?.family ?? 4;
}

function addressesOf(instance: VrrpConfig): readonly string[] {
  return [...instance.addresses, ...instance.excludedAddresses].map((vip) => `${vip.address}/${vip.prefixLength}`);
}
