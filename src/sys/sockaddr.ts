/** struct sockaddr_in, sockaddr_in6 and sockaddr_un: text form to bytes and back (netinet/in.h, sys/un.h). */
import { AF } from "./abi.ts";
import { pinned } from "./memory.ts";

/** One shared scratch: every use ends before the next begins, all calls are synchronous. */
export const sockaddrScratch = pinned(128);
export const sockaddrLengthScratch = pinned(8);

export interface InetAddress {
  readonly family: 4 | 6;
  readonly host: string;
  readonly port: number;
}

function parseIPv4(host: string): number[] {
  return host.split(".").map((part) => Number.parseInt(part, 10));
}

function parseIPv6(host: string): number[] {
  const [head = "", tail] = host.replace(/%.*$/, "").split("::");
  const groups = (text: string): number[] =>
    text === ""
      ? []
      : text.split(":").flatMap((group) => {
          if (group.includes(".")) {
            const [a = 0, b = 0, c = 0, d = 0] = parseIPv4(group);
            return [(a << 8) | b, (c << 8) | d];
          }
          return [Number.parseInt(group, 16)];
        });
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const middle = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => 0);
  return [...left, ...middle, ...right];
}

/** Writes an IPv4 or IPv6 socket address into `bytes`; answers its length. The host was validated before. */
export function writeInet(bytes: Uint8Array, address: InetAddress): number {
  bytes.fill(0, 0, 28);
  bytes[2] = address.port >> 8;
  bytes[3] = address.port & 255;
  if (address.family === 4) {
    bytes[0] = AF.INET;
    parseIPv4(address.host).forEach((octet, i) => (bytes[4 + i] = octet));
    return 16;
  }
  bytes[0] = AF.INET6;
  parseIPv6(address.host).forEach((group, i) => {
    bytes[8 + 2 * i] = group >> 8;
    bytes[9 + 2 * i] = group & 255;
  });
  return 28;
}

/** `path` starting with "@" names the abstract space. Answers the length, or -1 when the path is too long (107 bytes). */
export function writeUnix(bytes: Uint8Array, path: string): number {
  const encoded = new TextEncoder().encode(path);
  if (encoded.length > 107) return -1;
  bytes.fill(0, 0, 110);
  bytes[0] = AF.UNIX;
  bytes.set(encoded, 2);
  if (path.startsWith("@")) {
    bytes[2] = 0;
    return 2 + encoded.length;
  }
  return 3 + encoded.length;
}

function formatIPv6(bytes: Uint8Array, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[at + 2 * i]! << 8) | bytes[at + 2 * i + 1]!);
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let j = i;
    while (j < 8 && groups[j] === 0) j++;
    if (j - i > bestLength) {
      best = i;
      bestLength = j - i;
    }
  }
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(":");
  if (best < 0) return hex(groups);
  return `${hex(groups.slice(0, best))}::${hex(groups.slice(best + bestLength))}`;
}

/** The socket address at `bytes`, or null for a family that is not inet. IPv4-mapped addresses come back as IPv4. */
export function readInet(bytes: Uint8Array): InetAddress | null {
  const port = (bytes[2]! << 8) | bytes[3]!;
  const family = bytes[0]! | (bytes[1]! << 8);
  if (family === AF.INET) return { family: 4, host: bytes.subarray(4, 8).join("."), port };
  if (family !== AF.INET6) return null;
  const mapped = bytes.subarray(8, 18).every((byte) => byte === 0) && bytes[18] === 255 && bytes[19] === 255;
  if (mapped) return { family: 4, host: bytes.subarray(20, 24).join("."), port };
  return { family: 6, host: formatIPv6(bytes, 8), port };
}
