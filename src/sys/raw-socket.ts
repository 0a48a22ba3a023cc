/** A raw IPv4 socket of one protocol on one interface (raw(7)): packets come and go with their IP header. */
import { AF, IP, SO, SOCK, SOL } from "./abi.ts";
import { must } from "./errno.ts";
import { close, setOption, setOptionBytes, socket } from "./socket.ts";
import { attachFilter, type Instruction } from "./socket-filter.ts";

export interface RawSocketOptions {
  readonly protocol: number;
  readonly interfaceName: string;
  readonly interfaceIndex: number;
  /** Groups to join on the interface, four bytes each. */
  readonly groups: readonly Uint8Array[];
  readonly receiveBufferBytes: number;
  /** Only packets that this program lets through, which sees them from their IP header on. */
  readonly filter?: readonly Instruction[];
}

/**
 * A non-blocking socket bound to the interface: it sees only what arrives there, multicast only of the groups that it
 * joined itself (IP_MULTICAST_ALL off), never its own packets (loop off). Sent packets bring their header (IP_HDRINCL).
 * @throws SysError
 */
export function openRawSocket(options: RawSocketOptions): number {
  const subject = `raw socket of protocol ${options.protocol} on ${options.interfaceName}`;
  const fd = must("socket", socket(AF.INET, SOCK.RAW | SOCK.NONBLOCK | SOCK.CLOEXEC, options.protocol), subject);
  try {
    if (options.filter !== undefined) attachFilter(fd, options.filter, subject);
    const device = new TextEncoder().encode(`${options.interfaceName}\0`);
    must("setsockopt SO_BINDTODEVICE", setOptionBytes(fd, SOL.SOCKET, SO.BINDTODEVICE, device), subject);
    must("setsockopt SO_RCVBUF", setOption(fd, SOL.SOCKET, SO.RCVBUF, options.receiveBufferBytes), subject);
    must("setsockopt IP_HDRINCL", setOption(fd, SOL.IP, IP.HDRINCL, 1), subject);
    must("setsockopt IP_MULTICAST_ALL", setOption(fd, SOL.IP, IP.MULTICAST_ALL, 0), subject);
    must("setsockopt IP_MULTICAST_LOOP", setOption(fd, SOL.IP, IP.MULTICAST_LOOP, 0), subject);
    must("setsockopt IP_MULTICAST_IF", setOptionBytes(fd, SOL.IP, IP.MULTICAST_IF, membership(null, options)), subject);
    for (const group of options.groups) {
      must("join", setOptionBytes(fd, SOL.IP, IP.ADD_MEMBERSHIP, membership(group, options)), subject);
    }
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** struct ip_mreqn: group, local address (any), interface index i32. */
function membership(group: Uint8Array | null, options: RawSocketOptions): Uint8Array {
  const request = new Uint8Array(new ArrayBuffer(12));
  if (group !== null) request.set(group);
  new DataView(request.buffer).setInt32(8, options.interfaceIndex, true);
  return request;
}
