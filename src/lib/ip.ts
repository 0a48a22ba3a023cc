/** IPv4 and IPv6 addresses and networks: text ↔ bytes. Strict in what it reads, RFC 5952 in what it writes. */

export interface IpAddress {
  readonly family: 4 | 6;
  /** Network order: 4 or 16 bytes. */
  readonly bytes: Uint8Array;
}

export interface IpNetwork {
  /** As written: host bits may be set ("192.168.36.100/24" names an address and its network). */
  readonly address: IpAddress;
  readonly prefixLength: number;
}

/** Four decimal octets without leading zeros (RFC 3986 dec-octet), or null. */
export function parseIpv4(text: string): IpAddress | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  const bytes = new Uint8Array(4);
  for (const [i, part] of parts.entries()) {
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part)) return null;
    const value = Number(part);
    if (value > 255) return null;
    bytes[i] = value;
  }
  return { family: 4, bytes };
}

/** RFC 4291 text forms, without a zone; or null. */
export function parseIpv6(text: string): IpAddress | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0], halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1], true) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  const bytes = new Uint8Array(16);
  for (const [i, group] of groups.entries()) {
    bytes[2 * i] = group >> 8;
    bytes[2 * i + 1] = group & 0xff;
  }
  return { family: 6, bytes };
}

/** 16-bit groups of one side of "::"; a dotted quad may stand at the very end only. */
function groupsOf(text: string, atEnd: boolean): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (atEnd && i === parts.length - 1 && part.includes(".")) {
      const quad = parseIpv4(part);
      if (quad === null) return null;
      groups.push((quad.bytes[0] << 8) | quad.bytes[1], (quad.bytes[2] << 8) | quad.bytes[3]);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return null;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

export function parseIp(text: string): IpAddress | null {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** Canonical text: dotted quad, or RFC 5952 (lower case, longest run of zero groups as "::"). */
export function formatIp(address: IpAddress): string {
  return address.family === 4 ? address.bytes.join(".") : formatIpv6(address.bytes);
}

function formatIpv6(bytes: Uint8Array): string {
  const mapped = bytes.subarray(0, 10).every((b) => b === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (mapped) return `::ffff:${bytes.subarray(12).join(".")}`;
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i] << 8) | bytes[2 * i + 1]);
  const run = longestZeroRun(groups);
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(":");
  if (run.length < 2) return hex(groups);
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`;
}

function longestZeroRun(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (i < groups.length && groups[i] === 0) continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}

/** "192.0.2.0/24", "2001:db8::/32", or an address alone (its full length); null when it is none of them. */
export function parseNetwork(text: string): IpNetwork | null {
  const [host, length, ...rest] = text.split("/");
  if (rest.length > 0) return null;
  const address = parseIp(host);
  if (address === null) return null;
  const bits = address.bytes.length * 8;
  if (length === undefined) return { address, prefixLength: bits };
  if (!/^(?:0|[1-9]\d{0,2})$/.test(length) || Number(length) > bits) return null;
  return { address, prefixLength: Number(length) };
}

export function formatNetwork(network: IpNetwork): string {
  return `${formatIp(network.address)}/${network.prefixLength}`;
}

/** The address with its host bits cleared. */
export function maskIp(address: IpAddress, prefixLength: number): IpAddress {
  const bytes = address.bytes.map((byte, i) => byte & byteMask(prefixLength - 8 * i));
  return { family: address.family, bytes };
}

function byteMask(bits: number): number {
  if (bits >= 8) return 0xff;
  return bits <= 0 ? 0 : (0xff << (8 - bits)) & 0xff;
}

export function networkContains(network: IpNetwork, address: IpAddress): boolean {
  if (network.address.family !== address.family) return false;
  const inside = maskIp(address, network.prefixLength);
  return compareIp(maskIp(network.address, network.prefixLength), inside) === 0;
}

/** Numeric order, IPv4 before IPv6: negative, 0 or positive. */
export function compareIp(a: IpAddress, b: IpAddress): number {
  if (a.family !== b.family) return a.family - b.family;
  for (const [i, byte] of a.bytes.entries()) {
    if (byte !== b.bytes[i]) return byte - b.bytes[i];
  }
  return 0;
}
