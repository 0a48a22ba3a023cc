/** sendmsg and recvmsg with descriptors on a Unix stream socket (SCM_RIGHTS, unix(7)). */
import { AF, cmsghdr, iovec, MSG, msghdr, SOCK, SOL } from "./abi.ts";
import { checked, libc } from "./libc.ts";
import { pinned } from "./memory.ts";

const SCM_RIGHTS = 1;
/** SCM_MAX_FD of the kernel. */
export const DESCRIPTORS_MAX = 253;

const header = pinned(msghdr.size);
const vector = pinned(iovec.size);
const control = pinned(cmsghdr.size + DESCRIPTORS_MAX * 4 + 8);
const pair = pinned(8);

function prepareHeader(address: number, length: number, controlBytes: number): void {
  vector.view.setBigUint64(iovec.base, BigInt(address), true);
  vector.view.setBigUint64(iovec.len, BigInt(length), true);
  header.bytes.fill(0);
  header.view.setBigUint64(msghdr.iov, BigInt(vector.address), true);
  header.view.setBigUint64(msghdr.iovlen, 1n, true);
  if (controlBytes === 0) return;
  header.view.setBigUint64(msghdr.control, BigInt(control.address), true);
  header.view.setBigUint64(msghdr.controllen, BigInt(controlBytes), true);
}

/** Sends bytes with descriptors attached to the first of them: bytes sent or -errno. */
export function sendWithDescriptors(
  fd: number,
  address: number,
  length: number,
  descriptors: readonly number[],
): number {
  const controlLength = cmsghdr.size + 4 * descriptors.length;
  prepareHeader(address, length, descriptors.length === 0 ? 0 : Math.ceil(controlLength / 8) * 8);
  control.view.setBigUint64(cmsghdr.len, BigInt(controlLength), true);
  control.view.setInt32(cmsghdr.level, SOL.SOCKET, true);
  control.view.setInt32(cmsghdr.type, SCM_RIGHTS, true);
  descriptors.forEach((descriptor, i) => control.view.setInt32(cmsghdr.size + 4 * i, descriptor, true));
  return checked(libc.sendmsg(fd, header.pointer, MSG.NOSIGNAL | MSG.DONTWAIT));
}

/** Receives bytes; descriptors that came along are appended to `descriptors`, close-on-exec. Bytes, 0 at the end, -errno. */
export function receiveWithDescriptors(fd: number, address: number, length: number, descriptors: number[]): number {
  prepareHeader(address, length, control.bytes.length);
  const received = checked(libc.recvmsg(fd, header.pointer, MSG.CMSG_CLOEXEC | MSG.DONTWAIT));
  if (received < 0) return received;
  const controlLength = Number(header.view.getBigUint64(msghdr.controllen, true));
  if (controlLength < cmsghdr.size) return received;
  const isRights =
    control.view.getInt32(cmsghdr.level, true) === SOL.SOCKET &&
    control.view.getInt32(cmsghdr.type, true) === SCM_RIGHTS;
  if (!isRights) return received;
  const end = Number(control.view.getBigUint64(cmsghdr.len, true));
  for (let at = cmsghdr.size; at + 4 <= end; at += 4) descriptors.push(control.view.getInt32(at, true));
  return received;
}

/** Two connected stream sockets, non-blocking and close-on-exec. */
export function socketPair(): readonly [number, number] | number {
  const result = checked(libc.socketpair(AF.UNIX, SOCK.STREAM | SOCK.NONBLOCK | SOCK.CLOEXEC, 0, pair.pointer));
  return result < 0 ? result : [pair.view.getInt32(0, true), pair.view.getInt32(4, true)];
}
