/** Classic BPF programs on sockets (linux/filter.h): the kernel keeps back what nobody wants to read. */
import { SOL } from "./abi.ts";
import { must } from "./errno.ts";
import { checked, libc } from "./libc.ts";
import { pinned } from "./memory.ts";

/** asm-generic/socket.h */
const SO_ATTACH_FILTER = 26;
/** struct sock_filter: code u16, jt u8, jf u8, k u32. */
const INSTRUCTION_BYTES = 8;
/** A jump goes over at most 255 instructions, and nothing here is longer. */
export const FILTER_INSTRUCTIONS_MAX = 256;

/** linux/bpf_common.h: the operations that are needed; x is the index register. */
export const bpf = {
  loadWord: 0x20,
  loadByte: 0x30,
  /** The byte at k + x. */
  loadByteAtX: 0x50,
  /** x becomes four times the low half of the byte at k: the length of an IPv4 header. */
  loadHeaderLengthToX: 0xb1,
  jumpIfEqual: 0x15,
  answer: 0x06,
} as const;

/** k of an `answer` that lets the whole packet through, or nothing of it. */
export const filterAnswer = { all: 0xffff, none: 0 } as const;

export interface Instruction {
  readonly code: number;
  readonly k: number;
  /** Instructions to go over when a comparison holds, and when it does not. */
  readonly jumpTrue?: number;
  readonly jumpFalse?: number;
}

const program = pinned(FILTER_INSTRUCTIONS_MAX * INSTRUCTION_BYTES);
/** struct sock_fprog: count u16, pointer at 8. */
const description = pinned(16);

/** @throws SysError when the kernel refuses the program. */
export function attachFilter(fd: number, instructions: readonly Instruction[], subject: string): void {
  instructions.forEach(({ code, k, jumpTrue = 0, jumpFalse = 0 }, i) => {
    const at = i * INSTRUCTION_BYTES;
    program.view.setUint16(at, code, true);
    program.view.setUint8(at + 2, jumpTrue);
    program.view.setUint8(at + 3, jumpFalse);
    program.view.setUint32(at + 4, k, true);
  });
  description.view.setUint16(0, instructions.length, true);
  description.view.setBigUint64(8, BigInt(program.address), true);
  const result = checked(libc.setsockopt(fd, SOL.SOCKET, SO_ATTACH_FILTER, description.pointer, 16));
  must("setsockopt SO_ATTACH_FILTER", result, subject);
}
