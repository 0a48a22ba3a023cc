/** Addresses as written in the configuration: "192.0.2.10:80", "[2001:db8::1]:80", "*:80", "unix:/run/app.sock". */
import { formatIp, type IpAddress, maskIp, parseIp, parseNetwork } from "../lib/ip.ts";
import { err, ok } from "../lib/result.ts";
import type { Result } from "../lib/result.ts";
import type { IssueSink, Path } from "./schema-issue.ts";
import type { Type } from "./schema-type.ts";
import { mismatch } from "./schema-type.ts";
import type { SocketAddress } from "./types-proxy.ts";

/** A listener may also name all addresses of a VRRP instance: "vip:NAME:80". */
export type BindAddress = SocketAddress | { readonly kind: "vip"; readonly instance: string; readonly port: number };

interface AddressProblem {
  readonly message: string;
  readonly help?: string;
}

/** sun_path of the kernel's struct sockaddr_un holds 108 bytes with the final zero. */
export const UNIX_PATH_BYTES_MAX = 107;

/** Canonical text: "0.0.0.0:443", "[2001:db8::1]:80", "unix:/run/app.sock". */
export function formatSocketAddress(address: SocketAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  return address.family === 6 ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

export const serverAddress: Type<SocketAddress> = {
  words: 'an address such as "192.0.2.10:80"',
  sections: [],
  decode: (value, at, sink) => {
    if (typeof value !== "string") return mismatch(serverAddress.words, value, at, sink);
    const parsed = parseSocketAddress(value);
    if (!parsed.ok) return report(parsed.error, value, at, sink);
    const { host } = { host: "", ...parsed.value };
    if (host !== "0.0.0.0" && host !== "::") return parsed.value;
    return report({ message: `"${value}" is no address that one can connect to` }, value, at, sink);
  },
};

export const bindAddress: Type<BindAddress> = {
  words: 'an address such as "*:80" or "vip:NAME:80"',
  sections: [],
  decode: (value, at, sink) => {
    if (typeof value !== "string") return mismatch(bindAddress.words, value, at, sink);
    const parsed = parseBindAddress(value);
    return parsed.ok ? parsed.value : report(parsed.error, value, at, sink);
  },
};

function report(problem: AddressProblem, value: string, at: Path, sink: IssueSink): undefined {
  const { message, ...details } = problem;
  sink.error(at, message, { found: value, ...details });
  return undefined;
}

function parseBindAddress(text: string): Result<BindAddress, AddressProblem> {
  if (!text.startsWith("vip:")) return parseSocketAddress(text);
  const colon = text.lastIndexOf(":");
  const instance = text.slice(4, colon);
  if (colon < 4 || instance === "") return err({ message: `"${text}" is not of the form vip:NAME:PORT` });
  const port = parsePort(text.slice(colon + 1));
  return port.ok ? ok({ kind: "vip", instance, port: port.value }) : port;
}

/** Error: a message that names the text. */
export function parseSocketAddress(text: string): Result<SocketAddress, AddressProblem> {
  if (text.startsWith("unix:")) return parseUnix(text.slice(5));
  if (text.startsWith("/"))
    return err({ message: `"${text}" is a path`, help: `a Unix socket is written "unix:${text}"` });
  const colon = text.endsWith("]") ? -1 : text.lastIndexOf(":");
  if (colon === -1) return err({ message: `"${text}" has no port`, help: `such as "${withPort(text)}"` });
  const host = parseHost(text.slice(0, colon), text);
  if (!host.ok) return host;
  const port = parsePort(text.slice(colon + 1));
  return port.ok ? ok({ kind: "inet", ...host.value, port: port.value }) : port;
}

/** What was meant by an address without a port, or by a port alone. */
function withPort(text: string): string {
  if (/^\d{1,5}$/.test(text)) return `*:${text}`;
  return `${text === "" ? "*" : text}:80`;
}

function parseUnix(path: string): Result<SocketAddress, AddressProblem> {
  if (!path.startsWith("/") || path.includes("\0")) return err({ message: `"unix:${path}" needs an absolute path` });
  if (new TextEncoder().encode(path).length > UNIX_PATH_BYTES_MAX) {
    return err({ message: `the socket's path is longer than ${UNIX_PATH_BYTES_MAX} bytes` });
  }
  return ok({ kind: "unix", path });
}

function parseHost(host: string, whole: string): Result<{ family: 4 | 6; host: string }, AddressProblem> {
  if (host === "*" || host === "") return ok({ family: 4, host: "0.0.0.0" });
  const bracketed = /^\[(.*)\]$/.exec(host);
  const inner = bracketed === null ? host : bracketed[1];
  const address = parseIp(inner);
  if (address?.family === 6 && bracketed === null) {
    return err({
      message: `"${whole}" has an IPv6 address without brackets`,
      help: `"[ADDRESS]:PORT", such as "[${inner}]:80"`,
    });
  }
  if (address !== null && (address.family === 6) === (bracketed !== null)) {
    const problem = address.family === 6 ? unusable(address, whole) : null;
    return problem === null ? ok({ family: address.family, host: formatIp(address) }) : err(problem);
  }
  if (bracketed === null && /^(?=.*[A-Za-z])[A-Za-z0-9.-]+$/.test(host)) {
    return err({ message: `host name "${host}" is not supported yet`, help: "write its address" });
  }
  return err({ message: `"${host}" is no IP address` });
}

/** IPv6 addresses that the kernel refuses at bind or connect as they stand (RFC 4291, sections 2.5.5.2 and 2.5.6). */
function unusable({ bytes }: IpAddress, whole: string): AddressProblem | null {
  if (bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80) {
    return {
      message: `"${whole}" is a link-local address, which needs an interface beside it`,
      help: "that cannot be written yet; take an address of another scope",
    };
  }
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  const plain = [...bytes.subarray(12)].join(".");
  return isMapped ? { message: `"${whole}" is an IPv4 address in IPv6's form`, help: `write ${plain}:PORT` } : null;
}

function parsePort(text: string): Result<number, AddressProblem> {
  if (/^\d+-\d+$/.test(text)) return err({ message: `port range ${text} is not supported yet` });
  if (!/^\d{1,10}$/.test(text)) return err({ message: `port "${text}" is no number` });
  const port = Number(text);
  return port >= 1 && port <= 65_535 ? ok(port) : err({ message: `port ${port} is outside 1–65535` });
}

/** One address of either family, in canonical text. */
export const ipAddress: Type<string> = {
  words: "an IP address",
  sections: [],
  decode: (value, at, sink) => {
    const address = typeof value === "string" ? parseIp(value) : null;
    return address === null ? mismatch(ipAddress.words, value, at, sink) : formatIp(address);
  },
};

/** "10.0.0.0/8": the bits behind the length are zero. */
export const network: Type<VirtualAddress> = {
  words: 'a network such as "10.0.0.0/8"',
  sections: [],
  decode: (value, at, sink) => {
    const parsed = typeof value === "string" ? parseNetwork(value) : null;
    if (parsed === null) return mismatch(network.words, value, at, sink);
    const { address, prefixLength } = parsed;
    const masked = maskIp(address, prefixLength);
    if (formatIp(masked) === formatIp(address)) {
      return { family: address.family, address: formatIp(address), prefixLength };
    }
    const meant = `${formatIp(masked)}/${prefixLength}`;
    return report(
      { message: `"${String(value)}" has bits behind /${prefixLength}`, help: `"${meant}"` },
      String(value),
      at,
      sink,
    );
  },
};

export const ipv4Address: Type<string> = {
  words: "an IPv4 address",
  sections: [],
  decode: (value, at, sink) => {
    const address = typeof value === "string" ? parseIp(value) : null;
    return address?.family === 4 ? formatIp(address) : mismatch(ipv4Address.words, value, at, sink);
  },
};

export interface VirtualAddress {
  readonly family: 4 | 6;
  readonly address: string;
  readonly prefixLength: number;
}

/** "192.168.36.100/24", "2001:db8::10/64"; without a length /32 or /128, as in keepalived. */
export const virtualAddress: Type<VirtualAddress> = {
  words: 'an address such as "192.168.36.100/24"',
  sections: [],
  decode: (value, at, sink) => {
    const network = typeof value === "string" ? parseNetwork(value) : null;
    if (network === null) return mismatch(virtualAddress.words, value, at, sink);
    const { address, prefixLength } = network;
    const { family } = address;
    if (prefixLength > 0 && !isUnusable(address)) return { family, address: formatIp(address), prefixLength };
    return report({ message: `"${String(value)}" cannot be a virtual address` }, String(value), at, sink);
  },
};

/** Multicast, loopback and "this host": nothing that could stand on an interface for others. */
function isUnusable({ family, bytes }: IpAddress): boolean {
  if (family === 4) return bytes[0] === 0 || bytes[0] === 127 || bytes[0] >= 224;
  return bytes[0] === 0xff || bytes.subarray(0, 15).every((byte) => byte === 0);
}
