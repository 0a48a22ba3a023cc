/**
 * IPVS messages as the kernel reads and writes them (net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_genl_*): attributes in the
 * order in which ipvsadm sends them, values in the kernel's own form. `convert.ts` makes domain objects of them.
 *
 *   command ─┬─ SERVICE ─── AF, FWMARK | PROTOCOL ADDR PORT, SCHED_NAME, PE_NAME, FLAGS, TIMEOUT, NETMASK
 *            ├─ DEST ────── ADDR_FAMILY, ADDR, PORT, FWD_METHOD, WEIGHT, TUN_*, U_THRESH, L_THRESH
 *            ├─ DAEMON ──── STATE, MCAST_IFN, SYNC_ID, SYNC_MAXLEN, MCAST_PORT, MCAST_TTL, MCAST_GROUP(6)
 *            └─ TIMEOUT_TCP, TIMEOUT_TCP_FIN, TIMEOUT_UDP
 *
 * Ports and IPv4 masks are in network order, everything else in the machine's. Addresses take 16 bytes in either family.
 */
import { err, ok, type Result } from "../lib/result.ts";
import { decodeAttributes, type MessageWriter, type NetlinkReason } from "../netlink/codec.ts";
import {
  commandAttribute,
  daemonAttribute,
  destinationAttribute,
  familyNumber,
  serviceAttribute,
  statsAttribute,
} from "./constants.ts";

export const ADDRESS_BYTES = 16;

/** The attributes that name a service; `protocol` 0 with a mark. */
export interface WireServiceId {
  readonly family: number;
  readonly fwmark: number;
  readonly protocol: number;
  readonly address: Uint8Array;
  readonly port: number;
}

export interface WireService extends WireServiceId {
  readonly scheduler: string;
  /** "" for none. */
  readonly persistenceEngine: string;
  readonly flags: number;
  readonly timeoutSeconds: number;
  /** As it stands in the message: a mask in network order, or a prefix length in the machine's. */
  readonly netmask: Uint8Array;
}

export interface WireDestination {
  readonly family: number;
  readonly address: Uint8Array;
  readonly port: number;
  readonly forward: number;
  readonly weight: number;
  readonly tunnelType: number;
  readonly tunnelPort: number;
  readonly tunnelFlags: number;
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
}

export interface WireDaemon {
  readonly state: number;
  readonly interface: string;
  readonly syncId: number;
  /** 0 and null: left out, the kernel has defaults. */
  readonly maxBytes: number;
  readonly group4: Uint8Array | null;
  readonly group6: Uint8Array | null;
  readonly port: number;
  readonly ttl: number;
}

export type WireStats = Readonly<Record<keyof typeof statsAttribute, number>>;

export type IpvsReason = NetlinkReason | "attribute_missing" | "attribute_short";

/** linux/netlink.h: NLA_F_NESTED. */
const NESTED = 0x8000;

/** The flags that the kernel is to take over: all of them. */
const ALL_FLAGS = 0xffffffff;

/** Names a service, to ask for its destinations. */
export function encodeServiceId(writer: MessageWriter, id: WireServiceId): void {
  const nest = writer.beginNest(commandAttribute.service | NESTED);
  putServiceId(writer, id);
  writer.endNest(nest);
}

/** Names a service, for commands on it: like ipvsadm with all attributes, of which the kernel reads the name only. */
export function encodeServiceReference(writer: MessageWriter, id: WireServiceId): void {
  encodeService(writer, {
    ...id,
    scheduler: "",
    persistenceEngine: "",
    flags: 0,
    timeoutSeconds: 0,
    netmask: fullNetmaskBytes(id.family),
  });
}

export function encodeService(writer: MessageWriter, service: WireService): void {
  const nest = writer.beginNest(commandAttribute.service | NESTED);
  putServiceId(writer, service);
  writer.attributeText(serviceAttribute.scheduler, service.scheduler);
  if (service.persistenceEngine !== "") {
    writer.attributeText(serviceAttribute.persistenceEngine, service.persistenceEngine);
  }
  const flags = new Uint8Array(8);
  const view = new DataView(flags.buffer);
  view.setUint32(0, service.flags, true);
  view.setUint32(4, ALL_FLAGS, true);
  writer.attribute(serviceAttribute.flags, flags);
  writer.attributeU32(serviceAttribute.timeout, service.timeoutSeconds);
  writer.attribute(serviceAttribute.netmask, service.netmask);
  writer.endNest(nest);
}

function putServiceId(writer: MessageWriter, id: WireServiceId): void {
  writer.attributeU16(serviceAttribute.family, id.family);
  if (id.fwmark !== 0) {
    writer.attributeU32(serviceAttribute.fwmark, id.fwmark);
    return;
  }
  writer.attributeU16(serviceAttribute.protocol, id.protocol);
  writer.attribute(serviceAttribute.address, id.address);
  writer.attribute(serviceAttribute.port, bigEndian16(id.port));
}

export function encodeDestination(writer: MessageWriter, destination: WireDestination): void {
  const nest = writer.beginNest(commandAttribute.destination | NESTED);
  writer.attributeU16(destinationAttribute.family, destination.family);
  writer.attribute(destinationAttribute.address, destination.address);
  writer.attribute(destinationAttribute.port, bigEndian16(destination.port));
  writer.attributeU32(destinationAttribute.forward, destination.forward);
  writer.attributeU32(destinationAttribute.weight, destination.weight);
  writer.attributeU8(destinationAttribute.tunnelType, destination.tunnelType);
  writer.attribute(destinationAttribute.tunnelPort, bigEndian16(destination.tunnelPort));
  writer.attributeU16(destinationAttribute.tunnelFlags, destination.tunnelFlags);
  writer.attributeU32(destinationAttribute.upperThreshold, destination.upperThreshold);
  writer.attributeU32(destinationAttribute.lowerThreshold, destination.lowerThreshold);
  writer.endNest(nest);
}

export function encodeDaemon(writer: MessageWriter, daemon: WireDaemon): void {
  const nest = writer.beginNest(commandAttribute.daemon | NESTED);
  writer.attributeU32(daemonAttribute.state, daemon.state);
  writer.attributeText(daemonAttribute.interface, daemon.interface);
  writer.attributeU32(daemonAttribute.syncId, daemon.syncId);
  if (daemon.maxBytes !== 0) writer.attributeU16(daemonAttribute.maxBytes, daemon.maxBytes);
  if (daemon.port !== 0) writer.attributeU16(daemonAttribute.port, daemon.port);
  if (daemon.ttl !== 0) writer.attributeU8(daemonAttribute.ttl, daemon.ttl);
  if (daemon.group4 !== null) writer.attribute(daemonAttribute.group4, daemon.group4);
  if (daemon.group6 !== null) writer.attribute(daemonAttribute.group6, daemon.group6);
  writer.endNest(nest);
}

type Attributes = ReadonlyMap<number, Uint8Array>;

/** The nested attributes of an answer; null when the message has none of that kind. */
export function nested(attributes: Attributes, type: number): Result<Attributes, IpvsReason> | null {
  const value = attributes.get(type);
  return value === undefined ? null : decodeAttributes(value, 0, value.length);
}

export function decodeServiceId(attributes: Attributes): Result<WireServiceId, IpvsReason> {
  const family = u16(attributes.get(serviceAttribute.family));
  const fwmark = u32(attributes.get(serviceAttribute.fwmark)) ?? 0;
  const protocol = u16(attributes.get(serviceAttribute.protocol)) ?? 0;
  const address = attributes.get(serviceAttribute.address) ?? null;
  const port = attributes.get(serviceAttribute.port);
  if (family === null || (fwmark === 0 && (address === null || port === undefined))) return err("attribute_missing");
  if (address !== null && address.length < ADDRESS_BYTES) return err("attribute_short");
  const port16 = fromBigEndian16(port);
  return ok({ family, fwmark, protocol, address: address ?? new Uint8Array(ADDRESS_BYTES), port: port16 });
}

export function decodeService(attributes: Attributes): Result<WireService & { readonly stats: WireStats }, IpvsReason> {
  const id = decodeServiceId(attributes);
  if (!id.ok) return id;
  const flags = attributes.get(serviceAttribute.flags);
  const timeoutSeconds = u32(attributes.get(serviceAttribute.timeout));
  const netmask = attributes.get(serviceAttribute.netmask);
  const scheduler = attributes.get(serviceAttribute.scheduler);
  if (flags === undefined || timeoutSeconds === null) return err("attribute_missing");
  if (netmask === undefined || scheduler === undefined) return err("attribute_missing");
  if (flags.length < 4 || netmask.length < 4) return err("attribute_short");
  const stats = decodeStats(attributes, serviceAttribute.stats64, serviceAttribute.stats);
  if (!stats.ok) return stats;
  return ok({
    ...id.value,
    scheduler: text(scheduler),
    persistenceEngine: text(attributes.get(serviceAttribute.persistenceEngine)),
    flags: u32(flags) ?? 0,
    timeoutSeconds,
    netmask: netmask.subarray(0, 4),
    stats: stats.value,
  });
}

export interface WireCounts {
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  readonly persistentConnections: number;
  readonly stats: WireStats;
}

/** Kernels before 3.18 send no family: it is the service's then, and 0 here. */
export function decodeDestination(attributes: Attributes): Result<WireDestination & WireCounts, IpvsReason> {
  const number = (type: number): number | null => u32(attributes.get(type));
  const address = attributes.get(destinationAttribute.address);
  const port = attributes.get(destinationAttribute.port);
  const forward = number(destinationAttribute.forward);
  const weight = number(destinationAttribute.weight);
  if (address === undefined || port === undefined || forward === null || weight === null) {
    return err("attribute_missing");
  }
  if (address.length < ADDRESS_BYTES) return err("attribute_short");
  const stats = decodeStats(attributes, destinationAttribute.stats64, destinationAttribute.stats);
  if (!stats.ok) return stats;
  return ok({
    family: u16(attributes.get(destinationAttribute.family)) ?? 0,
    address,
    port: fromBigEndian16(port),
    forward,
    weight,
    tunnelType: attributes.get(destinationAttribute.tunnelType)?.[0] ?? 0,
    tunnelPort: fromBigEndian16(attributes.get(destinationAttribute.tunnelPort)),
    tunnelFlags: u16(attributes.get(destinationAttribute.tunnelFlags)) ?? 0,
    upperThreshold: number(destinationAttribute.upperThreshold) ?? 0,
    lowerThreshold: number(destinationAttribute.lowerThreshold) ?? 0,
    activeConnections: number(destinationAttribute.activeConnections) ?? 0,
    inactiveConnections: number(destinationAttribute.inactiveConnections) ?? 0,
    persistentConnections: number(destinationAttribute.persistentConnections) ?? 0,
    stats: stats.value,
  });
}

export function decodeDaemon(attributes: Attributes): Result<WireDaemon, IpvsReason> {
  const state = u32(attributes.get(daemonAttribute.state));
  const name = attributes.get(daemonAttribute.interface);
  const syncId = u32(attributes.get(daemonAttribute.syncId));
  if (state === null || name === undefined || syncId === null) return err("attribute_missing");
  return ok({
    state,
    interface: text(name),
    syncId,
    maxBytes: u16(attributes.get(daemonAttribute.maxBytes)) ?? 0,
    group4: attributes.get(daemonAttribute.group4) ?? null,
    group6: attributes.get(daemonAttribute.group6) ?? null,
    port: u16(attributes.get(daemonAttribute.port)) ?? 0,
    ttl: attributes.get(daemonAttribute.ttl)?.[0] ?? 0,
  });
}

/** The 64-bit counters, or on kernels before 4.1 the 32-bit ones, whose bytes have 64 bits all the same. */
function decodeStats(attributes: Attributes, wide: number, narrow: number): Result<WireStats, IpvsReason> {
  const inner = nested(attributes, wide) ?? nested(attributes, narrow);
  if (inner === null) return ok(NO_STATS);
  if (!inner.ok) return inner;
  const entries = Object.entries(statsAttribute).map(([name, type]) => [name, counter(inner.value.get(type))] as const);
  return ok(Object.fromEntries(entries) as WireStats);
}

const NO_STATS = Object.fromEntries(Object.keys(statsAttribute).map((name) => [name, 0])) as WireStats;

function counter(value: Uint8Array | undefined): number {
  if (value === undefined || value.length < 4) return 0;
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  return value.length >= 8 ? Number(view.getBigUint64(0, true)) : view.getUint32(0, true);
}

/** Every client for itself: 255.255.255.255, or 128 bits. */
export function fullNetmaskBytes(family: number): Uint8Array {
  return family === familyNumber[4] ? Uint8Array.of(255, 255, 255, 255) : Uint8Array.of(128, 0, 0, 0);
}

function bigEndian16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

function fromBigEndian16(value: Uint8Array | undefined): number {
  return value === undefined || value.length < 2 ? 0 : (value[0] << 8) | value[1];
}

function u16(value: Uint8Array | undefined): number | null {
  return value === undefined || value.length < 2 ? null : value[0] | (value[1] << 8);
}

export function u32(value: Uint8Array | undefined): number | null {
  if (value === undefined || value.length < 4) return null;
  return new DataView(value.buffer, value.byteOffset, value.length).getUint32(0, true);
}

function text(value: Uint8Array | undefined): string {
  if (value === undefined) return "";
  const end = value.indexOf(0);
  return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
}
