/**
 * Hears packets to multicast groups without joining them: a packet socket (packet(7)) that has the interface take the
 * groups' frames. A group that is joined is reported, again and again when a router asks; an interface whose address
 * other nodes have, too, must keep silent.
 */
import { AF, SO, SOCK, SOL } from "./abi.ts";
import { must } from "./errno.ts";
import { checked, libc } from "./libc.ts";
import { pinned } from "./memory.ts";
import { close, setOption, setOptionBytes, socket } from "./socket.ts";
import { attachFilter, bpf, filterAnswer, type Instruction } from "./socket-filter.ts";

/** linux/socket.h, linux/if_packet.h */
const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_MULTICAST = 2;
/** linux/filter.h: SKF_AD_OFF + SKF_AD_PKTTYPE, where the kind of packet is to be had. */
const PACKET_KIND = 0xfffff004;
/** struct sockaddr_ll: family u16, protocol be16, index i32, then what a bind does not need. */
const SOCKADDR_LL_BYTES = 20;
/** Where IPv4 and IPv6 headers have the protocol, and the last four bytes of the destination. */
const layout = {
  4: { etherType: 0x0800, protocol: 9, destinationEnd: 16 },
  6: { etherType: 0x86dd, protocol: 6, destinationEnd: 36 },
} as const;

const sockaddr = pinned(SOCKADDR_LL_BYTES);

export interface MulticastListenerOptions {
  readonly family: 4 | 6;
  readonly interfaceName: string;
  readonly interfaceIndex: number;
  /** At most a few dozen: each is an instruction of the filter. */
  readonly groups: readonly Uint8Array[];
  /** Of the IP header; over IPv6 without extension headers in between. */
  readonly protocols: readonly number[];
  readonly receiveBufferBytes: number;
}

/** A non-blocking socket that receives whole packets, from their IP header on; never this node's own. @throws SysError */
export function openMulticastListener(options: MulticastListenerOptions): number {
  const { family, interfaceName, interfaceIndex, groups, protocols, receiveBufferBytes } = options;
  const subject = `multicast listener on ${interfaceName}`;
  const fd = must("socket", socket(AF.PACKET, SOCK.DGRAM | SOCK.NONBLOCK | SOCK.CLOEXEC, 0), subject);
  try {
    // Before the bind, which is what lets packets in.
    attachFilter(fd, program(family, groups, protocols), subject);
    must("setsockopt SO_RCVBUF", setOption(fd, SOL.SOCKET, SO.RCVBUF, receiveBufferBytes), subject);
    for (const group of groups) {
      const request = membership(interfaceIndex, groupMac(group));
      must("setsockopt PACKET_ADD_MEMBERSHIP", setOptionBytes(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, request), subject);
    }
    sockaddr.bytes.fill(0);
    sockaddr.view.setUint16(0, AF.PACKET, true);
    sockaddr.view.setUint16(2, layout[family].etherType, false);
    sockaddr.view.setInt32(4, interfaceIndex, true);
    must("bind", checked(libc.bind(fd, sockaddr.pointer, SOCKADDR_LL_BYTES)), subject);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** Received as multicast, and one of the protocols, and to one of the groups. */
function program(family: 4 | 6, groups: readonly Uint8Array[], protocols: readonly number[]): readonly Instruction[] {
  const { protocol, destinationEnd } = layout[family];
  const ends = groups.map((group) => new DataView(Uint8Array.from(group).buffer).getUint32(group.length - 4, false));
  return [
    { code: bpf.loadByte, k: PACKET_KIND },
    ...anyOf([PACKET_MULTICAST]),
    { code: bpf.loadByte, k: protocol },
    ...anyOf(protocols),
    { code: bpf.loadWord, k: destinationEnd },
    ...anyOf(ends),
    { code: bpf.answer, k: filterAnswer.all },
  ];
}

/** Goes on when what was loaded is one of these; ends with nothing otherwise. */
function anyOf(values: readonly number[]): readonly Instruction[] {
  const comparisons = values.map((k, i) => ({ code: bpf.jumpIfEqual, k, jumpTrue: values.length - i }));
  return [...comparisons, { code: bpf.answer, k: filterAnswer.none }];
}

/** struct packet_mreq: interface index i32, type u16 (PACKET_MR_MULTICAST is 0), address length u16, address. */
function membership(interfaceIndex: number, mac: Uint8Array): Uint8Array {
  const request = new Uint8Array(new ArrayBuffer(16));
  const view = new DataView(request.buffer);
  view.setInt32(0, interfaceIndex, true);
  view.setUint16(6, mac.length, true);
  request.set(mac, 8);
  return request;
}

/** RFC 1112 §6.4, RFC 2464 §7. */
function groupMac(group: Uint8Array): Uint8Array {
  if (group.length === 4) return Uint8Array.of(0x01, 0x00, 0x5e, group[1] & 0x7f, group[2], group[3]);
  return Uint8Array.of(0x33, 0x33, ...group.subarray(12));
}
