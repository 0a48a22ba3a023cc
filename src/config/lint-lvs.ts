/** What must hold among LVS services, and warnings about those that load and then do not do what was meant. */
import type { IssueSink, Path } from "./schema-issue.ts";
import type { LvsServiceAddress, RealServerConfig, VirtualServerConfig } from "./types-lvs.ts";
import type { Config } from "./types.ts";

type OriginOf = (object: object) => Path;

/** Errors: what the kernel would refuse, or nobody can mean. */
export function validateLvs(config: Config, originOf: OriginOf, sink: IssueSink): void {
  const services = new Map<string, string>();
  for (const virtual of config.lvs?.virtualServers ?? []) {
    const at = originOf(virtual);
    for (const service of virtual.services) {
      const key = serviceText(service);
      const owner = services.get(key);
      if (owner === undefined) services.set(key, virtual.name);
      else sink.error(at, `${key} is already a service of virtual_server.${owner}`, { mark: "key" });
    }
    validateFamilies(virtual, at, sink);
    validateRealServers(virtual, originOf, sink);
    if (virtual.onePacket && virtual.services.some((each) => each.kind === "address" && each.protocol !== "udp")) {
      sink.error([...at, "one_packet"], 'is for protocol = "udp" only', { mark: "key" });
    }
  }
}

function validateFamilies(virtual: VirtualServerConfig, at: Path, sink: IssueSink): void {
  const families = new Set(virtual.services.map((service) => service.family));
  if (families.size > 1) {
    const help = "write two virtual servers";
    sink.error([...at, "addresses"], "has IPv4 and IPv6: a real server answers one of them", { mark: "key", help });
  }
  const { sorryServer, forward } = virtual;
  if (sorryServer !== null && forward !== "tun" && families.size > 0 && !families.has(sorryServer.family)) {
    sink.error([...at, "sorry_server"], "is of another address family than the virtual server");
  }
}

function validateRealServers(virtual: VirtualServerConfig, originOf: OriginOf, sink: IssueSink): void {
  const names = new Set<string>();
  const addresses = new Set<string>();
  const family = virtual.services[0]?.family ?? null;
  for (const real of virtual.realServers) {
    const at = originOf(real);
    const address = `${real.address.address} ${portOf(virtual, real)}`;
    if (addresses.has(address)) sink.error(at, `${real.address.address} is already a real server here`);
    else if (names.has(real.name)) sink.error(at, `there is a real server named "${real.name}" already`);
    names.add(real.name);
    addresses.add(address);
    if (virtual.forward !== "tun" && family !== null && real.address.family !== family) {
      const help = 'only forward = "tun" reaches a server of the other family';
      sink.error(at, "is of another address family than the virtual server", { help });
    }
    if (real.lowerThreshold > real.upperThreshold) {
      const message = `is above upper_threshold, which is ${real.upperThreshold}`;
      sink.error([...at, "lower_threshold"], message, { mark: "key" });
    }
  }
}

/** Direct and tunnelled packets keep the port that the client chose. */
function portOf(virtual: VirtualServerConfig, real: RealServerConfig): number {
  const [service] = virtual.services;
  const own = service?.kind === "address" ? service.port : 0;
  return virtual.forward === "nat" ? (real.address.port ?? own) : own;
}

export function lintLvs(config: Config, originOf: OriginOf, sink: IssueSink): void {
  for (const virtual of config.lvs?.virtualServers ?? []) {
    const at = originOf(virtual);
    for (const real of virtual.realServers) lintPort(virtual, real, originOf(real), sink);
    lintQuorum(virtual, at, sink);
    if (virtual.realServers.length === 0) sink.warn(at, "has no real servers: nobody answers", { mark: "key" });
    if (virtual.haSuspend) lintSuspend(virtual, config, at, sink);
    if (virtual.omega && virtual.notify === null) {
      sink.warn([...at, "omega"], "has no effect without notify", { mark: "key" });
    }
    if (virtual.realServers.length > 0 && virtual.realServers.every((real) => real.check === null)) {
      const help = "add check = { tcp = true }";
      const message = "checks none of its real servers: one that is down keeps getting connections";
      sink.warn(at, message, { mark: "key", help });
    }
  }
  lintVips(config, sink);
}

function lintPort(virtual: VirtualServerConfig, real: RealServerConfig, at: Path, sink: IssueSink): void {
  const { port } = real.address;
  if (virtual.forward === "nat" || port === null) return;
  for (const service of virtual.services) {
    if (service.kind !== "address" || service.port === port || service.port === 0) continue;
    const message = `port ${port} is not used: under forward = "${virtual.forward}" packets keep port ${service.port}`;
    sink.warn(at, message, { found: String(port), help: 'let the real server listen there, or use forward = "nat"' });
    return;
  }
}

function lintQuorum(virtual: VirtualServerConfig, at: Path, sink: IssueSink): void {
  const { quorum, hysteresis, realServers } = virtual;
  const total = realServers.reduce((sum, real) => sum + real.weight, 0);
  if (realServers.length > 0 && quorum + hysteresis > total) {
    const wanted = hysteresis === 0 ? `${quorum}` : `${quorum} + ${hysteresis}`;
    const message = `${wanted} can never be gained: all weights together are ${total}`;
    sink.warn([...at, "quorum"], message, { mark: "key" });
  }
  if (hysteresis >= quorum && hysteresis > 0) {
    const message = "is not below the quorum: it is lost only when no server is left";
    sink.warn([...at, "hysteresis"], message, { mark: "key" });
  }
}

function lintSuspend(virtual: VirtualServerConfig, config: Config, at: Path, sink: IssueSink): void {
  const held = new Set(config.vrrp.flatMap(({ addresses }) => addresses.map((vip) => vip.address)));
  if (virtual.services.some((service) => service.kind === "address" && held.has(service.address))) return;
  const help = "name the address in a [vrrp.NAME]";
  sink.warn([...at, "ha_suspend"], "has no effect: no VRRP instance here holds the address", { mark: "key", help });
}

/** Two directors that are real servers, too, can send packets for the address round in circles. */
function lintVips(config: Config, sink: IssueSink): void {
  const virtual = (config.lvs?.virtualServers ?? []).flatMap(({ services }) => services);
  const isVirtual = (vip: string): boolean => virtual.some((each) => each.kind === "address" && each.address === vip);
  const both = config.realserver?.vips.find(isVirtual);
  if (both === undefined) return;
  const help = "set net.ipv4.vs.backup_only = 1, so that a backup director does not balance";
  sink.warn(["realserver", "vips"], `${both} is also a virtual server of this node`, { help });
}

function serviceText(service: LvsServiceAddress): string {
  if (service.kind === "fwmark") return `fwmark ${service.fwmark} (IPv${service.family})`;
  const { protocol, family, address, port } = service;
  return `${protocol} ${family === 6 ? `[${address}]` : address}:${port}`;
}
