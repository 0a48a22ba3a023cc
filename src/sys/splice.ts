/** Kernel-side copying: socket → pipe → socket without the bytes ever reaching us (splice(2)). */
import { F, O, SPLICE } from "./abi.ts";
import { checked, libc } from "./libc.ts";
import { pinned } from "./memory.ts";

const descriptors = pinned(8);

export interface Pipe {
  readonly readEnd: number;
  readonly writeEnd: number;
  /** Bytes it can hold, as the kernel granted. */
  readonly capacityBytes: number;
}

/** A non-blocking pipe enlarged to `capacityBytes`, or what the kernel grants; -errno when there are no descriptors. */
export function openPipe(capacityBytes: number): Pipe | number {
  const result = checked(libc.pipe2(descriptors.pointer, O.NONBLOCK | O.CLOEXEC));
  if (result < 0) return result;
  const readEnd = descriptors.view.getInt32(0, true);
  const writeEnd = descriptors.view.getInt32(4, true);
  // Refused when the user's pipes hold too much already (fs.pipe-user-pages-soft): it stays as it is.
  libc.fcntl(writeEnd, F.SETPIPE_SZ, capacityBytes);
  return { readEnd, writeEnd, capacityBytes: libc.fcntl(writeEnd, F.GETPIPE_SZ, 0) };
}

export function closePipe(pipe: Pipe): void {
  libc.close(pipe.readEnd);
  libc.close(pipe.writeEnd);
}

/** Bytes moved, 0 at end of stream, -errno. */
export function splice(from: number, to: number, length: number, more: boolean): number {
  const flags = SPLICE.MOVE | SPLICE.NONBLOCK | (more ? SPLICE.MORE : 0);
  return checked(libc.splice(from, null, to, null, length, flags));
}
