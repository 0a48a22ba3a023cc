/**
 * Membership reports for IPv6 groups (MLDv2, RFC 3810 §5.2) as whole Ethernet frames.
 *
 *    0 destination MAC 33:33:00:00:00:16   6 source MAC   12 EtherType 0x86dd
 *   14 IPv6 header (40 bytes), hop limit 1, to ff02::16
 *   54 hop-by-hop header: next header 58, length 0, router alert option (RFC 2711), two bytes of padding
 *   62 type 143   63 0   64 checksum   66 0   68 number of records, 1
 *   70 record: type | 0 | number of sources, 0   74 group
 */
import { foldChecksum, sumPseudoHeader, sumWords } from "./checksum.ts";
import { encodeIpv6, ETHERTYPE_IPV6, IPV6_HEADER_BYTES } from "./ipv6.ts";

const ETHERNET_HEADER_BYTES = 14;
const HOP_BY_HOP = 0;
const ICMPV6 = 58;
/** Router alert with value 0, MLD; then PadN. */
const OPTIONS = Uint8Array.of(ICMPV6, 0, 0x05, 2, 0, 0, 0x01, 0);
const MESSAGE_START = ETHERNET_HEADER_BYTES + IPV6_HEADER_BYTES + OPTIONS.length;
const MESSAGE_BYTES = 28;
export const MLD_FRAME_BYTES = MESSAGE_START + MESSAGE_BYTES;

const MULTICAST_LISTENER_REPORT = 143;
/** MODE_IS_EXCLUDE with no source excluded: "I listen to this group", as a router's question would be answered. */
const MODE_IS_EXCLUDE = 2;
/** RFC 3810 §5.2.14: every MLDv2 router, and the switches that listen to what is for it. */
const ALL_MLD_ROUTERS = Uint8Array.of(0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x16);
const ALL_MLD_ROUTERS_MAC = Uint8Array.of(0x33, 0x33, 0, 0, 0, 0x16);

export interface MldReport {
  readonly mac: Uint8Array;
  /** A link-local address of the interface; zeros while it has none (RFC 3590). */
  readonly source: Uint8Array;
  readonly group: Uint8Array;
}

/** Writes the frame at bytes[0]; answers its length. */
export function encodeMldReport(bytes: Uint8Array, report: MldReport): number {
  const { mac, source, group } = report;
  bytes.fill(0, 0, MLD_FRAME_BYTES);
  bytes.set(ALL_MLD_ROUTERS_MAC, 0);
  bytes.set(mac, 6);
  bytes[12] = ETHERTYPE_IPV6 >> 8;
  bytes[13] = ETHERTYPE_IPV6 & 255;
  const payloadBytes = OPTIONS.length + MESSAGE_BYTES;
  const header = { nextHeader: HOP_BY_HOP, hopLimit: 1, source, destination: ALL_MLD_ROUTERS, payloadBytes };
  encodeIpv6(bytes, ETHERNET_HEADER_BYTES, header);
  bytes.set(OPTIONS, MESSAGE_START - OPTIONS.length);
  bytes[MESSAGE_START] = MULTICAST_LISTENER_REPORT;
  bytes[MESSAGE_START + 7] = 1;
  bytes[MESSAGE_START + 8] = MODE_IS_EXCLUDE;
  bytes.set(group, MESSAGE_START + 12);
  const pseudo = sumPseudoHeader(source, ALL_MLD_ROUTERS, ICMPV6, MESSAGE_BYTES);
  const checksum = foldChecksum(sumWords(bytes, MESSAGE_START, MLD_FRAME_BYTES, pseudo));
  bytes[MESSAGE_START + 2] = checksum >> 8;
  bytes[MESSAGE_START + 3] = checksum & 255;
  return MLD_FRAME_BYTES;
}
