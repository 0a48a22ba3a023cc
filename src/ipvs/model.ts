/** IPVS as Ballast speaks of it: services, destinations, what the kernel counts, and the commands that change them. */
import type {
  daemonStateNumber,
  forwardNumber,
  protocolNumber,
  schedulerFlagBit,
  tunnelChecksumNumber,
  tunnelNumber,
} from "./constants.ts";

export type Protocol = keyof typeof protocolNumber;
export type Family = 4 | 6;
export type Forward = keyof typeof forwardNumber;
export type SchedulerFlag = keyof typeof schedulerFlagBit;
export type TunnelType = keyof typeof tunnelNumber;
export type TunnelChecksum = keyof typeof tunnelChecksumNumber;
export type DaemonRole = keyof typeof daemonStateNumber;

/** What tells services apart: an address with its port, or the firewall mark of packets. */
export type ServiceId =
  | {
      readonly kind: "address";
      readonly protocol: Protocol;
      readonly family: Family;
      readonly address: string;
      readonly port: number;
    }
  | { readonly kind: "fwmark"; readonly family: Family; readonly fwmark: number };

export interface Persistence {
  readonly timeoutSeconds: number;
  /** Clients of one network count as one: a dotted mask for IPv4, a prefix length in digits for IPv6. */
  readonly netmask: string;
}

export interface Service {
  readonly id: ServiceId;
  readonly scheduler: string;
  /** In ascending order. */
  readonly schedulerFlags: readonly SchedulerFlag[];
  readonly persistence: Persistence | null;
  /** Every UDP packet is scheduled anew (ipvsadm --ops). */
  readonly onePacket: boolean;
  /** Name of the persistence engine, "sip"; null: the client's address. */
  readonly persistenceEngine: string | null;
}

/** What tells the destinations of one service apart. */
export interface DestinationId {
  readonly family: Family;
  readonly address: string;
  readonly port: number;
}

export interface Tunnel {
  readonly type: TunnelType;
  /** UDP port of gue; 0 otherwise. */
  readonly port: number;
  readonly checksum: TunnelChecksum;
}

export interface Destination extends DestinationId {
  readonly forward: Forward;
  /** 0: no new connections. */
  readonly weight: number;
  /** Connections at which no more are given; 0: no limit. */
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
  readonly tunnel: Tunnel;
}

/** Totals, and estimates a second. Beyond 2^53 the last digits are rounded. */
export interface Stats {
  readonly connections: number;
  readonly inPackets: number;
  readonly outPackets: number;
  readonly inBytes: number;
  readonly outBytes: number;
  readonly connectionsPerSecond: number;
  readonly inPacketsPerSecond: number;
  readonly outPacketsPerSecond: number;
  readonly inBytesPerSecond: number;
  readonly outBytesPerSecond: number;
}

export interface DestinationState extends Destination {
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  /** Persistence templates: clients that will come back here. */
  readonly persistentConnections: number;
  readonly stats: Stats;
}

export interface ServiceState extends Service {
  readonly stats: Stats;
  readonly destinations: readonly DestinationState[];
}

/** Seconds; the kernel keeps a value where 0 is set. */
export interface Timeouts {
  readonly tcpSeconds: number;
  readonly tcpFinSeconds: number;
  readonly udpSeconds: number;
}

/** The connection synchronisation daemon in one of its two roles. Null or 0: the kernel's default. */
export interface SyncDaemon {
  readonly role: DaemonRole;
  readonly interface: string;
  readonly syncId: number;
  readonly maxBytes: number;
  readonly group: string | null;
  readonly port: number;
  readonly ttl: number;
}

export interface KernelInfo {
  /** "1.2.1" */
  readonly version: string;
  /** Hash table of connections, in entries. */
  readonly tableSize: number;
}

/** One change of the kernel's table. */
export type IpvsCommand =
  | { readonly kind: "add_service"; readonly service: Service }
  | { readonly kind: "edit_service"; readonly service: Service }
  | { readonly kind: "delete_service"; readonly id: ServiceId }
  | { readonly kind: "add_destination"; readonly id: ServiceId; readonly destination: Destination }
  | { readonly kind: "edit_destination"; readonly id: ServiceId; readonly destination: Destination }
  | { readonly kind: "delete_destination"; readonly id: ServiceId; readonly destination: DestinationId }
  /** null: every service. */
  | { readonly kind: "zero"; readonly id: ServiceId | null }
  | { readonly kind: "flush" }
  | { readonly kind: "set_timeouts"; readonly timeouts: Timeouts }
  | { readonly kind: "start_daemon"; readonly daemon: SyncDaemon }
  | { readonly kind: "stop_daemon"; readonly daemon: SyncDaemon };

export const NO_TUNNEL: Tunnel = { type: "ipip", port: 0, checksum: "none" };

/** One text for one service: the key of maps and of the ownership file. */
export function serviceKey(id: ServiceId): string {
  if (id.kind === "fwmark") return `fwmark ${id.fwmark} ipv${id.family}`;
  return `${id.protocol} ${endpointText(id)}`;
}

/** "192.0.2.1:80", "[2001:db8::1]:80": also the key of a destination within its service. */
export function endpointText({ family, address, port }: DestinationId): string {
  return family === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A whole mask: every client for itself. */
export function fullNetmask(family: Family): string {
  return family === 4 ? "255.255.255.255" : "128";
}

export function sameService(a: Service, b: Service): boolean {
  return JSON.stringify(serviceOf(a)) === JSON.stringify(serviceOf(b));
}

export function sameDestination(a: Destination, b: Destination): boolean {
  return JSON.stringify(destinationOf(a)) === JSON.stringify(destinationOf(b));
}

/** Without what the kernel counts, keys in one order. */
export function serviceOf(state: Service): Service {
  const { id, scheduler, schedulerFlags, persistence, onePacket, persistenceEngine } = state;
  const ordered: ServiceId =
    id.kind === "fwmark"
      ? { kind: "fwmark", family: id.family, fwmark: id.fwmark }
      : { kind: "address", protocol: id.protocol, family: id.family, address: id.address, port: id.port };
  const kept =
    persistence === null ? null : { timeoutSeconds: persistence.timeoutSeconds, netmask: persistence.netmask };
  return { id: ordered, scheduler, schedulerFlags, persistence: kept, onePacket, persistenceEngine };
}

export function destinationOf(state: Destination): Destination {
  const { family, address, port, forward, weight, upperThreshold, lowerThreshold } = state;
  const { type, port: tunnelPort, checksum } = state.tunnel;
  const tunnel = { type, port: tunnelPort, checksum };
  return { family, address, port, forward, weight, upperThreshold, lowerThreshold, tunnel };
}
