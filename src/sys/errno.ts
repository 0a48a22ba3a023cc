/** Error numbers (asm-generic/errno.h, the same on x86-64 and arm64) and the error that set-up code throws. */

export const E = {
  PERM: 1,
  NOENT: 2,
  SRCH: 3,
  INTR: 4,
  BADF: 9,
  AGAIN: 11,
  NOMEM: 12,
  ACCES: 13,
  EXIST: 17,
  NODEV: 19,
  INVAL: 22,
  NFILE: 23,
  MFILE: 24,
  FBIG: 27,
  NOSPC: 28,
  ROFS: 30,
  PIPE: 32,
  NOSYS: 38,
  PROTO: 71,
  NOTSOCK: 88,
  MSGSIZE: 90,
  PROTONOSUPPORT: 93,
  OPNOTSUPP: 95,
  AFNOSUPPORT: 97,
  ADDRINUSE: 98,
  ADDRNOTAVAIL: 99,
  NETDOWN: 100,
  NETUNREACH: 101,
  CONNABORTED: 103,
  CONNRESET: 104,
  NOBUFS: 105,
  ISCONN: 106,
  NOTCONN: 107,
  TIMEDOUT: 110,
  CONNREFUSED: 111,
  HOSTUNREACH: 113,
  ALREADY: 114,
  INPROGRESS: 115,
} as const;

const words: Readonly<Record<number, string>> = {
  1: "operation not permitted",
  2: "no such file or directory",
  9: "bad file descriptor",
  11: "resource temporarily unavailable",
  12: "out of memory",
  13: "permission denied",
  17: "already exists",
  19: "no such device",
  22: "invalid argument",
  23: "too many open files in system",
  24: "too many open files",
  27: "file too large",
  28: "no space left on device",
  30: "read-only file system",
  32: "broken pipe",
  38: "function not implemented by this kernel",
  93: "protocol not supported",
  95: "operation not supported",
  97: "address family not supported",
  98: "address already in use",
  99: "address not available on this machine",
  100: "network is down",
  101: "network is unreachable",
  103: "connection aborted",
  104: "connection reset by peer",
  105: "no buffer space",
  107: "not connected",
  110: "connection timed out",
  111: "connection refused",
  113: "no route to host",
};

/** `errno` as words for people; the name for those that are rare. Takes either sign. */
export function errnoText(code: number): string {
  const errno = Math.abs(code);
  const name = Object.entries(E).find(([, value]) => value === errno)?.[0];
  return words[errno] ?? (name ? `E${name}` : `error ${errno}`);
}

/** The kernel refused something that set-up code needs. */
export class SysError extends Error {
  override name = "SysError";
  readonly call: string;
  readonly errno: number;
  readonly subject: string;
  constructor(call: string, errno: number, subject: string) {
    super(`${subject}: ${call}: ${errnoText(errno)}`);
    this.call = call;
    this.errno = Math.abs(errno);
    this.subject = subject;
  }
}

/** Set-up calls: the result, or a SysError that says which call failed on what. */
export function must(call: string, result: number, subject: string): number {
  if (result < 0) throw new SysError(call, -result, subject);
  return result;
}
