/** Sockets. Hot calls answer n >= 0 or -errno; the set-up helpers at the end throw a SysError. */
import { AF, IP, IPV6, MSG, SO, SOCK, SOL, TCP } from "./abi.ts";
import { must } from "./errno.ts";
import { asPointer, checked, libc } from "./libc.ts";
import { type Pinned, pinned } from "./memory.ts";
import {
  type InetAddress,
  readInet,
  sockaddrLengthScratch,
  sockaddrScratch,
  writeInet,
  writeUnix,
} from "./sockaddr.ts";

export type SocketTarget = ({ readonly kind: "inet" } & InetAddress) | { readonly kind: "unix"; readonly path: string };

const optionScratch = pinned(64);

export function socket(family: number, type: number, protocol: number): number {
  return checked(libc.socket(family, type, protocol));
}

export function close(fd: number): number {
  return checked(libc.close(fd));
}

export function shutdown(fd: number, how: number): number {
  return checked(libc.shutdown(fd, how));
}

/** `address` is an absolute memory address inside pinned memory. */
export function recv(fd: number, address: number, length: number, flags: number): number {
  return checked(libc.recv(fd, asPointer(address), length, flags));
}

/** MSG_NOSIGNAL is always added. */
export function send(fd: number, address: number, length: number, flags: number): number {
  return checked(libc.send(fd, asPointer(address), length, flags | MSG.NOSIGNAL));
}

export function read(fd: number, address: number, length: number): number {
  return checked(libc.read(fd, asPointer(address), length));
}

export function write(fd: number, address: number, length: number): number {
  return checked(libc.write(fd, asPointer(address), length));
}

/** A new non-blocking, close-on-exec descriptor or -errno; the peer's address is left in `sockaddrScratch`. */
export function accept(fd: number): number {
  sockaddrLengthScratch.view.setUint32(0, 128, true);
  return checked(
    libc.accept4(fd, sockaddrScratch.pointer, sockaddrLengthScratch.pointer, SOCK.NONBLOCK | SOCK.CLOEXEC),
  );
}

/** The peer's address of the last `accept` or `recvfrom`. */
export function lastPeer(): InetAddress | null {
  return readInet(sockaddrScratch.bytes);
}

export function recvfrom(fd: number, address: number, length: number, flags: number): number {
  sockaddrLengthScratch.view.setUint32(0, 128, true);
  return checked(
    libc.recvfrom(fd, asPointer(address), length, flags, sockaddrScratch.pointer, sockaddrLengthScratch.pointer),
  );
}

function writeTarget(target: SocketTarget): number {
  return target.kind === "inet"
    ? writeInet(sockaddrScratch.bytes, target)
    : writeUnix(sockaddrScratch.bytes, target.path);
}

/** 0 or -errno; -EINPROGRESS is the usual answer of a non-blocking TCP socket. */
export function connect(fd: number, target: SocketTarget): number {
  const length = writeTarget(target);
  return checked(libc.connect(fd, sockaddrScratch.pointer, length));
}

/** As `connect`, for an address that was encoded once (`encodeTarget`): the data plane's form. */
export function connectEncoded(fd: number, address: number, length: number): number {
  return checked(libc.connect(fd, asPointer(address), length));
}

export function bind(fd: number, target: SocketTarget): number {
  const length = writeTarget(target);
  return checked(libc.bind(fd, sockaddrScratch.pointer, length));
}

/** Datagram to an inet or Unix address. */
export function sendto(fd: number, address: number, length: number, flags: number, target: SocketTarget): number {
  const targetLength = writeTarget(target);
  return checked(
    libc.sendto(fd, asPointer(address), length, flags | MSG.NOSIGNAL, sockaddrScratch.pointer, targetLength),
  );
}

/** A target as pinned bytes, for `connectEncoded`. Made once per server, never per connection. */
export function encodeTarget(target: SocketTarget): {
  readonly address: number;
  readonly length: number;
  readonly family: number;
} {
  const length = writeTarget(target);
  const memory = pinned(length);
  memory.bytes.set(sockaddrScratch.bytes.subarray(0, length));
  return { address: memory.address, length, family: memory.bytes[0]! };
}

export function listen(fd: number, backlog: number): number {
  return checked(libc.listen(fd, backlog));
}

export function setOption(fd: number, level: number, option: number, value: number): number {
  optionScratch.view.setInt32(0, value, true);
  return checked(libc.setsockopt(fd, level, option, optionScratch.pointer, 4));
}

export function setOptionBytes(fd: number, level: number, option: number, value: Uint8Array): number {
  optionScratch.bytes.set(value);
  return checked(libc.setsockopt(fd, level, option, optionScratch.pointer, value.length));
}

export function getOption(fd: number, level: number, option: number): number {
  sockaddrLengthScratch.view.setUint32(0, 4, true);
  const result = checked(libc.getsockopt(fd, level, option, optionScratch.pointer, sockaddrLengthScratch.pointer));
  return result < 0 ? result : optionScratch.view.getInt32(0, true);
}

/** As `getOption`, for a structure; what the kernel does not know of it stays as it was. 0 or -errno. */
export function readOption(fd: number, level: number, option: number, into: Pinned): number {
  sockaddrLengthScratch.view.setUint32(0, into.bytes.length, true);
  return checked(libc.getsockopt(fd, level, option, into.pointer, sockaddrLengthScratch.pointer));
}

/** The error that a connect or a transfer left on the socket (SO_ERROR): 0 or a positive errno. */
export function socketError(fd: number): number {
  const value = getOption(fd, SOL.SOCKET, SO.ERROR);
  return value < 0 ? -value : value;
}

export function localAddress(fd: number): InetAddress | null {
  sockaddrLengthScratch.view.setUint32(0, 128, true);
  if (libc.getsockname(fd, sockaddrScratch.pointer, sockaddrLengthScratch.pointer) < 0) return null;
  return readInet(sockaddrScratch.bytes);
}

/** The socket's own address into `sockaddrScratch`; answers its family, or -errno. Nothing is allocated. */
export function readLocalAddress(fd: number): number {
  sockaddrLengthScratch.view.setUint32(0, 128, true);
  const result = checked(libc.getsockname(fd, sockaddrScratch.pointer, sockaddrLengthScratch.pointer));
  return result < 0 ? result : sockaddrScratch.bytes[0]! | (sockaddrScratch.bytes[1]! << 8);
}

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Who is at the other end of a Unix stream socket (SO_PEERCRED). */
export function peerCredentials(fd: number): PeerCredentials | null {
  sockaddrLengthScratch.view.setUint32(0, 12, true);
  const result = libc.getsockopt(fd, SOL.SOCKET, SO.PEERCRED, optionScratch.pointer, sockaddrLengthScratch.pointer);
  if (result < 0) return null;
  const view = optionScratch.view;
  return { pid: view.getInt32(0, true), uid: view.getUint32(4, true), gid: view.getUint32(8, true) };
}

/** Close with RST instead of FIN: the peer aborted and the other side shall learn it. */
export function closeWithReset(fd: number): void {
  setResetOnClose(fd, true);
  libc.close(fd);
}

/** Another descriptor of the same socket, or -errno. */
export function duplicate(fd: number): number {
  return checked(libc.dup(fd));
}

/** Whether the last close of the socket throws away what is on its way (SO_LINGER of 0 seconds). */
export function setResetOnClose(fd: number, resets: boolean): void {
  optionScratch.view.setInt32(0, resets ? 1 : 0, true);
  optionScratch.view.setInt32(4, 0, true);
  libc.setsockopt(fd, SOL.SOCKET, SO.LINGER, optionScratch.pointer, 8);
}

export function setNoDelay(fd: number): void {
  setOption(fd, SOL.TCP, TCP.NODELAY, 1);
}

/** Backlog of a listener; the kernel cuts it to net.core.somaxconn (4096 by default). */
const LISTEN_BACKLOG = 4096;

/** A bound, listening, non-blocking socket. `freebind`: the address may be absent for now (a VIP on a backup node). */
export function openListener(
  target: SocketTarget,
  options: { readonly freebind: boolean; readonly subject: string },
): number {
  const { subject } = options;
  const family = target.kind === "unix" ? AF.UNIX : target.family === 4 ? AF.INET : AF.INET6;
  const fd = must("socket", socket(family, SOCK.STREAM | SOCK.NONBLOCK | SOCK.CLOEXEC, 0), subject);
  try {
    if (target.kind === "inet") {
      must("setsockopt SO_REUSEADDR", setOption(fd, SOL.SOCKET, SO.REUSEADDR, 1), subject);
      if (target.family === 6) must("setsockopt IPV6_V6ONLY", setOption(fd, SOL.IPV6, IPV6.V6ONLY, 1), subject);
      if (options.freebind) must("setsockopt IP_FREEBIND", setOption(fd, SOL.IP, IP.FREEBIND, 1), subject);
    }
    must("bind", bind(fd, target), subject);
    must("listen", listen(fd, LISTEN_BACKLOG), subject);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}
