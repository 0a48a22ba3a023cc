/**
 * rtnetlink messages (rtnetlink(7), linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h): links and addresses.
 *
 *   ifinfomsg   0 family u8   1 pad   2 device type u16   4 index i32   8 flags u32   12 change mask u32
 *   ifaddrmsg   0 family u8   1 prefix length u8   2 flags u8   3 scope u8   4 interface index u32
 */
import { err, ok, type Result } from "../lib/result.ts";
import { decodeAttributes, type Message, messageFlag, MessageWriter, type NetlinkReason } from "./codec.ts";

/** linux/rtnetlink.h: RTM_*. */
export const routeType = {
  newLink: 16,
  delLink: 17,
  getLink: 18,
  newAddress: 20,
  delAddress: 21,
  getAddress: 22,
} as const;

/** linux/rtnetlink.h: RTMGRP_* bits of sockaddr_nl.nl_groups. */
export const routeGroup = { link: 0x1, ipv4Address: 0x10, ipv6Address: 0x100 } as const;

const IFINFOMSG_BYTES = 16;
const IFADDRMSG_BYTES = 8;
const FAMILY_IPV4 = 2;
const FAMILY_IPV6 = 10;

/** linux/if_link.h: IFLA_*; linux/if_addr.h: IFA_*, IFA_F_*. */
const linkAttribute = { address: 1, name: 3, mtu: 4, link: 5, info: 18, alias: 20 } as const;
/** linux/if_link.h: IFLA_INFO_*, IFLA_MACVLAN_*, MACVLAN_MODE_PRIVATE. */
const infoAttribute = { kind: 1, data: 2 } as const;
const macvlan = { kind: "macvlan", modeAttribute: 1, privateMode: 1 } as const;
/** linux/veth.h: VETH_INFO_PEER. */
const veth = { kind: "veth", peerAttribute: 1 } as const;
const addressAttribute = { address: 1, local: 2, label: 3, broadcast: 4, protocol: 11 } as const;
const addressFlag = { secondary: 0x1, noDad: 0x2, dadFailed: 0x8, tentative: 0x40 } as const;

/** linux/if.h: IFF_UP (administratively up), IFF_RUNNING (the carrier is there), IFF_LOOPBACK. */
const linkFlag = { up: 0x1, loopback: 0x8, running: 0x40 } as const;

/** linux/rtnetlink.h: RT_SCOPE_*. */
export const addressScope = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;
export type AddressScopeName = keyof typeof addressScope;

/**
 * IFA_PROTO of every address that Ballast sets (kernel 5.18 and newer keep it): how a restarted speaker knows its own.
 * 112 is VRRP's IP protocol number; 1–3 are the kernel's own values, iproute2 shows the rest as numbers.
 */
export const ADDRESS_OWNER = 112;

export interface LinkFact {
  readonly index: number;
  readonly name: string;
  /** Up by the operator's will and with a carrier. */
  readonly running: boolean;
  readonly loopback: boolean;
  readonly mac: Uint8Array;
  readonly mtuBytes: number;
  /** IFLA_IFALIAS: a note of whoever made the interface; null: none. */
  readonly alias?: string | null;
  /** IFLA_LINK: the interface that this one stands on; null: none. */
  readonly baseIndex?: number | null;
}

/** A macvlan interface on another one. */
export interface MacvlanRequest {
  readonly name: string;
  readonly baseIndex: number;
  readonly mac: Uint8Array;
}

export interface AddressFact {
  readonly linkIndex: number;
  readonly family: 4 | 6;
  readonly address: Uint8Array;
  readonly prefixLength: number;
  readonly scope: number;
  readonly secondary: boolean;
  /** IPv6: duplicate address detection is still under way, or found one; nothing can be sent from it. */
  readonly tentative: boolean;
  readonly label: string | null;
  /** IFA_PROTO; 0 when nobody set it. */
  readonly owner: number;
}

/** What Ballast asks the kernel to set on an interface. */
export interface AddressRequest {
  readonly linkIndex: number;
  readonly family: 4 | 6;
  readonly address: Uint8Array;
  readonly prefixLength: number;
  readonly scope: number;
  readonly broadcast: Uint8Array | null;
  readonly label: string | null;
  /** IFA_PROTO; absent: ADDRESS_OWNER; null: nobody's, for an address that outlives the daemon. */
  readonly owner?: number | null;
}

export type RouteFact =
  | { readonly kind: "link"; readonly link: LinkFact }
  | { readonly kind: "link_gone"; readonly index: number; readonly name: string }
  | { readonly kind: "address"; readonly address: AddressFact }
  | { readonly kind: "address_gone"; readonly address: AddressFact }
  | { readonly kind: "other" };

export type RouteReason = NetlinkReason | "link_short" | "address_short" | "address_missing";

/** Asks for all links or all addresses of both families; the answer is a multi-part message that ends with NLMSG_DONE. */
export function encodeDump(writer: MessageWriter, what: "links" | "addresses", sequence: number): void {
  const links = what === "links";
  writer.begin(links ? routeType.getLink : routeType.getAddress, messageFlag.request | messageFlag.dump, sequence);
  writer.u8(0);
  writer.u8(0);
  writer.u16(0);
  writer.u32(0);
  if (links) {
    writer.u32(0);
    writer.u32(0);
  }
  writer.end();
}

/**
 * Asks to set an address (idempotent: CREATE with REPLACE, never EXCL) or to remove it. Removal names the local
 * address and prefix length only, so that it works whatever label or broadcast stand there.
 */
export function encodeAddress(
  writer: MessageWriter,
  operation: "add" | "remove",
  request: AddressRequest,
  sequence: number,
): void {
  const add = operation === "add";
  const flags = messageFlag.request | messageFlag.ack | (add ? messageFlag.create | messageFlag.replace : 0);
  writer.begin(add ? routeType.newAddress : routeType.delAddress, flags, sequence);
  writer.u8(request.family === 4 ? FAMILY_IPV4 : FAMILY_IPV6);
  writer.u8(request.prefixLength);
  // Whether the address is a duplicate was decided by the election; waiting a second for DAD would only be an outage.
  writer.u8(add && request.family === 6 ? addressFlag.noDad : 0);
  writer.u8(add ? request.scope : 0);
  writer.u32(request.linkIndex);
  writer.attribute(addressAttribute.local, request.address);
  writer.attribute(addressAttribute.address, request.address);
  if (add) {
    if (request.label !== null) writer.attributeText(addressAttribute.label, request.label);
    if (request.broadcast !== null) writer.attribute(addressAttribute.broadcast, request.broadcast);
    if (request.owner !== null) writer.attributeU8(addressAttribute.protocol, request.owner ?? ADDRESS_OWNER);
  }
  writer.end();
}

/** Asks for a macvlan interface in private mode, not yet up: it and its siblings do not hear each other. */
export function encodeNewMacvlan(writer: MessageWriter, request: MacvlanRequest, sequence: number): void {
  const flags = messageFlag.request | messageFlag.ack | messageFlag.create | messageFlag.exclusive;
  writer.begin(routeType.newLink, flags, sequence);
  linkHeader(writer, 0, 0);
  writer.attributeText(linkAttribute.name, request.name);
  writer.attributeU32(linkAttribute.link, request.baseIndex);
  writer.attribute(linkAttribute.address, request.mac);
  writer.nested(linkAttribute.info, () => {
    writer.attributeText(infoAttribute.kind, macvlan.kind);
    writer.nested(infoAttribute.data, () => writer.attributeU32(macvlan.modeAttribute, macvlan.privateMode));
  });
  writer.end();
}

/** Asks for a veth pair, not yet up. The peer is described by an ifinfomsg and attributes of its own. */
export function encodeNewVeth(writer: MessageWriter, name: string, peer: string, sequence: number): void {
  const flags = messageFlag.request | messageFlag.ack | messageFlag.create | messageFlag.exclusive;
  writer.begin(routeType.newLink, flags, sequence);
  linkHeader(writer, 0, 0);
  writer.attributeText(linkAttribute.name, name);
  writer.nested(linkAttribute.info, () => {
    writer.attributeText(infoAttribute.kind, veth.kind);
    writer.nested(infoAttribute.data, () =>
      writer.nested(veth.peerAttribute, () => {
        linkHeader(writer, 0, 0);
        writer.attributeText(linkAttribute.name, peer);
      }),
    );
  });
  writer.end();
}

/** Raises the interface and puts the note on it: the kernel takes none while it makes one. */
export function encodeLinkUp(writer: MessageWriter, index: number, alias: string, sequence: number): void {
  writer.begin(routeType.newLink, messageFlag.request | messageFlag.ack, sequence);
  linkHeader(writer, index, linkFlag.up);
  writer.attributeText(linkAttribute.alias, alias);
  writer.end();
}

export function encodeDeleteLink(writer: MessageWriter, index: number, sequence: number): void {
  writer.begin(routeType.delLink, messageFlag.request | messageFlag.ack, sequence);
  linkHeader(writer, index, 0);
  writer.end();
}

/** ifinfomsg; `flags` are set, all others stay. */
function linkHeader(writer: MessageWriter, index: number, flags: number): void {
  writer.u8(0);
  writer.u8(0);
  writer.u16(0);
  writer.u32(index);
  writer.u32(flags);
  writer.u32(flags);
}

/** What a link or address message says; `other` for types that Ballast does not follow. Values are copies. */
export function decodeRoute(bytes: Uint8Array, message: Message): Result<RouteFact, RouteReason> {
  switch (message.type) {
    case routeType.newLink:
    case routeType.delLink:
      return decodeLink(bytes, message);
    case routeType.newAddress:
    case routeType.delAddress:
      return decodeAddress(bytes, message);
    default:
      return ok({ kind: "other" });
  }
}

function decodeLink(bytes: Uint8Array, message: Message): Result<RouteFact, RouteReason> {
  const start = message.payloadStart;
  if (message.payloadEnd - start < IFINFOMSG_BYTES) return err("link_short");
  const attributes = decodeAttributes(bytes, start + IFINFOMSG_BYTES, message.payloadEnd);
  if (!attributes.ok) return attributes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const index = view.getInt32(start + 4, true);
  const flags = view.getUint32(start + 8, true);
  const name = text(attributes.value.get(linkAttribute.name)) ?? "";
  if (message.type === routeType.delLink) return ok({ kind: "link_gone", index, name });
  const u32 = (value: Uint8Array | undefined): number | null =>
    value === undefined ? null : new DataView(value.buffer, value.byteOffset).getUint32(0, true);
  return ok({
    kind: "link",
    link: {
      index,
      name,
      running: (flags & linkFlag.up) !== 0 && (flags & linkFlag.running) !== 0,
      loopback: (flags & linkFlag.loopback) !== 0,
      mac: (attributes.value.get(linkAttribute.address) ?? new Uint8Array(0)).slice(),
      alias: text(attributes.value.get(linkAttribute.alias)),
      baseIndex: u32(attributes.value.get(linkAttribute.link)),
      mtuBytes: u32(attributes.value.get(linkAttribute.mtu)) ?? 0,
    },
  });
}

function decodeAddress(bytes: Uint8Array, message: Message): Result<RouteFact, RouteReason> {
  const start = message.payloadStart;
  if (message.payloadEnd - start < IFADDRMSG_BYTES) return err("address_short");
  const attributes = decodeAttributes(bytes, start + IFADDRMSG_BYTES, message.payloadEnd);
  if (!attributes.ok) return attributes;
  // On a point-to-point link IFA_ADDRESS is the peer; the node's own address is IFA_LOCAL. IPv6 has IFA_ADDRESS only.
  const own = attributes.value.get(addressAttribute.local) ?? attributes.value.get(addressAttribute.address);
  if (own === undefined || (own.length !== 4 && own.length !== 16)) return err("address_missing");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const address: AddressFact = {
    linkIndex: view.getUint32(start + 4, true),
    family: own.length === 4 ? 4 : 6,
    address: own.slice(),
    prefixLength: bytes[start + 1],
    scope: bytes[start + 3],
    secondary: own.length === 4 && (bytes[start + 2] & addressFlag.secondary) !== 0,
    tentative: own.length === 16 && (bytes[start + 2] & (addressFlag.tentative | addressFlag.dadFailed)) !== 0,
    label: text(attributes.value.get(addressAttribute.label)),
    owner: attributes.value.get(addressAttribute.protocol)?.[0] ?? 0,
  };
  return ok({ kind: message.type === routeType.newAddress ? "address" : "address_gone", address });
}

function text(value: Uint8Array | undefined): string | null {
  if (value === undefined) return null;
  const end = value.indexOf(0);
  return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
}
