/**
 * rtnetlink messages of routes as the kernel has them (linux/rtnetlink.h): what a routing table has for a network.
 * Routes that Ballast sets itself are written by `codec-forward.ts`.
 *
 *   rtmsg       0 family u8   1 to length u8   2 from length u8   3 TOS u8
 *               4 table u8    5 protocol u8    6 scope u8         7 kind u8      8 flags u32 (RTM_F_*, RTNH_F_*)
 *   nhmsg       0 family u8   1 scope u8   2 protocol u8   3 reserved   4 flags u32
 *   rtnexthop   0 length u16 (with these 8 bytes)   2 flags u8   3 weight − 1 u8   4 interface index i32
 *               then attributes, padding to 4
 */
import { err, ok, type Result } from "../lib/result.ts";
import { align4, decodeAttributes, type Message, messageFlag, MessageWriter, type NetlinkReason } from "./codec.ts";

/** linux/rtnetlink.h: RTM_*. */
const type = { newRoute: 24, delRoute: 25, getRoute: 26, newNexthop: 104, delNexthop: 105 } as const;
/** RTMGRP_* bits of IPv4 and IPv6 routes; nexthop objects are group 32 and have no name as a bit. */
export const routeTableGroups = 0x40 | 0x400 | 0x80000000;
const RTMSG_BYTES = 12;
const NHMSG_BYTES = 8;
const NEXTHOP_BYTES = 8;
/** linux/rtnetlink.h: RTA_*. */
const attribute = {
  to: 1,
  interface: 4,
  gateway: 5,
  metric: 6,
  source: 7,
  multipath: 9,
  table: 15,
  via: 18,
  nexthopObject: 30,
} as const;
/** linux/nexthop.h: NHA_ID. */
const NEXTHOP_ID = 1;
/** linux/rtnetlink.h: RTNH_F_DEAD, RTNH_F_LINKDOWN; RTM_F_CLONED: an entry of a cache, no route. */
const routeFlag = { dead: 0x1, linkDown: 0x10, cloned: 0x200 } as const;
const FAMILY_IPV4 = 2;
const FAMILY_IPV6 = 10;

/** linux/rtnetlink.h: RTN_*, by number. */
const kindNames = [
  "unspecified",
  "unicast",
  "local",
  "broadcast",
  "anycast",
  "multicast",
  "blackhole",
  "unreachable",
  "prohibit",
  "throw",
  "nat",
  "external",
] as const;
/** Packets of the kinds up to this one go somewhere. */
const KIND_LEADING_LAST = 5;

export interface TableRoute {
  readonly family: 4 | 6;
  readonly table: number;
  /** 4 or 16 bytes; of a default route all zero. */
  readonly to: Uint8Array;
  readonly prefixLength: number;
  /** As `ip route` calls it: unicast, blackhole, … */
  readonly kind: string;
  /** Whether packets go anywhere: not those of a blackhole or of one that is answered with an error. */
  readonly leads: boolean;
  /** Of several routes to one network the lowest is used. */
  readonly metric: number;
  /** Empty: none told (blackholes; nexthop objects with net.ipv4.nexthop_compat_mode = 0). */
  readonly nexthops: readonly Nexthop[];
  /** The nexthop object (ip nexthop) that the route goes by; null: none. */
  readonly nexthopObject: number | null;
  /** The kernel holds all of it for dead. */
  readonly dead: boolean;
  /** Preferred source address, without which the kernel drops an IPv4 route silently; null: none. */
  readonly source: Uint8Array | null;
  /** The same for two messages about one route, whatever became of its nexthops meanwhile. */
  readonly identity: string;
}

export interface Nexthop {
  /** 0: none. */
  readonly linkIndex: number;
  /** Neither RTNH_F_DEAD nor RTNH_F_LINKDOWN. */
  readonly alive: boolean;
}

export type TableFact =
  /** `replaces`: in the place of the one with the same metric. */
  | { readonly kind: "route"; readonly route: TableRoute; readonly replaces: boolean }
  | { readonly kind: "route_gone"; readonly route: TableRoute }
  /** A nexthop object was made, changed or removed: routes that use it go with it, without a word. */
  | { readonly kind: "nexthop_object"; readonly id: number }
  | { readonly kind: "other" };

export type TableReason = NetlinkReason | "route_short" | "route_network" | "nexthop_length";

/**
 * Asks for every route of one table and family. The table is looked at by kernels with NETLINK_GET_STRICT_CHK (4.20)
 * when the socket has it on; others tell of all tables.
 */
export function encodeTableDump(writer: MessageWriter, family: 4 | 6, table: number, sequence: number): void {
  writer.begin(type.getRoute, messageFlag.request | messageFlag.dump, sequence);
  writer.u8(family === 4 ? FAMILY_IPV4 : FAMILY_IPV6);
  for (let at = 1; at < 8; at++) writer.u8(0);
  writer.u32(0);
  writer.attributeU32(attribute.table, table);
  writer.end();
}

/** `at`: where the network's address stands in `bytes`; −1: nowhere, it is all zero. */
export type IsFollowed = (family: 4 | 6, prefixLength: number, bytes: Uint8Array, at: number) => boolean;

/**
 * What the message says of networks for which `isFollowed`; everything else is `other`, told without decoding all of it:
 * tables have a million routes. Routes for some packets only (TOS, source network) are `other`, too. Values are copies.
 */
export function decodeTable(
  bytes: Uint8Array,
  message: Message,
  isFollowed: IsFollowed,
): Result<TableFact, TableReason> {
  if (message.type === type.newNexthop || message.type === type.delNexthop) return decodeObject(bytes, message);
  if (message.type !== type.newRoute && message.type !== type.delRoute) return ok({ kind: "other" });
  const start = message.payloadStart;
  if (message.payloadEnd - start < RTMSG_BYTES) return err("route_short");
  const family = bytes[start] === FAMILY_IPV4 ? 4 : bytes[start] === FAMILY_IPV6 ? 6 : null;
  const forSomeOnly = bytes[start + 2] !== 0 || bytes[start + 3] !== 0;
  if (family === null || forSomeOnly) return ok({ kind: "other" });
  const at = networkAt(bytes, start + RTMSG_BYTES, message.payloadEnd, family);
  if (at > message.payloadEnd) return err("route_network");
  if (!isFollowed(family, bytes[start + 1], bytes, at)) return ok({ kind: "other" });
  const flags = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(start + 8, true);
  if ((flags & routeFlag.cloned) !== 0) return ok({ kind: "other" });
  const route = decodeBody(bytes, message, family, flags);
  if (!route.ok) return route;
  if (message.type === type.delRoute) return ok({ kind: "route_gone", route: route.value });
  return ok({ kind: "route", route: route.value, replaces: (message.flags & messageFlag.replace) !== 0 });
}

function decodeObject(bytes: Uint8Array, message: Message): Result<TableFact, TableReason> {
  const start = message.payloadStart + NHMSG_BYTES;
  if (start > message.payloadEnd) return err("route_short");
  const attributes = decodeAttributes(bytes, start, message.payloadEnd);
  if (!attributes.ok) return attributes;
  const id = u32(attributes.value.get(NEXTHOP_ID));
  return ok(id === null ? { kind: "other" } : { kind: "nexthop_object", id });
}

/** Where the address of RTA_DST stands; −1: there is none; beyond `end`: it is too short. Nothing is allocated. */
function networkAt(bytes: Uint8Array, start: number, end: number, family: 4 | 6): number {
  for (let at = start; end - at >= 4;) {
    const length = bytes[at] | (bytes[at + 1] << 8);
    if (length < 4 || length > end - at) return -1;
    if (bytes[at + 2] === attribute.to && bytes[at + 3] === 0) {
      return length - 4 === (family === 4 ? 4 : 16) ? at + 4 : end + 1;
    }
    at += align4(length);
  }
  return -1;
}

function decodeBody(
  bytes: Uint8Array,
  message: Message,
  family: 4 | 6,
  flags: number,
): Result<TableRoute, TableReason> {
  const start = message.payloadStart;
  const attributes = decodeAttributes(bytes, start + RTMSG_BYTES, message.payloadEnd);
  if (!attributes.ok) return attributes;
  const { value } = attributes;
  const to = value.get(attribute.to)?.slice() ?? new Uint8Array(family === 4 ? 4 : 16);
  const first = nexthopText(value);
  const nexthops = [{ linkIndex: u32(value.get(attribute.interface)) ?? 0, alive: isAlive(flags), text: first }];
  const several = value.get(attribute.multipath);
  const all = several === undefined ? ok(nexthops) : decodeNexthops(several);
  if (!all.ok) return all;
  const told = all.value.filter((nexthop) => nexthop.linkIndex !== 0);
  const kind = bytes[start + 7];
  const metric = u32(value.get(attribute.metric)) ?? 0;
  const object = u32(value.get(attribute.nexthopObject));
  const texts = all.value.map((nexthop) => nexthop.text).join(" ");
  return ok({
    family,
    table: u32(value.get(attribute.table)) ?? bytes[start + 4],
    to,
    prefixLength: bytes[start + 1],
    kind: kindNames[kind] ?? `kind ${kind}`,
    leads: kind >= 1 && kind <= KIND_LEADING_LAST,
    metric,
    nexthops: told.map(({ linkIndex, alive }) => ({ linkIndex, alive })),
    nexthopObject: object,
    dead: (flags & routeFlag.dead) !== 0,
    source: value.get(attribute.source)?.slice() ?? null,
    identity: `${kind} ${metric} ${object ?? ""} ${texts}`,
  });
}

interface ToldNexthop extends Nexthop {
  readonly text: string;
}

/** RTA_MULTIPATH: struct rtnexthop, one after the other. */
function decodeNexthops(bytes: Uint8Array): Result<readonly ToldNexthop[], TableReason> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const nexthops: ToldNexthop[] = [];
  for (let at = 0; bytes.length - at >= NEXTHOP_BYTES;) {
    const length = view.getUint16(at, true);
    if (length < NEXTHOP_BYTES || length > bytes.length - at) return err("nexthop_length");
    const attributes = decodeAttributes(bytes, at + NEXTHOP_BYTES, at + length);
    if (!attributes.ok) return attributes;
    const linkIndex = view.getInt32(at + 4, true);
    const text = `${linkIndex} ${nexthopText(attributes.value)}`;
    nexthops.push({ linkIndex, alive: isAlive(bytes[at + 2]), text });
    at += align4(length);
  }
  return ok(nexthops);
}

/** Interface and gateway; RTA_VIA is a gateway of the other family. */
function nexthopText(attributes: ReadonlyMap<number, Uint8Array>): string {
  const parts = [attribute.interface, attribute.gateway, attribute.via].map(
    (key) => attributes.get(key)?.toHex() ?? "",
  );
  return parts.join("/");
}

function isAlive(flags: number): boolean {
  return (flags & (routeFlag.dead | routeFlag.linkDown)) === 0;
}

function u32(value: Uint8Array | undefined): number | null {
  if (value === undefined || value.length < 4) return null;
  return new DataView(value.buffer, value.byteOffset).getUint32(0, true);
}
