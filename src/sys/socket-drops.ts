/** What the kernel had no room for in a socket's receive buffer (SO_MEMINFO, since Linux 4.12). */
import { SOL } from "./abi.ts";
import { libc } from "./libc.ts";
import { pinned } from "./memory.ts";

/** asm-generic/socket.h; linux/sock_diag.h: SK_MEMINFO_DROPS is the last of nine 32-bit numbers. */
const SO_MEMINFO = 55;
const MEMINFO_BYTES = 36;
const DROPS_OFFSET = 32;

const answer = pinned(MEMINFO_BYTES);
const length = pinned(4);

/** Packets dropped since the socket was made, modulo 2^32; null where the kernel does not tell. */
export function droppedPackets(fd: number): number | null {
  length.view.setUint32(0, MEMINFO_BYTES, true);
  const result = libc.getsockopt(fd, SOL.SOCKET, SO_MEMINFO, answer.pointer, length.pointer);
  if (result < 0 || length.view.getUint32(0, true) < MEMINFO_BYTES) return null;
  return answer.view.getUint32(DROPS_OFFSET, true);
}
