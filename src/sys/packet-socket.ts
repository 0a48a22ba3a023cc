/** AF_PACKET sockets for whole Ethernet frames (packet(7)): gratuitous ARP goes out, claims of others come in. */
import { AF, MSG, SOCK, SOL } from "./abi.ts";
import { must } from "./errno.ts";
import { asPointer, checked, libc } from "./libc.ts";
import { pinned } from "./memory.ts";
import { close, socket } from "./socket.ts";

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

/** asm-generic/socket.h */
const SO_ATTACH_FILTER = 26;
/** linux/filter.h: struct sock_filter is code u16, jt u8, jf u8, k u32; these are the codes that are needed. */
const BPF = { loadWord: 0x20, jumpIfEqual: 0x15, answer: 0x06 } as const;
const INSTRUCTION_BYTES = 8;
/** A jump goes over at most 255 instructions. */
const FILTER_WORDS_MAX = 250;
const program = pinned((FILTER_WORDS_MAX + 3) * INSTRUCTION_BYTES);
/** struct sock_fprog: count u16, pointer at 8. */
const description = pinned(16);

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
    if (filter.words.length <= FILTER_WORDS_MAX) attachFilter(fd, filter.offset, filter.words, subject);
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
function attachFilter(fd: number, offset: number, words: readonly number[], subject: string): void {
  const count = words.length + 3;
  program.bytes.fill(0);
  const write = (at: number, code: number, jumpTrue: number, value: number): void => {
    program.view.setUint16(at * INSTRUCTION_BYTES, code, true);
    program.view.setUint8(at * INSTRUCTION_BYTES + 2, jumpTrue);
    program.view.setUint32(at * INSTRUCTION_BYTES + 4, value, true);
  };
  write(0, BPF.loadWord, 0, offset);
  words.forEach((word, i) => write(i + 1, BPF.jumpIfEqual, words.length - i, word));
  write(words.length + 1, BPF.answer, 0, 0);
  write(words.length + 2, BPF.answer, 0, 0xffff);
  description.view.setUint16(0, count, true);
  description.view.setBigUint64(8, BigInt(program.address), true);
  must(
    "setsockopt SO_ATTACH_FILTER",
    checked(libc.setsockopt(fd, SOL.SOCKET, SO_ATTACH_FILTER, description.pointer, 16)),
    subject,
  );
}
