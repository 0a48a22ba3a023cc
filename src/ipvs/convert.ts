/** Domain form ↔ kernel form of services, destinations and sync daemons. */
import { assert } from "../lib/result.ts";
import { formatIp, type IpAddress, parseIp } from "../lib/ip.ts";
import {
  daemonStateNumber,
  familyNumber,
  FORWARD_MASK,
  forwardNumber,
  protocolNumber,
  schedulerFlagBit,
  serviceFlag,
  tunnelChecksumNumber,
  tunnelNumber,
} from "./constants.ts";
import type {
  Destination,
  DestinationState,
  Family,
  Persistence,
  SchedulerFlag,
  Service,
  ServiceId,
  Stats,
  SyncDaemon,
} from "./model.ts";
import { fullNetmask } from "./model.ts";
import { ADDRESS_BYTES, type WireCounts, type WireDaemon, type WireDestination } from "./wire.ts";
import type { WireService, WireServiceId, WireStats } from "./wire.ts";

export function wireServiceId(id: ServiceId): WireServiceId {
  const family = familyNumber[id.family];
  if (id.kind === "fwmark") {
    return { family, fwmark: id.fwmark, protocol: 0, address: new Uint8Array(ADDRESS_BYTES), port: 0 };
  }
  const address = wideAddress(id.address);
  return { family, fwmark: 0, protocol: protocolNumber[id.protocol], address, port: id.port };
}

export function wireService(service: Service): WireService {
  const { id, persistence } = service;
  const flags =
    (persistence === null ? 0 : serviceFlag.persistent) |
    (service.onePacket ? serviceFlag.onePacket : 0) |
    service.schedulerFlags.reduce((bits, name) => bits | schedulerFlagBit[name], 0);
  return {
    ...wireServiceId(id),
    scheduler: service.scheduler,
    persistenceEngine: service.persistenceEngine ?? "",
    flags,
    timeoutSeconds: persistence?.timeoutSeconds ?? 0,
    netmask: wireNetmask(id.family, persistence?.netmask ?? fullNetmask(id.family)),
  };
}

export function wireDestination(destination: Destination): WireDestination {
  const { tunnel } = destination;
  return {
    family: familyNumber[destination.family],
    address: wideAddress(destination.address),
    port: destination.port,
    forward: forwardNumber[destination.forward],
    weight: destination.weight,
    tunnelType: tunnelNumber[tunnel.type],
    tunnelPort: tunnel.port,
    tunnelFlags: tunnelChecksumNumber[tunnel.checksum],
    upperThreshold: destination.upperThreshold,
    lowerThreshold: destination.lowerThreshold,
  };
}

export function wireDaemon(daemon: SyncDaemon): WireDaemon {
  const group = daemon.group === null ? null : parseIp(daemon.group);
  return {
    state: daemonStateNumber[daemon.role],
    interface: daemon.interface,
    syncId: daemon.syncId,
    maxBytes: daemon.maxBytes,
    group4: group?.family === 4 ? group.bytes : null,
    group6: group?.family === 6 ? group.bytes : null,
    port: daemon.port,
    ttl: daemon.ttl,
  };
}

/** Null for a family or protocol that Ballast does not know: the entry is somebody else's, and stays untouched. */
export function domainService(wire: WireService): Service | null {
  const id = domainServiceId(wire);
  if (id === null) return null;
  const flags = (Object.keys(schedulerFlagBit) as SchedulerFlag[]).filter(
    (name) => (wire.flags & schedulerFlagBit[name]) !== 0,
  );
  return {
    id,
    scheduler: wire.scheduler,
    schedulerFlags: flags,
    persistence: domainPersistence(id.family, wire),
    onePacket: (wire.flags & serviceFlag.onePacket) !== 0,
    persistenceEngine: wire.persistenceEngine === "" ? null : wire.persistenceEngine,
  };
}

export function domainServiceId(wire: WireServiceId): ServiceId | null {
  const family = familyOf(wire.family);
  if (family === null) return null;
  if (wire.fwmark !== 0) return { kind: "fwmark", family, fwmark: wire.fwmark };
  const protocol = nameOf(protocolNumber, wire.protocol);
  if (protocol === null) return null;
  return { kind: "address", protocol, family, address: addressText(family, wire.address), port: wire.port };
}

function domainPersistence(family: Family, wire: WireService): Persistence | null {
  if ((wire.flags & serviceFlag.persistent) === 0) return null;
  const { netmask, timeoutSeconds } = wire;
  const view = new DataView(netmask.buffer, netmask.byteOffset, netmask.length);
  return { timeoutSeconds, netmask: family === 4 ? netmask.join(".") : String(view.getUint32(0, true)) };
}

/** `family`: the service's, for kernels that do not say a destination's own. Null: not of a kind that Ballast knows. */
export function domainDestination(wire: WireDestination & WireCounts, family: Family): DestinationState | null {
  const own = wire.family === 0 ? family : familyOf(wire.family);
  const forward = nameOf(forwardNumber, wire.forward & FORWARD_MASK);
  const type = nameOf(tunnelNumber, wire.tunnelType);
  const checksum = nameOf(tunnelChecksumNumber, wire.tunnelFlags);
  if (own === null || forward === null || type === null || checksum === null) return null;
  return {
    family: own,
    address: addressText(own, wire.address),
    port: wire.port,
    forward,
    weight: wire.weight,
    upperThreshold: wire.upperThreshold,
    lowerThreshold: wire.lowerThreshold,
    tunnel: { type, port: wire.tunnelPort, checksum },
    activeConnections: wire.activeConnections,
    inactiveConnections: wire.inactiveConnections,
    persistentConnections: wire.persistentConnections,
    stats: domainStats(wire.stats),
  };
}

export function domainDaemon(wire: WireDaemon): SyncDaemon | null {
  const role = nameOf(daemonStateNumber, wire.state);
  if (role === null) return null;
  const { interface: name, syncId, maxBytes, port, ttl } = wire;
  const group =
    wire.group4 !== null
      ? formatIp({ family: 4, bytes: wire.group4.subarray(0, 4) })
      : wire.group6 === null
        ? null
        : formatIp({ family: 6, bytes: wire.group6.subarray(0, 16) });
  return { role, interface: name, syncId, maxBytes, group, port, ttl };
}

/** The kernel's own figures have the names of ours. */
export function domainStats(stats: WireStats): Stats {
  return stats;
}

function wireNetmask(family: Family, netmask: string): Uint8Array {
  if (family === 4) return addressBytes(netmask).bytes;
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, Number(netmask), true);
  return bytes;
}

function wideAddress(text: string): Uint8Array {
  const wide = new Uint8Array(ADDRESS_BYTES);
  wide.set(addressBytes(text).bytes);
  return wide;
}

function addressBytes(text: string): IpAddress {
  const address = parseIp(text);
  assert(address !== null, `ipvs: "${text}" is no address`);
  return address;
}

function addressText(family: Family, bytes: Uint8Array): string {
  return formatIp({ family, bytes: bytes.subarray(0, family === 4 ? 4 : 16) });
}

function familyOf(number: number): Family | null {
  if (number === familyNumber[4]) return 4;
  return number === familyNumber[6] ? 6 : null;
}

function nameOf<N extends string>(table: Readonly<Record<N, number>>, number: number): N | null {
  return (Object.keys(table) as N[]).find((name) => table[name] === number) ?? null;
}
