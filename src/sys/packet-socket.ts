/** AF_PACKET sockets for whole Ethernet frames (packet(7)): gratuitous ARP goes out, claims of others come in. */
import { AF, MSG, SOCK } from "./abi.ts";
import { must } from "./errno.ts";
import { asPointer, checked, libc } from "./libc.ts";
import { pinned } from "./memory.ts";
import { close, socket } from "./socket.ts";
import { attachFilter, bpf, FILTER_INSTRUCTIONS_MAX, filterAnswer, type Instruction } from "./socket-filter.ts";

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

export interface PacketReceiverOptions {
  readonly interfaceIndex: number;
  readonly etherType: number;
  /** Frames whose 32-bit word at `offset` is one of `words` only; too many of them: all frames. */
  readonly filter: { readonly offset: number; readonly words: readonly number[] };
  readonly subject: string;
}

/** A non-blocking socket that receives whole frames of one type on one interface. @throws SysError */
export function openPacketReceiver(options: PacketReceiverOptions): number {
  const { interfaceIndex, etherType, filter, subject } = options;
  const type = SOCK.RAW | SOCK.NONBLOCK | SOCK.CLOEXEC;
  const fd = must("socket AF_PACKET", socket(AF.PACKET, type, 0), subject);
  try {
    // Before the bind, which is what lets frames in.
    const program = anyOf(filter);
    if (program.length <= FILTER_INSTRUCTIONS_MAX) attachFilter(fd, program, subject);
    target.bytes.fill(0);
    target.view.setUint16(0, AF.PACKET, true);
    target.view.setUint16(2, etherType, false);
    target.view.setInt32(4, interfaceIndex, true);
    must("bind", checked(libc.bind(fd, target.pointer, SOCKADDR_LL_BYTES)), subject);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** Load the word; equal to one of them: the whole frame; else nothing. */
function anyOf({ offset, words }: PacketReceiverOptions["filter"]): readonly Instruction[] {
  return [
    { code: bpf.loadWord, k: offset },
    ...words.map((word, i) => ({ code: bpf.jumpIfEqual, k: word, jumpTrue: words.length - i })),
    { code: bpf.answer, k: filterAnswer.none },
    { code: bpf.answer, k: filterAnswer.all },
  ];
}
