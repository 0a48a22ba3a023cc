/**
 * Network patterns over 16-byte addresses. IPv4 stands IPv4-mapped on both sides, as haproxy compares families
 * (pattern.c, pat_match_ip): 192.0.2.0/24 is ::ffff:192.0.2.0/120, and ::/0 holds for everybody.
 */
import type { Pattern } from "../acl/ast.ts";
import { assert } from "../lib/result.ts";
import { parseIp } from "../lib/ip.ts";
import { writeAddress } from "./request-context.ts";

export type AddressTest = (address: Uint8Array) => boolean;

interface Network {
  readonly bytes: Uint8Array;
  readonly prefixLength: number;
}

function networkOf(pattern: Pattern): Network {
  assert(pattern.kind === "network", `condition: a ${pattern.kind} pattern stands where a network belongs`);
  const address = parseIp(pattern.address);
  assert(address !== null, `condition: ${pattern.address} is not an address`);
  const bytes = new Uint8Array(16);
  writeAddress(bytes, address.bytes, 0, address.bytes.length);
  return { bytes, prefixLength: pattern.prefixLength + (pattern.family === 4 ? 96 : 0) };
}

function inNetwork(address: Uint8Array, network: Network): boolean {
  const whole = network.prefixLength >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== network.bytes[i]) return false;
  const rest = network.prefixLength & 7;
  return rest === 0 || ((address[whole] ^ network.bytes[whole]) & (0xff00 >> rest) & 0xff) === 0;
}

/** Holds when the address lies in any of the networks. */
export function compileAddress(patterns: readonly Pattern[]): AddressTest {
  const networks = patterns.map(networkOf);
  return (address) => {
    for (const network of networks) if (inNetwork(address, network)) return true;
    return false;
  };
}
