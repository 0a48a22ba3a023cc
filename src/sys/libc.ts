/**
 * The libc functions that Ballast calls, and errno. Nothing else in the project imports `bun:ffi`.
 *
 * Sizes go in as u64, results come back as i32: every transfer is far below 2 GiB, and i64 results would be BigInts.
 * Addresses are plain numbers taken from pinned memory (`memory.ts`).
 */
import { dlopen, ptr as addressOf, read, type Pointer } from "bun:ffi";

export type { Pointer };

export const libc = dlopen("libc.so.6", {
  accept4: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  chmod: { args: ["cstring", "u32"], returns: "i32" },
  chown: { args: ["cstring", "u32", "u32"], returns: "i32" },
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  dup: { args: ["i32"], returns: "i32" },
  epoll_create1: { args: ["i32"], returns: "i32" },
  epoll_ctl: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
  epoll_wait: { args: ["i32", "ptr", "i32", "i32"], returns: "i32" },
  execve: { args: ["cstring", "ptr", "ptr"], returns: "i32" },
  fallocate: { args: ["i32", "i32", "i64", "i64"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  getuid: { args: [], returns: "u32" },
  getgid: { args: [], returns: "u32" },
  getpid: { args: [], returns: "i32" },
  if_nametoindex: { args: ["cstring"], returns: "u32" },
  kill: { args: ["i32", "i32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  madvise: { args: ["ptr", "u64", "i32"], returns: "i32" },
  mkfifo: { args: ["cstring", "u32"], returns: "i32" },
  mlockall: { args: ["i32"], returns: "i32" },
  pipe2: { args: ["ptr", "i32"], returns: "i32" },
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
  prlimit: { args: ["i32", "i32", "ptr", "ptr"], returns: "i32" },
  read: { args: ["i32", "ptr", "u64"], returns: "i32" },
  recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
  recvfrom: { args: ["i32", "ptr", "u64", "i32", "ptr", "ptr"], returns: "i32" },
  recvmsg: { args: ["i32", "ptr", "i32"], returns: "i32" },
  sched_setscheduler: { args: ["i32", "i32", "ptr"], returns: "i32" },
  send: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
  sendmsg: { args: ["i32", "ptr", "i32"], returns: "i32" },
  sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i32" },
  setgroups: { args: ["u64", "ptr"], returns: "i32" },
  setpriority: { args: ["i32", "u32", "i32"], returns: "i32" },
  setresgid: { args: ["u32", "u32", "u32"], returns: "i32" },
  setresuid: { args: ["u32", "u32", "u32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  shutdown: { args: ["i32", "i32"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
  splice: { args: ["i32", "ptr", "i32", "ptr", "u64", "u32"], returns: "i32" },
  syscall: { args: ["i64", "i64", "i64", "i64", "i64"], returns: "i32" },
  umask: { args: ["u32"], returns: "u32" },
  write: { args: ["i32", "ptr", "u64"], returns: "i32" },
  __errno_location: { args: [], returns: "ptr" },
}).symbols;

/** errno lives at one address a thread; only the JS thread calls. Read it before any other FFI call can change it. */
const errnoAddress = libc.__errno_location() as Pointer;

export function errno(): number {
  return read.i32(errnoAddress, 0);
}

/** `-1` of libc becomes `-errno`; everything else passes. */
export function checked(result: number): number {
  return result < 0 ? -errno() : result;
}

/** Address of a view over an explicit, pinned ArrayBuffer; see `memory.ts` for why nothing else may be passed. */
export function pinnedAddress(view: Uint8Array): number {
  return addressOf(view) as number;
}

export function asPointer(address: number): Pointer {
  return address as Pointer;
}
