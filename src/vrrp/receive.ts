/**
 * The receive checks: from a packet of a raw socket to an advert that the state machine may see, or the reason why
 * not. Order of RFC 9568 §7.1 (errata 8298–8301) as keepalived applies it; the first failure decides and is counted.
 */
import { err, ok, type Result } from "../lib/result.ts";
import { sameAddress } from "../net/address.ts";
import { AH_BYTES, AH_PROTOCOL, type AhReason, ahCodeMatches, decodeAh } from "../net/ah.ts";
import { decodeIpv4, type Ipv4Packet, type Ipv4Reason } from "../net/ipv4.ts";
import { type Advert, AUTH_BYTES, authType, decodeAdvert, decodeHead, VRRP_PROTOCOL, type WireReason } from "./wire.ts";

/** RFC 9568 §5.1.1.3: a router decrements it, so 255 proves that the sender is on this link. */
const LINK_LOCAL_TTL = 255;

/** What one instance expects of the packets that are meant for it. */
export interface ReceiveView {
  readonly virtualRouterId: number;
  readonly version: 2 | 3;
  readonly advertIntervalMs: number;
  /** Advertised addresses, one after the other. */
  readonly addresses: Uint8Array;
  /** Eight bytes, padded with zeros; null: no authentication. Version 2 only. */
  readonly password: Uint8Array | null;
  /** Authentication header with the password as its key, instead of the password in clear; absent: no. */
  readonly sealed?: { readonly lastSequence: number } | null;
  /** This node's address on the interface; null while it has none. */
  readonly ownAddress: Uint8Array | null;
  /** Its address on the instance's other path: both may lead to one switch. Absent, null: there is none. */
  readonly otherOwnAddress?: Uint8Array | null;
  readonly multicastGroup: Uint8Array;
  /** Unicast peers; null: multicast. */
  readonly peers: readonly Uint8Array[] | null;
}

export type ReceiveReason =
  | Ipv4Reason
  | WireReason
  | AhReason
  | "protocol"
  | "ttl"
  | "vrid"
  | "destination"
  | "own_address"
  | "not_a_peer"
  | "auth_type"
  | "auth_data"
  | "auth_spi"
  | "auth_replay"
  | "interval_zero"
  | "interval_mismatch";

/** Things worth a word that do not keep an advert out. */
export type ReceiveNote = "checksum_rfc9568" | "interval_differs" | "address_list_differs" | "address_list_foreign";

export interface Received {
  readonly source: Uint8Array;
  readonly advert: Advert;
  /** Of the authentication header; null: there was none. */
  readonly sequence: number | null;
  readonly notes: readonly ReceiveNote[];
}

/** A refused packet; `view` when it could be told which instance it was meant for. */
export interface Refused<View extends ReceiveView> {
  readonly reason: ReceiveReason;
  readonly view: View | null;
  /** Who sent it; null when that could not be told. */
  readonly source: Uint8Array | null;
}

export interface Accepted<View extends ReceiveView> extends Received {
  readonly view: View;
}

/**
 * Checks the IPv4 packet at bytes[0, length) that arrived on one interface against that interface's instances.
 * `find` looks an instance up by VRID.
 */
export function receivePacket<View extends ReceiveView>(
  bytes: Uint8Array,
  length: number,
  find: (virtualRouterId: number) => View | null,
): Result<Accepted<View>, Refused<View>> {
  const packet = decodeIpv4(bytes, length);
  if (!packet.ok) return err({ reason: packet.error, view: null, source: null });
  if (packet.value.protocol === AH_PROTOCOL) return receiveSealed(bytes, packet.value, find);
  if (packet.value.protocol !== VRRP_PROTOCOL) return err({ reason: "protocol", view: null, source: null });
  return receiveAdvert(bytes, packet.value, find);
}

/**
 * With an authentication header in front. The code is looked at before the
 * sequence number counts: one that anybody could raise would shut the master out.
 */
function receiveSealed<View extends ReceiveView>(
  bytes: Uint8Array,
  ip: Ipv4Packet,
  find: (virtualRouterId: number) => View | null,
): Result<Accepted<View>, Refused<View>> {
  const header = decodeAh(bytes, ip.payloadStart, ip.payloadEnd);
  if (!header.ok) return err({ reason: header.error, view: null, source: null });
  const { nextHeader, spi, sequence } = header.value;
  // Other hosts may use IPsec on this link.
  if (nextHeader !== VRRP_PROTOCOL) return err({ reason: "protocol", view: null, source: null });
  const inner = { ...ip, payloadStart: ip.payloadStart + AH_BYTES };
  const check = (view: ReceiveView): ReceiveReason | null => {
    if (view.sealed === undefined || view.sealed === null || view.password === null) return "auth_type";
    if (!sameAddress(spi, ip.source)) return "auth_spi";
    if (!ahCodeMatches(bytes, ip.payloadStart, ip.payloadEnd, view.password)) return "auth_data";
    return sequence > view.sealed.lastSequence ? null : "auth_replay";
  };
  return receiveAdvert(bytes, inner, find, { sequence, check });
}

interface SealCheck {
  readonly sequence: number;
  check(view: ReceiveView): ReceiveReason | null;
}

/** What the IP layer says about an advert at bytes[payloadStart, payloadEnd). */
export interface AdvertPacket {
  /** Or hop limit. */
  readonly ttl: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly payloadStart: number;
  readonly payloadEnd: number;
}

/** The checks behind the IP header, the same for both families; over IPv6 the kernel keeps the header to itself. */
export function receiveAdvert<View extends ReceiveView>(
  bytes: Uint8Array,
  ip: AdvertPacket,
  find: (virtualRouterId: number) => View | null,
  seal: SealCheck | null = null,
): Result<Accepted<View>, Refused<View>> {
  const head = decodeHead(bytes, ip.payloadStart, ip.payloadEnd);
  if (head === null) return err({ reason: "length", view: null, source: null });
  const view = find(head.virtualRouterId);
  const refuse = (reason: ReceiveReason): Result<Accepted<View>, Refused<View>> =>
    err({ reason, view, source: ip.source });
  // Foreign clusters share the segment: what a packet for them looks like is their business.
  if (view === null) return refuse("vrid");
  if (view.peers === null && ip.ttl !== LINK_LOCAL_TTL) return refuse("ttl");
  if (head.version !== view.version) return refuse("version");
  const decoded = decodeAdvert(bytes, ip.payloadStart, ip.payloadEnd, ip);
  if (!decoded.ok) return refuse(decoded.error);
  const { advert, checksumForm } = decoded.value;
  const reason = endsReason(view, ip) ?? contentReason(view, advert, seal);
  if (reason !== null) return refuse(reason);
  const notes: ReceiveNote[] = [];
  if (advert.version === 3 && checksumForm === "message") notes.push("checksum_rfc9568");
  if (advert.intervalMs !== view.advertIntervalMs) notes.push("interval_differs");
  const listNote = compareAddressLists(advert.addresses, view.addresses, advert.addressBytes);
  if (listNote !== null) notes.push(listNote);
  return ok({ view, source: ip.source, advert, sequence: seal?.sequence ?? null, notes });
}

function endsReason(view: ReceiveView, ip: AdvertPacket): ReceiveReason | null {
  const { ownAddress, otherOwnAddress = null } = view;
  if (ownAddress !== null && sameAddress(ip.source, ownAddress)) return "own_address";
  if (otherOwnAddress !== null && sameAddress(ip.source, otherOwnAddress)) return "own_address";
  if (view.peers === null) return sameAddress(ip.destination, view.multicastGroup) ? null : "destination";
  if (sameAddress(ip.destination, view.multicastGroup)) return "destination";
  // Unicast crosses routers, so the TTL proves nothing: the list of peers takes its place.
  return view.peers.some((peer) => sameAddress(peer, ip.source)) ? null : "not_a_peer";
}

function contentReason(view: ReceiveView, advert: Advert, seal: SealCheck | null): ReceiveReason | null {
  // RFC 9568 erratum 8301: an interval of zero would make the down timer zero and every backup a master.
  if (advert.intervalMs === 0) return "interval_zero";
  if (advert.version === 3) return seal === null ? null : "auth_type";
  const reason = authReason(view, advert, seal);
  if (reason !== null) return reason;
  // RFC 3768 §7.1: in version 2 the interval must be the same everywhere; version 3 adopts the master's.
  return advert.intervalMs === view.advertIntervalMs ? null : "interval_mismatch";
}

function authReason(view: ReceiveView, advert: Advert, seal: SealCheck | null): ReceiveReason | null {
  const isSealed = view.sealed !== undefined && view.sealed !== null;
  const wanted = view.password === null ? authType.none : isSealed ? authType.ah : authType.pass;
  if (advert.auth?.type !== wanted || isSealed !== (seal !== null)) return "auth_type";
  if (seal !== null) return seal.check(view);
  return view.password === null || sameSecret(advert.auth.data, view.password) ? null : "auth_data";
}

/** Compares in constant time: how many leading bytes were right must not be measurable. */
function sameSecret(a: Uint8Array, b: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < AUTH_BYTES; i++) difference |= a[i] ^ b[i];
  return difference === 0;
}

/** `text` as the eight bytes of a PASS field: cut or padded with zeros (keepalived auth_pass). */
export function passwordBytes(text: string): Uint8Array {
  const field = new Uint8Array(AUTH_BYTES);
  field.set(new TextEncoder().encode(text).subarray(0, AUTH_BYTES));
  return field;
}

/**
 * The lists are sets: order is the sender's choice. Not one address in common means that another cluster uses our
 * VRID; some in common, that the configurations have drifted apart.
 */
function compareAddressLists(heard: Uint8Array, own: Uint8Array, addressBytes: number): ReceiveNote | null {
  const total = own.length / addressBytes;
  let common = 0;
  for (let at = 0; at < heard.length; at += addressBytes) {
    if (containsAddress(own, heard, at, addressBytes)) common++;
  }
  if (common === total && heard.length === own.length) return null;
  return common === 0 ? "address_list_foreign" : "address_list_differs";
}

function containsAddress(list: Uint8Array, from: Uint8Array, at: number, addressBytes: number): boolean {
  for (let candidate = 0; candidate < list.length; candidate += addressBytes) {
    let i = 0;
    while (i < addressBytes && list[candidate + i] === from[at + i]) i++;
    if (i === addressBytes) return true;
  }
  return false;
}
