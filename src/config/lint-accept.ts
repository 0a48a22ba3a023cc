/**
 * Warnings about accept = false (RFC 9568, section 6.1): what stands on a VIP, and is reached by nobody. Virtual servers
 * are: IPVS takes its packets before they would be dropped, unless the server that it chooses is this node.
 */
import type { IssueSink, Path } from "./schema-issue.ts";
import type { VirtualServerConfig } from "./types-lvs.ts";
import type { BindConfig } from "./types-proxy.ts";
import type { VrrpConfig } from "./types-vrrp.ts";
import type { Config } from "./types.ts";

type OriginOf = (object: object) => Path;

/** In one message; of a hundred binds the first tell enough. */
const NAMES_MAX = 5;

export function lintAccept(config: Config, originOf: OriginOf, sink: IssueSink): void {
  const binds = config.frontends.flatMap((frontend) => frontend.binds);
  for (const instance of config.vrrp) {
    if (instance.accept !== false) continue;
    const vips = new Set([...instance.addresses, ...instance.excludedAddresses].map((vip) => vip.address));
    const at = [...originOf(instance), "accept"];
    lintBinds(binds, instance, vips, originOf, sink);
    lintWildcards(binds, instance, at, sink);
    lintRoutes(instance, vips, originOf(instance), sink);
    for (const virtual of config.lvs?.virtualServers ?? []) lintVirtualServer(virtual, instance, vips, originOf, sink);
  }
}

function lintBinds(
  binds: readonly BindConfig[],
  instance: VrrpConfig,
  vips: ReadonlySet<string>,
  originOf: OriginOf,
  sink: IssueSink,
): void {
  for (const bind of binds) {
    const { address } = bind;
    if (address.kind !== "inet" || !vips.has(address.host)) continue;
    const message = `nobody reaches it: packets to ${address.host} are dropped, since vrrp.${instance.name} has accept = false`;
    sink.warn(originOf(bind), message, { help: `leave accept out of vrrp.${instance.name}, or bind another address` });
  }
}

/** One warning for all of them: they are reached at the node's own addresses. */
function lintWildcards(binds: readonly BindConfig[], instance: VrrpConfig, at: Path, sink: IssueSink): void {
  const families = new Set([...instance.addresses, ...instance.excludedAddresses].map((vip) => vip.family));
  const meant = binds.filter(
    ({ address }) =>
      address.kind === "inet" &&
      ((address.host === "0.0.0.0" && families.has(4)) || (address.host === "::" && families.has(6))),
  );
  if (meant.length === 0) return;
  const names = meant.slice(0, NAMES_MAX).map((bind) => bind.path);
  if (meant.length > NAMES_MAX) names.push("…");
  const message = `packets to the addresses are dropped: ${names.join(", ")} ${meant.length === 1 ? "is" : "are"} reached at this node's other addresses only`;
  sink.warn(at, message, { mark: "key", help: "leave accept out if clients are to come to the virtual addresses" });
}

/** The node would send from the VIP, and drop what comes back. */
function lintRoutes(instance: VrrpConfig, vips: ReadonlySet<string>, at: Path, sink: IssueSink): void {
  for (const [index, route] of (instance.routes ?? []).entries()) {
    if (route.source === null || !vips.has(route.source)) continue;
    const message = `answers to what this node itself sends from ${route.source} are dropped, since accept = false`;
    sink.warn([...at, "routes", index], message, { help: "leave accept out, or let the route have another source" });
  }
}

function lintVirtualServer(
  virtual: VirtualServerConfig,
  instance: VrrpConfig,
  vips: ReadonlySet<string>,
  originOf: OriginOf,
  sink: IssueSink,
): void {
  const service = virtual.services.find((each) => each.kind === "address" && vips.has(each.address));
  if (service === undefined || service.kind !== "address" || virtual.forward === "nat") return;
  const isHere = (address: string): boolean => vips.has(address) || address === "::1" || address.startsWith("127.");
  const reason = `the packets stay on this node and are dropped, since vrrp.${instance.name} has accept = false`;
  for (const real of virtual.realServers) {
    if (isHere(real.address.address)) sink.warn(originOf(real), `nobody reaches it: ${reason}`);
  }
  const sorry = virtual.sorryServer;
  if (sorry === null || !isHere(sorry.address)) return;
  sink.warn([...originOf(virtual), "sorry_server"], `nobody reaches it: ${reason}`);
}
