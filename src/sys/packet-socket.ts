/** AF_PACKET sockets that only send whole Ethernet frames (packet(7)): gratuitous ARP. */
import { AF, MSG, SOCK } from "./abi.ts";
import { must } from "./errno.ts";
import { asPointer, checked, libc } from "./libc.ts";
import { pinned } from "./memory.ts";
import { socket } from "./socket.ts";

/** struct sockaddr_ll: family u16, protocol be16, index i32, hatype u16, packet type u8, address length u8, address 8. */
const SOCKADDR_LL_BYTES = 20;
const target = pinned(SOCKADDR_LL_BYTES);

/** A socket of protocol 0: it never receives a frame, so nothing has to be drained. @throws SysError */
export function openPacketSender(subject: string): number {
  return must("socket AF_PACKET", socket(AF.PACKET, SOCK.RAW | SOCK.NONBLOCK | SOCK.CLOEXEC, 0), subject);
}

/** Sends the frame (with its Ethernet header) out of the interface; bytes or -errno. */
export function sendFrame(fd: number, linkIndex: number, address: number, length: number): number {
  target.bytes.fill(0);
  target.view.setUint16(0, AF.PACKET, true);
  target.view.setInt32(4, linkIndex, true);
  target.view.setUint8(11, 6);
  // The first six bytes of the frame are its destination.
  const call = libc.sendto(
    fd,
    asPointer(address),
    length,
    MSG.NOSIGNAL | MSG.DONTWAIT,
    target.pointer,
    SOCKADDR_LL_BYTES,
  );
  return checked(call);
}
