/** Processes: credentials, capabilities, limits, signals and exec (credentials(7), capabilities(7), prctl(2)). */
import { assert } from "../lib/result.ts";
import { F, SYS } from "./abi.ts";
import { must } from "./errno.ts";
import { asPointer, checked, libc } from "./libc.ts";
import { pinned } from "./memory.ts";

/** linux/capability.h */
export const CAP = { NET_BIND_SERVICE: 10, NET_ADMIN: 12, NET_RAW: 13, IPC_LOCK: 14, SYS_NICE: 23 } as const;
export type Capability = keyof typeof CAP;
const CAP_LAST = 40;

/** linux/prctl.h */
const PR = { SET_KEEPCAPS: 8, CAPBSET_DROP: 24, SET_NO_NEW_PRIVS: 38, CAP_AMBIENT: 47 } as const;
const AMBIENT = { RAISE: 2, CLEAR_ALL: 4 } as const;
const CAPABILITY_VERSION_3 = 0x20080522;

const header = pinned(8);
const data = pinned(24);
const limit = pinned(16);
const scheduler = pinned(8);

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/** Effective capabilities of this thread as a bit set over CAP numbers 0–31; the ones that Ballast uses are all there. */
export function effectiveCapabilities(): number {
  header.view.setUint32(0, CAPABILITY_VERSION_3, true);
  header.view.setInt32(4, 0, true);
  must("capget", checked(libc.syscall(SYS.capget, header.address, data.address, 0, 0)), "own process");
  return data.view.getUint32(0, true);
}

export function hasCapability(name: Capability): boolean {
  return (effectiveCapabilities() & (1 << CAP[name])) !== 0;
}

/**
 * Gives up everything but `keep` for good, then replaces this process by `argv`, which starts with exactly these rights
 * in all its threads. (Done in place, Bun's other threads would keep the old ones: these calls act on one thread.)
 * `identity` null keeps the user. Only returns by throwing.
 */
export function dropRightsAndExec(
  identity: Identity | null,
  keep: readonly Capability[],
  argv: readonly string[],
  lastDescriptor = CHANNEL_DESCRIPTOR,
): never {
  const subject = `starting ${argv.slice(1).join(" ")}`;
  const mask = keep.reduce((bits, name) => bits | (1 << CAP[name]), 0) >>> 0;
  if (identity) {
    for (let cap = 0; cap <= CAP_LAST; cap++) {
      const kept = cap < 32 && (mask & (1 << cap)) !== 0;
      // EINVAL: this kernel knows fewer capabilities.
      if (!kept) libc.prctl(PR.CAPBSET_DROP, cap, 0, 0, 0);
    }
    must("prctl PR_SET_KEEPCAPS", checked(libc.prctl(PR.SET_KEEPCAPS, 1, 0, 0, 0)), subject);
    must("setgroups", checked(libc.setgroups(0, null)), subject);
    must("setresgid", checked(libc.setresgid(identity.gid, identity.gid, identity.gid)), subject);
    must("setresuid", checked(libc.setresuid(identity.uid, identity.uid, identity.uid)), subject);
  }
  header.view.setUint32(0, CAPABILITY_VERSION_3, true);
  header.view.setInt32(4, 0, true);
  data.bytes.fill(0);
  for (const offset of [0, 4, 8]) data.view.setUint32(offset, mask, true);
  must("prctl PR_CAP_AMBIENT", checked(libc.prctl(PR.CAP_AMBIENT, AMBIENT.CLEAR_ALL, 0, 0, 0)), subject);
  must("capset", checked(libc.syscall(SYS.capset, header.address, data.address, 0, 0)), subject);
  for (const name of keep) {
    must("prctl PR_CAP_AMBIENT", checked(libc.prctl(PR.CAP_AMBIENT, AMBIENT.RAISE, CAP[name], 0, 0)), subject);
  }
  must("prctl PR_SET_NO_NEW_PRIVS", checked(libc.prctl(PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0)), subject);
  return exec(argv, lastDescriptor);
}

/** Standard input, output and error, and what a role speaks to the supervisor through. */
const CHANNEL_DESCRIPTOR = 3;

/** Replaces this process. Descriptors from 0 to the last one stay open, the rest are close-on-exec. */
export function exec(argv: readonly string[], lastDescriptor = CHANNEL_DESCRIPTOR): never {
  for (let fd = 0; fd <= lastDescriptor; fd++) libc.fcntl(fd, F.SETFD, 0);
  const environment = Object.entries(process.env).map(([name, value]) => `${name}=${value}`);
  const result = checked(libc.execve(argv[0]!, stringVector(argv), stringVector(environment)));
  must("execve", result, argv[0]!);
  throw new Error("execve returned");
}

/** A NULL-terminated char*[] with its strings in pinned memory. */
function stringVector(strings: readonly string[]): ReturnType<typeof asPointer> {
  const encoder = new TextEncoder();
  const encoded = strings.map((text) => encoder.encode(`${text}\0`));
  const table = pinned(8 * (strings.length + 1));
  encoded.forEach((bytes, i) => {
    const memory = pinned(bytes.length);
    memory.bytes.set(bytes);
    table.view.setBigUint64(8 * i, BigInt(memory.address), true);
  });
  return table.pointer;
}

const RLIMIT_NOFILE = 7;
const RLIMIT_MEMLOCK = 8;

/** Raises the soft descriptor limit to the hard one (children inherit it); answers the limit in force. */
export function raiseDescriptorLimit(): number {
  if (libc.prlimit(0, RLIMIT_NOFILE, null, limit.pointer) < 0) return 1024;
  const hard = limit.view.getBigUint64(8, true);
  limit.view.setBigUint64(0, hard, true);
  libc.prlimit(0, RLIMIT_NOFILE, limit.pointer, null);
  libc.prlimit(0, RLIMIT_NOFILE, null, limit.pointer);
  return Number(limit.view.getBigUint64(0, true));
}

/**
 * SCHED_RR priority 1, else the best nice value: true when either was granted. For this thread and whatever it starts or
 * executes: the thread that answers waits for the garbage collector's, and those would wait for the CPU behind every worker.
 */
export function raisePriority(): boolean {
  const SCHED_RR = 2;
  scheduler.view.setInt32(0, 1, true);
  if (libc.sched_setscheduler(0, SCHED_RR, scheduler.pointer) === 0) return true;
  return libc.setpriority(0, 0, -19) === 0;
}

/** Lets a later `lockMemory` succeed without CAP_IPC_LOCK where the hard limit may be raised. */
export function allowLockedMemory(): void {
  limit.view.setBigUint64(0, 0xffffffffffffffffn, true);
  limit.view.setBigUint64(8, 0xffffffffffffffffn, true);
  libc.prlimit(0, RLIMIT_MEMLOCK, limit.pointer, null);
}

/** Keeps pages in memory from their first use on; false where the limit forbids it. */
export function lockMemory(): boolean {
  const MCL_CURRENT = 1;
  const MCL_FUTURE = 2;
  const MCL_ONFAULT = 4;
  return libc.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) === 0;
}

/**
 * 0 or -errno. A negative pid: its whole group. kill(2) takes 0 and -1 for every process that it may reach and 1 is the
 * machine's first: none of them is ever meant.
 */
export function signalProcess(pid: number, signal: number): number {
  assert(Math.abs(pid) > 1, `signal ${signal} to process ${pid}`);
  return checked(libc.kill(pid, signal));
}

export const SIGNAL = { HUP: 1, INT: 2, QUIT: 3, ABRT: 6, KILL: 9, TERM: 15 } as const;

export function currentUid(): number {
  return libc.getuid();
}

export function changeOwner(path: string, identity: Identity): number {
  return checked(libc.chown(path, identity.uid, identity.gid));
}

export function changeMode(path: string, mode: number): number {
  return checked(libc.chmod(path, mode));
}

/** A named pipe; 0 or -errno. */
export function makeFifo(path: string, mode: number): number {
  return checked(libc.mkfifo(path, mode));
}

/** Answers the previous mask. */
export function setUmask(mask: number): number {
  return libc.umask(mask);
}
