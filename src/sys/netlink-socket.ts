/** AF_NETLINK sockets (netlink(7)): open with groups, send to the kernel, receive whole datagrams. */
import { AF, MSG, SO, SOCK, SOL } from "./abi.ts";
import { must } from "./errno.ts";
import { asPointer, checked, libc } from "./libc.ts";
import { pinned } from "./memory.ts";
import { close, setOption, socket } from "./socket.ts";

/** linux/netlink.h */
const NETLINK = { ROUTE: 0, NETFILTER: 12, GENERIC: 16 } as const;

/** asm-generic/socket.h */
const SO_RCVBUFFORCE = 33;

/** struct sockaddr_nl: family u16, pad u16, port id u32, groups u32. */
const SOCKADDR_NL_BYTES = 12;
const local = pinned(SOCKADDR_NL_BYTES);
const kernel = pinned(SOCKADDR_NL_BYTES);
kernel.view.setUint16(0, AF.NETLINK, true);
const lengthScratch = pinned(4);

export interface NetlinkSocket {
  readonly fd: number;
  /** The port id that the kernel gave: notifications of our own changes carry it. */
  readonly port: number;
}

/**
 * A non-blocking netlink socket bound to the multicast `groups` (RTMGRP_ bits; 0: requests only).
 * @throws SysError when the kernel refuses.
 */
export function openNetlink(
  protocol: keyof typeof NETLINK,
  groups: number,
  receiveBufferBytes: number,
  subject: string,
): NetlinkSocket {
  const type = SOCK.RAW | SOCK.NONBLOCK | SOCK.CLOEXEC;
  const fd = must("socket AF_NETLINK", socket(AF.NETLINK, type, NETLINK[protocol]), subject);
  try {
    // Beyond net.core.rmem_max with CAP_NET_ADMIN only; without it the limit applies, which costs a dump now and then.
    if (setOption(fd, SOL.SOCKET, SO_RCVBUFFORCE, receiveBufferBytes) < 0) {
      must("setsockopt SO_RCVBUF", setOption(fd, SOL.SOCKET, SO.RCVBUF, receiveBufferBytes), subject);
    }
    local.bytes.fill(0);
    local.view.setUint16(0, AF.NETLINK, true);
    local.view.setUint32(8, groups, true);
    must("bind", checked(libc.bind(fd, local.pointer, SOCKADDR_NL_BYTES)), subject);
    lengthScratch.view.setUint32(0, SOCKADDR_NL_BYTES, true);
    must("getsockname", checked(libc.getsockname(fd, local.pointer, lengthScratch.pointer)), subject);
    return { fd, port: local.view.getUint32(4, true) };
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** Bytes sent or -errno. The kernel handles a route request before this returns: its answer waits in the socket. */
export function sendToKernel(fd: number, address: number, length: number): number {
  return checked(libc.sendto(fd, asPointer(address), length, MSG.NOSIGNAL, kernel.pointer, SOCKADDR_NL_BYTES));
}

/** Length of the datagram or -errno. More than `length` means that it was cut (MSG_TRUNC). */
export function receiveFromKernel(fd: number, address: number, length: number): number {
  return checked(libc.recv(fd, asPointer(address), length, MSG.DONTWAIT | MSG.TRUNC));
}
