/** A raw socket for ICMP or ICMPv6 echo replies (raw(7), icmp(7)): the kernel drops every other message before it queues. */
import { AF, SO, SOCK, SOL } from "./abi.ts";
import { must } from "./errno.ts";
import { close, setOption, setOptionBytes, socket } from "./socket.ts";

/** linux/in.h, linux/icmp.h, linux/icmpv6.h: protocol, level and name of the filter, type of an echo reply. */
const ICMP = {
  4: { family: AF.INET, protocol: 1, filterLevel: 255, filterBytes: 4, reply: 0 },
  6: { family: AF.INET6, protocol: 58, filterLevel: 58, filterBytes: 32, reply: 129 },
} as const;
const FILTER = 1;
/** asm-generic/socket.h; needs CAP_NET_ADMIN. */
const SO_SNDBUFFORCE = 32;

/** Non-blocking and bound to nothing: routing decides where packets leave. Needs CAP_NET_RAW. @throws SysError */
export function openEchoSocket(family: 4 | 6, sendBufferBytes: number): number {
  const { family: domain, protocol, filterLevel, filterBytes, reply } = ICMP[family];
  const subject = `raw socket of ${family === 4 ? "ICMP" : "ICMPv6"}`;
  const fd = must("socket", socket(domain, SOCK.RAW | SOCK.NONBLOCK | SOCK.CLOEXEC, protocol), subject);
  try {
    // A bit that is set keeps messages of that type away.
    const filter = new Uint8Array(filterBytes).fill(0xff);
    filter[reply >> 3] &= ~(1 << (reply & 7));
    must("setsockopt filter", setOptionBytes(fd, filterLevel, FILTER, filter), subject);
    if (setOption(fd, SOL.SOCKET, SO_SNDBUFFORCE, sendBufferBytes) < 0) {
      must("setsockopt SO_SNDBUF", setOption(fd, SOL.SOCKET, SO.SNDBUF, sendBufferBytes), subject);
    }
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}
