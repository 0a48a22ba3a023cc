/**
 * rtnetlink messages of the forwarding tables (linux/rtnetlink.h, linux/fib_rules.h): routes and rules are set and removed,
 * and the removal of ours by others is told.
 *
 *   rtmsg         0 family u8   1 to length u8   2 from length u8   3 TOS u8
 *                 4 table u8    5 protocol u8    6 scope u8         7 type u8      8 flags u32
 *   fib_rule_hdr  the same, with 5 and 6 reserved, and at 7 the action
 */
import { decodeAttributes, type Message, messageFlag, MessageWriter } from "./codec.ts";
import { addressScope } from "./codec-route.ts";

/** linux/rtnetlink.h: RTM_*. */
const forwardType = { newRoute: 24, delRoute: 25, newRule: 32, delRule: 33 } as const;
/** RTMGRP_* bits of IPv4 and IPv6 routes and IPv4 rules; IPv6 rules are group 19 and have no name as a bit. */
export const forwardGroups = 0x40 | 0x400 | 0x80 | (1 << 18);
/** struct rtmsg and struct fib_rule_hdr. */
const HEADER_BYTES = 12;
const PROTOCOL_AT = 5;
/** linux/rtnetlink.h: RTA_*; linux/fib_rules.h: FRA_*. */
const routeAttribute = { to: 1, interface: 4, gateway: 5, metric: 6, source: 7, table: 15 } as const;
const ruleAttribute = { to: 1, from: 2, incoming: 3, priority: 6, table: 15, protocol: 21 } as const;
/** linux/rtnetlink.h: RTN_*. */
export const routeKinds = { unicast: 1, blackhole: 6, unreachable: 7, prohibit: 8 } as const;
export type RouteKind = keyof typeof routeKinds;
/** linux/fib_rules.h: FR_ACT_TO_TBL. */
const ACTION_TO_TABLE = 1;
/** RT_TABLE_COMPAT: the number does not fit one byte and stands in the attribute. */
const TABLE_IN_ATTRIBUTE = 252;
const FAMILY_IPV4 = 2;
const FAMILY_IPV6 = 10;

/** RTPROT_* of routes and FRA_PROTOCOL of rules that Ballast sets: removals touch no others. VRRP's protocol number. */
export const FORWARD_OWNER = 112;

export interface NetworkBytes {
  readonly address: Uint8Array;
  readonly prefixLength: number;
}

export interface RouteRequest {
  readonly family: 4 | 6;
  readonly kind: RouteKind;
  readonly to: NetworkBytes;
  /** null: out of the interface directly. */
  readonly via: Uint8Array | null;
  /** null: as the gateway's address says. */
  readonly linkIndex: number | null;
  /** Preferred source address. */
  readonly source: Uint8Array | null;
  readonly metric: number | null;
  readonly table: number;
}

export interface RuleRequest {
  readonly family: 4 | 6;
  readonly from: NetworkBytes | null;
  readonly to: NetworkBytes | null;
  readonly incoming: string | null;
  readonly table: number;
  readonly priority: number | null;
}

export function encodeRoute(
  writer: MessageWriter,
  operation: "add" | "remove",
  route: RouteRequest,
  sequence: number,
): void {
  const add = operation === "add";
  writer.begin(add ? forwardType.newRoute : forwardType.delRoute, flagsOf(add), sequence);
  writer.u8(route.family === 4 ? FAMILY_IPV4 : FAMILY_IPV6);
  writer.u8(route.to.prefixLength);
  writer.u8(0);
  writer.u8(0);
  writer.u8(tableByte(route.table));
  writer.u8(FORWARD_OWNER);
  writer.u8(add ? scopeOf(route) : addressScope.nowhere);
  writer.u8(routeKinds[route.kind]);
  writer.u32(0);
  if (route.to.prefixLength > 0) writer.attribute(routeAttribute.to, route.to.address);
  if (route.via !== null) writer.attribute(routeAttribute.gateway, route.via);
  if (route.linkIndex !== null) writer.attributeU32(routeAttribute.interface, route.linkIndex);
  if (route.source !== null) writer.attribute(routeAttribute.source, route.source);
  if (route.metric !== null) writer.attributeU32(routeAttribute.metric, route.metric);
  writer.attributeU32(routeAttribute.table, route.table);
  writer.end();
}

export function encodeRule(
  writer: MessageWriter,
  operation: "add" | "remove",
  rule: RuleRequest,
  sequence: number,
): void {
  const add = operation === "add";
  writer.begin(add ? forwardType.newRule : forwardType.delRule, flagsOf(add), sequence);
  writer.u8(rule.family === 4 ? FAMILY_IPV4 : FAMILY_IPV6);
  writer.u8(rule.to?.prefixLength ?? 0);
  writer.u8(rule.from?.prefixLength ?? 0);
  writer.u8(0);
  writer.u8(tableByte(rule.table));
  writer.u8(0);
  writer.u8(0);
  writer.u8(ACTION_TO_TABLE);
  writer.u32(0);
  if (rule.to !== null) writer.attribute(ruleAttribute.to, rule.to.address);
  if (rule.from !== null) writer.attribute(ruleAttribute.from, rule.from.address);
  if (rule.incoming !== null) writer.attributeText(ruleAttribute.incoming, rule.incoming);
  if (rule.priority !== null) writer.attributeU32(ruleAttribute.priority, rule.priority);
  writer.attributeU32(ruleAttribute.table, rule.table);
  writer.attributeU8(ruleAttribute.protocol, FORWARD_OWNER);
  writer.end();
}

/** Whether a notification says that a route or rule with our mark was removed. */
export function isOurForwardingGone(bytes: Uint8Array, message: Message): boolean {
  const start = message.payloadStart;
  if (message.payloadEnd - start < HEADER_BYTES) return false;
  if (message.type === forwardType.delRoute) return bytes[start + PROTOCOL_AT] === FORWARD_OWNER;
  if (message.type !== forwardType.delRule) return false;
  const attributes = decodeAttributes(bytes, start + HEADER_BYTES, message.payloadEnd);
  return attributes.ok && attributes.value.get(ruleAttribute.protocol)?.[0] === FORWARD_OWNER;
}

/** Never in the place of a route or rule that somebody else set. */
function flagsOf(add: boolean): number {
  return messageFlag.request | messageFlag.ack | (add ? messageFlag.create | messageFlag.exclusive : 0);
}

function tableByte(table: number): number {
  return table < 256 ? table : TABLE_IN_ATTRIBUTE;
}

/** As ip route chooses it: a neighbour's network is of the link, what is behind a gateway is global. */
function scopeOf(route: RouteRequest): number {
  return route.family === 4 && route.kind === "unicast" && route.via === null ? addressScope.link : addressScope.global;
}
