/**
 * Struct layouts that differ between architectures, and the constants of <sys/socket.h>, <sys/epoll.h>, <fcntl.h>.
 * test/unit/sys/conformance.test.ts exercises each of them against the kernel that it runs on.
 */
const isX64 = process.arch === "x64";

/** struct epoll_event: packed on x86-64 only (include/uapi/linux/eventpoll.h). Offsets in bytes. */
export const epollEvent = isX64 ? { size: 12, events: 0, data: 4 } : { size: 16, events: 0, data: 8 };

/** struct msghdr and cmsghdr of a 64-bit Linux (include/linux/socket.h). */
export const msghdr = { size: 56, name: 0, namelen: 8, iov: 16, iovlen: 24, control: 32, controllen: 40, flags: 48 };
export const cmsghdr = { size: 16, len: 0, level: 8, type: 12 };
export const iovec = { size: 16, base: 0, len: 8 };

export const AF = { UNIX: 1, INET: 2, INET6: 10, NETLINK: 16, PACKET: 17 } as const;
export const SOCK = { STREAM: 1, DGRAM: 2, RAW: 3, SEQPACKET: 5, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;
export const SOL = { SOCKET: 1, IP: 0, TCP: 6, IPV6: 41 } as const;
export const SO = {
  REUSEADDR: 2,
  ERROR: 4,
  BROADCAST: 6,
  SNDBUF: 7,
  RCVBUF: 8,
  KEEPALIVE: 9,
  LINGER: 13,
  REUSEPORT: 15,
  PEERCRED: 17,
  BINDTODEVICE: 25,
} as const;
export const IP = {
  TOS: 1,
  TTL: 2,
  HDRINCL: 3,
  FREEBIND: 15,
  BIND_ADDRESS_NO_PORT: 24,
  MULTICAST_IF: 32,
  MULTICAST_TTL: 33,
  MULTICAST_LOOP: 34,
  ADD_MEMBERSHIP: 35,
  DROP_MEMBERSHIP: 36,
  MULTICAST_ALL: 49,
} as const;
export const IPV6 = { V6ONLY: 26, FREEBIND: 78 } as const;
export const TCP = { NODELAY: 1, DEFER_ACCEPT: 9, INFO: 11, QUICKACK: 12, USER_TIMEOUT: 18 } as const;
export const MSG = { PEEK: 2, TRUNC: 0x20, DONTWAIT: 0x40, NOSIGNAL: 0x4000, CMSG_CLOEXEC: 0x40000000 } as const;
export const SHUT = { RD: 0, WR: 1, RDWR: 2 } as const;
export const EPOLL = {
  IN: 0x001,
  OUT: 0x004,
  ERR: 0x008,
  HUP: 0x010,
  RDHUP: 0x2000,
  EXCLUSIVE: 1 << 28,
  ET: 1 << 31,
} as const;
export const EPOLL_CTL = { ADD: 1, DEL: 2, MOD: 3 } as const;
export const F = { GETFD: 1, SETFD: 2, GETFL: 3, SETFL: 4, SETPIPE_SZ: 1031, GETPIPE_SZ: 1032 } as const;
export const O = { NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;
export const SPLICE = { MOVE: 1, NONBLOCK: 2, MORE: 4 } as const;

/** System call numbers without a libc wrapper in glibc 2.36 (asm/unistd.h). */
export const SYS = isX64
  ? { capget: 125, capset: 126, pidfd_open: 434, pidfd_send_signal: 424 }
  : { capget: 90, capset: 91, pidfd_open: 434, pidfd_send_signal: 424 };
