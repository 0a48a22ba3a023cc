/**
 * A raw IPv6 socket of one protocol on one interface (ipv6(7), RFC 3542). The kernel keeps the header to itself: source,
 * destination and hop limit come and go as control messages.
 */
import { AF, cmsghdr, iovec, MSG, msghdr, SO, SOCK, SOL } from "./abi.ts";
import { must } from "./errno.ts";
import { checked, libc } from "./libc.ts";
import { pinned } from "./memory.ts";
import { close, setOption, setOptionBytes, socket } from "./socket.ts";

/** linux/in6.h: IPV6_*. */
const IPV6 = {
  UNICAST_HOPS: 16,
  MULTICAST_IF: 17,
  MULTICAST_HOPS: 18,
  MULTICAST_LOOP: 19,
  ADD_MEMBERSHIP: 20,
  MULTICAST_ALL: 29,
  RECVPKTINFO: 49,
  PKTINFO: 50,
  RECVHOPLIMIT: 51,
  HOPLIMIT: 52,
  TCLASS: 67,
  FREEBIND: 78,
} as const;

const SOCKADDR_IN6_BYTES = 28;
const PKTINFO_BYTES = 20;
const CONTROL_BYTES = 256;

const header = pinned(msghdr.size);
const vector = pinned(iovec.size);
const control = pinned(CONTROL_BYTES);
const peer = pinned(SOCKADDR_IN6_BYTES);

export interface Raw6SocketOptions {
  readonly protocol: number;
  readonly interfaceName: string;
  readonly interfaceIndex: number;
  /** Groups to join on the interface, sixteen bytes each. */
  readonly groups: readonly Uint8Array[];
  readonly receiveBufferBytes: number;
  readonly hopLimit: number;
  readonly trafficClass: number;
}

/** As `openRawSocket`, for IPv6. @throws SysError */
export function openRaw6Socket(options: Raw6SocketOptions): number {
  const subject = `raw IPv6 socket of protocol ${options.protocol} on ${options.interfaceName}`;
  const fd = must("socket", socket(AF.INET6, SOCK.RAW | SOCK.NONBLOCK | SOCK.CLOEXEC, options.protocol), subject);
  const set = (name: string, option: number, value: number): void => {
    must(`setsockopt IPV6_${name}`, setOption(fd, SOL.IPV6, option, value), subject);
  };
  try {
    const device = new TextEncoder().encode(`${options.interfaceName}\0`);
    must("setsockopt SO_BINDTODEVICE", setOptionBytes(fd, SOL.SOCKET, SO.BINDTODEVICE, device), subject);
    must("setsockopt SO_RCVBUF", setOption(fd, SOL.SOCKET, SO.RCVBUF, options.receiveBufferBytes), subject);
    set("MULTICAST_ALL", IPV6.MULTICAST_ALL, 0);
    set("MULTICAST_LOOP", IPV6.MULTICAST_LOOP, 0);
    set("MULTICAST_IF", IPV6.MULTICAST_IF, options.interfaceIndex);
    set("MULTICAST_HOPS", IPV6.MULTICAST_HOPS, options.hopLimit);
    set("UNICAST_HOPS", IPV6.UNICAST_HOPS, options.hopLimit);
    set("TCLASS", IPV6.TCLASS, options.trafficClass);
    // A virtual router's own interface has no link-local address: its adverts bear that of the real one.
    set("FREEBIND", IPV6.FREEBIND, 1);
    set("RECVPKTINFO", IPV6.RECVPKTINFO, 1);
    set("RECVHOPLIMIT", IPV6.RECVHOPLIMIT, 1);
    for (const group of options.groups) {
      // struct ipv6_mreq: group, interface index i32.
      const request = new Uint8Array(new ArrayBuffer(20));
      request.set(group);
      new DataView(request.buffer).setInt32(16, options.interfaceIndex, true);
      must("join", setOptionBytes(fd, SOL.IPV6, IPV6.ADD_MEMBERSHIP, request), subject);
    }
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** Where a received packet came from and went to; `destination` and `hopLimit` as the control messages say. */
export interface PacketEnds {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly hopLimit: number;
}

export interface Received6 {
  /** Bytes, or -errno. */
  readonly length: number;
  /** null: no packet, or one without its control messages. The arrays are copies. */
  readonly ends: PacketEnds | null;
}

export function receiveFrom6(fd: number, address: number, length: number): Received6 {
  prepare(address, length);
  header.view.setBigUint64(msghdr.controllen, BigInt(CONTROL_BYTES), true);
  const received = checked(libc.recvmsg(fd, header.pointer, MSG.DONTWAIT));
  if (received < 0) return { length: received, ends: null };
  let destination: Uint8Array | null = null;
  let hopLimit = -1;
  const end = Math.min(Number(header.view.getBigUint64(msghdr.controllen, true)), CONTROL_BYTES);
  for (let at = 0; at + cmsghdr.size <= end;) {
    const bytes = Number(control.view.getBigUint64(at + cmsghdr.len, true));
    if (bytes < cmsghdr.size || at + bytes > end) break;
    const type = control.view.getInt32(at + cmsghdr.type, true);
    if (control.view.getInt32(at + cmsghdr.level, true) === SOL.IPV6) {
      const start = at + cmsghdr.size;
      if (type === IPV6.PKTINFO) destination = control.bytes.slice(start, start + 16);
      if (type === IPV6.HOPLIMIT) hopLimit = control.view.getInt32(start, true);
    }
    at += Math.ceil(bytes / 8) * 8;
  }
  const ends = destination === null ? null : { source: peer.bytes.slice(8, 24), destination, hopLimit };
  return { length: received, ends };
}

/** Sends from `source`, an address of this node, out of the interface; bytes or -errno. */
export function sendFrom6(
  fd: number,
  address: number,
  length: number,
  interfaceIndex: number,
  source: Uint8Array,
  destination: Uint8Array,
): number {
  prepare(address, length);
  peer.bytes.fill(0);
  peer.view.setUint16(0, AF.INET6, true);
  peer.bytes.set(destination, 8);
  peer.view.setUint32(24, interfaceIndex, true);
  control.bytes.fill(0);
  control.view.setBigUint64(cmsghdr.len, BigInt(cmsghdr.size + PKTINFO_BYTES), true);
  control.view.setInt32(cmsghdr.level, SOL.IPV6, true);
  control.view.setInt32(cmsghdr.type, IPV6.PKTINFO, true);
  control.bytes.set(source, cmsghdr.size);
  control.view.setInt32(cmsghdr.size + 16, interfaceIndex, true);
  header.view.setBigUint64(msghdr.controllen, BigInt(cmsghdr.size + Math.ceil(PKTINFO_BYTES / 8) * 8), true);
  return checked(libc.sendmsg(fd, header.pointer, MSG.NOSIGNAL | MSG.DONTWAIT));
}

function prepare(address: number, length: number): void {
  vector.view.setBigUint64(iovec.base, BigInt(address), true);
  vector.view.setBigUint64(iovec.len, BigInt(length), true);
  header.bytes.fill(0);
  header.view.setBigUint64(msghdr.name, BigInt(peer.address), true);
  header.view.setUint32(msghdr.namelen, SOCKADDR_IN6_BYTES, true);
  header.view.setBigUint64(msghdr.iov, BigInt(vector.address), true);
  header.view.setBigUint64(msghdr.iovlen, 1n, true);
  header.view.setBigUint64(msghdr.control, BigInt(control.address), true);
}
