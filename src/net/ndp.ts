/**
 * Unsolicited neighbour advertisements (RFC 4861 §4.4, §7.2.6) as whole Ethernet frames: IPv6's gratuitous ARP.
 *
 *    0 destination MAC 33:33:00:00:00:01   6 source MAC   12 EtherType 0x86dd
 *   14 IPv6 header (40 bytes), hop limit 255, to ff02::1
 *   54 type 136   55 code 0   56 checksum   58 flags: router, override   62 target address
 *   78 option 2 (target link-layer address), length 1 (eight bytes), MAC
 */
import { foldChecksum, sumPseudoHeader, sumWords } from "./checksum.ts";
import { encodeIpv6, ETHERTYPE_IPV6, IPV6_HEADER_BYTES } from "./ipv6.ts";

const ETHERNET_HEADER_BYTES = 14;
const MESSAGE_BYTES = 32;
export const NEIGHBOUR_FRAME_BYTES = ETHERNET_HEADER_BYTES + IPV6_HEADER_BYTES + MESSAGE_BYTES;

/** RFC 4861 §4.4. */
const NEIGHBOUR_ADVERTISEMENT = 136;
const TARGET_LINK_LAYER_ADDRESS = 2;
const flag = { router: 0x80, override: 0x20 } as const;
const ICMPV6 = 58;
/** RFC 4861 §7.1.2: anything else has come through a router and is discarded. */
const HOP_LIMIT = 255;

const ALL_NODES = Uint8Array.of(0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);

export interface NeighbourAdvertisement {
  readonly mac: Uint8Array;
  /** The address that is here, and the source of the packet. */
  readonly address: Uint8Array;
  /** This node forwards packets. */
  readonly router: boolean;
}

/** Writes the frame at bytes[0]; answers its length. */
export function encodeNeighbourAdvertisement(bytes: Uint8Array, what: NeighbourAdvertisement): number {
  bytes.fill(0, 0, NEIGHBOUR_FRAME_BYTES);
  bytes.set(ALL_NODES_MAC, 0);
  bytes.set(what.mac, 6);
  bytes[12] = ETHERTYPE_IPV6 >> 8;
  bytes[13] = ETHERTYPE_IPV6 & 255;
  encodeIpv6(bytes, ETHERNET_HEADER_BYTES, {
    nextHeader: ICMPV6,
    hopLimit: HOP_LIMIT,
    source: what.address,
    destination: ALL_NODES,
    payloadBytes: MESSAGE_BYTES,
  });
  const start = ETHERNET_HEADER_BYTES + IPV6_HEADER_BYTES;
  bytes[start] = NEIGHBOUR_ADVERTISEMENT;
  bytes[start + 4] = flag.override | (what.router ? flag.router : 0);
  bytes.set(what.address, start + 8);
  bytes[start + 24] = TARGET_LINK_LAYER_ADDRESS;
  bytes[start + 25] = 1;
  bytes.set(what.mac, start + 26);
  const pseudo = sumPseudoHeader(what.address, ALL_NODES, ICMPV6, MESSAGE_BYTES);
  const checksum = foldChecksum(sumWords(bytes, start, NEIGHBOUR_FRAME_BYTES, pseudo));
  bytes[start + 2] = checksum >> 8;
  bytes[start + 3] = checksum & 255;
  return NEIGHBOUR_FRAME_BYTES;
}
