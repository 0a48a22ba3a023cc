/**
 * Membership reports for IPv4 groups as whole Ethernet frames: IGMPv3 (RFC 3376 §4.2) and IGMPv2 (RFC 2236 §2).
 *
 *    0 destination MAC 01:00:5e + 23 bits of the group   6 source MAC   12 EtherType 0x0800
 *   14 IPv4 header, 24 bytes with the router alert option (RFC 2113), TTL 1
 *        version 3, to 224.0.0.22                        version 2, to the group
 *   38   type 0x22 | 0 | checksum                        type 0x16 | 0 | checksum
 *   42   0 | number of records, 1                        group
 *   46   record: type | 0 | number of sources, 0
 *   50   group
 */
import { foldChecksum, sumWords } from "./checksum.ts";
import { encodeIpv4, IPV4_HEADER_BYTES } from "./ipv4.ts";

const ETHERNET_HEADER_BYTES = 14;
const ETHERTYPE_IPV4 = 0x0800;
const IGMP_PROTOCOL = 2;
const HEADER_BYTES = IPV4_HEADER_BYTES + 4;
const MESSAGE_START = ETHERNET_HEADER_BYTES + HEADER_BYTES;
const MESSAGE_BYTES = { 2: 8, 3: 16 } as const;
export const IGMP_FRAME_BYTES_MAX = MESSAGE_START + MESSAGE_BYTES[3];

const ROUTER_ALERT = Uint8Array.of(0x94, 4, 0, 0);
/** RFC 3376 §4.2.14: every IGMPv3 router, and the switches that listen to what is for it. */
const ALL_IGMP_ROUTERS = Uint8Array.of(224, 0, 0, 22);
const reportType = { 2: 0x16, 3: 0x22 } as const;
/** MODE_IS_EXCLUDE with no source excluded: "I listen to this group", as a router's question would be answered. */
const MODE_IS_EXCLUDE = 2;
/** RFC 3376 §4: "internetwork control". */
const TOS = 0xc0;

export interface IgmpReport {
  readonly version: 2 | 3;
  readonly mac: Uint8Array;
  /** An address of the interface; zeros while it has none (RFC 3376 §4.2.13). */
  readonly source: Uint8Array;
  readonly group: Uint8Array;
}

/** Writes the frame at bytes[0]; answers its length. */
export function encodeIgmpReport(bytes: Uint8Array, report: IgmpReport): number {
  const { version, mac, source, group } = report;
  const destination = version === 3 ? ALL_IGMP_ROUTERS : group;
  const length = MESSAGE_START + MESSAGE_BYTES[version];
  bytes.fill(0, 0, length);
  bytes.set([0x01, 0x00, 0x5e, destination[1] & 0x7f, destination[2], destination[3]], 0);
  bytes.set(mac, 6);
  bytes[12] = ETHERTYPE_IPV4 >> 8;
  bytes[13] = ETHERTYPE_IPV4 & 255;
  encodeHeader(bytes.subarray(ETHERNET_HEADER_BYTES, MESSAGE_START), source, destination, MESSAGE_BYTES[version]);
  bytes[MESSAGE_START] = reportType[version];
  if (version === 3) {
    bytes[MESSAGE_START + 7] = 1;
    bytes[MESSAGE_START + 8] = MODE_IS_EXCLUDE;
  }
  bytes.set(group, length - 4);
  writeChecksum(bytes, MESSAGE_START + 2, MESSAGE_START, length);
  return length;
}

/** As `encodeIpv4`, with the option in front of the payload and the checksum, which only a raw socket would fill in. */
function encodeHeader(bytes: Uint8Array, source: Uint8Array, destination: Uint8Array, payloadBytes: number): void {
  const rest = { source, destination, payloadBytes: ROUTER_ALERT.length + payloadBytes };
  encodeIpv4(bytes, { tos: TOS, ttl: 1, protocol: IGMP_PROTOCOL, ...rest });
  bytes[0] = 0x40 + HEADER_BYTES / 4;
  bytes.set(ROUTER_ALERT, IPV4_HEADER_BYTES);
  writeChecksum(bytes, 10, 0, HEADER_BYTES);
}

function writeChecksum(bytes: Uint8Array, at: number, start: number, end: number): void {
  const checksum = foldChecksum(sumWords(bytes, start, end, 0));
  bytes[at] = checksum >> 8;
  bytes[at + 1] = checksum & 255;
}

/**
 * The version that the kernel speaks on an interface, from /proc/net/igmp: 2 after a router of version 2 was heard or
 * where `force_igmp_version` says so, version 1 counts as 2. Interfaces that are not listed: 3.
 */
export function igmpVersion(procText: string, interfaceName: string): 2 | 3 {
  for (const line of procText.split("\n")) {
    const match = /^\d+\s+(\S+)\s*:\s*\d+\s+V(\d)/.exec(line);
    if (match !== null && match[1] === interfaceName) return match[2] === "3" ? 3 : 2;
  }
  return 3;
}
