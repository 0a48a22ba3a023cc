/**
 * The nf_tables rules of accept = false (RFC 9568, section 6.1: Accept_Mode): packets from outside to a VIP end here,
 * neighbour discovery aside (section 8.2.3). What is only forwarded through the node does not come by.
 *
 *   table inet ballast_vrrp_N
 *     chain input   iif "lo" accept
 *                   icmpv6 type nd-neighbor-solicit accept, nd-neighbor-advert accept
 *                   ip daddr @vips4 drop
 *                   ip6 daddr @vips6 drop
 *                   ip6 daddr . iifname @link_vips6 drop
 */
import type { NftExpression } from "../netlink/codec-nft-rule.ts";
import { elementMessages, type NftMessage, type NftSetKey } from "../netlink/codec-nft.ts";
import { isLinkLocal } from "../net/ipv6.ts";
import type { Vip } from "./settings.ts";

export type RefusedVip = Pick<Vip, "address" | "interfaceName">;

/** The whole table with all of them has to fit into one datagram; a node has a few. */
export const REFUSED_MAX = 1024;

/** Of a table that does not go with its owner: found again by whoever comes after one that was killed. */
export const LASTING_TABLE = "ballast_vrrp";
/** Of a table that does: two speakers, the old and the new, may each have one. `port`: of the owner's socket. */
export function ownedTable(port: number): string {
  return `${LASTING_TABLE}_${port}`;
}

const TABLE_COMMENT = "made by Ballast: VIPs of instances with accept = false";
const DROP_COMMENT = "Ballast: accept = false";
const DISCOVERY_COMMENT = "Ballast: neighbour discovery";
const CHAIN = "input";

/**
 * After IPVS, which takes its packets at 98 and 99 (NF_IP_PRI_NAT_SRC - 2 and - 1, ip_vs_core.c): a virtual server on
 * the VIP goes on working, since what it forwards is not for this node. After the operator's own filter (0), too, so
 * that their counters see what they always saw; a packet that is dropped here is lost whatever was said there.
 */
const PRIORITY = 101;

/** A global address is the same on every interface; fe80::1 may be a VIP here and somebody's own there. */
const sets = {
  vips4: { id: 1, key: "ipv4" },
  vips6: { id: 2, key: "ipv6" },
  link_vips6: { id: 3, key: "ipv6_and_interface" },
} as const satisfies Readonly<Record<string, { readonly id: number; readonly key: NftSetKey }>>;
type SetName = keyof typeof sets;
const setNames = Object.keys(sets) as readonly SetName[];

/** An element of one of the sets. */
export interface Element {
  readonly set: SetName;
  readonly key: Uint8Array;
}

/** linux/if.h: IFNAMSIZ, what nf_tables compares of an interface name. */
const INTERFACE_NAME_BYTES = 16;
/** linux/netfilter.h: NFPROTO_*; IANA: protocol 58, types 135 and 136; the loopback interface is number 1 everywhere. */
const family = { ipv4: 2, ipv6: 10 } as const;
const ICMP6 = 58;
const discoveryTypes = [135, 136] as const;
const LOOPBACK_INDEX = 1;
/** Where the destination stands in the headers. */
const destination = { ipv4: { offset: 16, length: 4 }, ipv6: { offset: 24, length: 16 } } as const;

/** The element that stands for the VIP; its text is the same for the same element. */
export function elementOf(vip: RefusedVip): { readonly text: string; readonly element: Element } {
  const { address, interfaceName } = vip;
  if (address.length === 4) return named("vips4", address);
  if (!isLinkLocal(address)) return named("vips6", address);
  const key = new Uint8Array(address.length + INTERFACE_NAME_BYTES);
  key.set(address);
  key.set(new TextEncoder().encode(interfaceName).subarray(0, INTERFACE_NAME_BYTES - 1), address.length);
  return named("link_vips6", key);
}

function named(set: SetName, key: Uint8Array): { readonly text: string; readonly element: Element } {
  return { text: `${set} ${key.toHex()}`, element: { set, key } };
}

/** The whole table, as yet without VIPs. A lasting one replaces whatever a predecessor left of that name. */
export function tableMessages(table: string, owned: boolean): readonly NftMessage[] {
  const add: NftMessage = { kind: "add_table", table, owned, comment: TABLE_COMMENT };
  const rule = (comment: string, expressions: readonly NftExpression[]): NftMessage => ({
    kind: "add_rule",
    table,
    chain: CHAIN,
    expressions,
    comment,
  });
  return [
    ...(owned ? [add] : [...removalMessages(table), add]),
    { kind: "add_chain", table, chain: CHAIN, priority: PRIORITY },
    ...setNames.map((set): NftMessage => ({ kind: "add_set", table, set, ...sets[set] })),
    rule("Ballast: what this node sends to itself", [
      { kind: "meta", key: "interface", into: 1 },
      // Interface numbers are in the machine's byte order.
      { kind: "equal", from: 1, value: Uint8Array.of(LOOPBACK_INDEX, 0, 0, 0) },
      { kind: "verdict", verdict: "accept" },
    ]),
    ...discoveryTypes.map((type) => rule(DISCOVERY_COMMENT, discovery(type))),
    rule(DROP_COMMENT, [...toAddress("ipv4"), ...dropIfIn("vips4")]),
    rule(DROP_COMMENT, [...toAddress("ipv6"), ...dropIfIn("vips6")]),
    rule(DROP_COMMENT, [
      ...toAddress("ipv6"),
      { kind: "meta", key: "interface_name", into: 2 },
      ...dropIfIn("link_vips6"),
    ]),
  ];
}

/** Removes a lasting table, whether it is there or not. */
export function removalMessages(table: string): readonly NftMessage[] {
  return [
    { kind: "add_table", table, owned: false, comment: TABLE_COMMENT },
    { kind: "delete_table", table },
  ];
}

/** From the elements that are in force to those that are wanted. */
export function changeMessages(
  table: string,
  inForce: ReadonlyMap<string, Element>,
  wanted: ReadonlyMap<string, Element>,
): readonly NftMessage[] {
  const without = (all: ReadonlyMap<string, Element>, others: ReadonlyMap<string, Element>): readonly Element[] =>
    [...all].filter(([text]) => !others.has(text)).map(([, element]) => element);
  const grouped = (kind: "add_elements" | "delete_elements", elements: readonly Element[]): readonly NftMessage[] =>
    setNames.flatMap((set) => {
      const keys = elements.filter((element) => element.set === set).map((element) => element.key);
      return elementMessages(kind, table, { set, id: sets[set].id }, keys);
    });
  return [
    ...grouped("add_elements", without(wanted, inForce)),
    ...grouped("delete_elements", without(inForce, wanted)),
  ];
}

/** A packet of neighbour discovery; the kernel looks for the ICMPv6 header behind extension headers. */
function discovery(type: number): readonly NftExpression[] {
  return [
    { kind: "meta", key: "family", into: 1 },
    { kind: "equal", from: 1, value: Uint8Array.of(family.ipv6) },
    { kind: "meta", key: "protocol", into: 1 },
    { kind: "equal", from: 1, value: Uint8Array.of(ICMP6) },
    { kind: "payload", base: "transport", offset: 0, length: 1, into: 1 },
    { kind: "equal", from: 1, value: Uint8Array.of(type) },
    { kind: "verdict", verdict: "accept" },
  ];
}

function toAddress(name: "ipv4" | "ipv6"): readonly NftExpression[] {
  return [
    { kind: "meta", key: "family", into: 1 },
    { kind: "equal", from: 1, value: Uint8Array.of(family[name]) },
    { kind: "payload", base: "network", ...destination[name], into: 1 },
  ];
}

function dropIfIn(set: SetName): readonly NftExpression[] {
  return [
    { kind: "lookup", from: 1, set, setId: sets[set].id },
    { kind: "counter" },
    { kind: "verdict", verdict: "drop" },
  ];
}
