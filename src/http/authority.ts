/** Validation of `host [":" port]` in bytes (RFC 3986 3.2.2, 3.2.3; no userinfo, no zone, no IPvFuture). */
import { COLON, DOT, HEX, NINE, REG_NAME, ZERO } from "./ascii.ts";

const LEFT_BRACKET = 0x5b;
const RIGHT_BRACKET = 0x5d;
const PORT_MAX = 65_535;
const IPV6_GROUPS = 8;

/** Whether [start, end) is an authority that every server behind us reads in the same way. An empty one is not. */
export function isAuthority(buf: Uint8Array, start: number, end: number): boolean {
  if (start >= end) return false;
  let at = start;
  if (buf[at] === LEFT_BRACKET) {
    at++;
    while (at < end && buf[at] !== RIGHT_BRACKET) at++;
    if (at === end || !isIpv6(buf, start + 1, at)) return false;
    at++;
  } else {
    while (at < end && REG_NAME[buf[at]] !== 0) at++;
    if (at === start) return false;
  }
  if (at === end) return true;
  return buf[at] === COLON && isPort(buf, at + 1, end);
}

/** RFC 3986 allows the port to be empty. */
function isPort(buf: Uint8Array, start: number, end: number): boolean {
  let port = 0;
  for (let at = start; at < end; at++) {
    if (buf[at] < ZERO || buf[at] > NINE) return false;
    port = port * 10 + buf[at] - ZERO;
    if (port > PORT_MAX) return false;
  }
  return true;
}

/** Up to eight groups of one to four digits, "::" once for one or more groups of zeros, IPv4 in place of the last two. */
function isIpv6(buf: Uint8Array, start: number, end: number): boolean {
  let groups = 0;
  let compressed = false;
  let at = start;
  if (at < end && buf[at] === COLON) {
    if (at + 1 >= end || buf[at + 1] !== COLON) return false;
    compressed = true;
    at += 2;
  }
  while (at < end) {
    const groupStart = at;
    while (at < end && HEX[buf[at]] !== 255) at++;
    if (at < end && buf[at] === DOT) {
      if (!isIpv4(buf, groupStart, end)) return false;
      groups += 2;
      break;
    }
    const digits = at - groupStart;
    if (digits === 0 || digits > 4) return false;
    groups++;
    if (at === end) break;
    if (buf[at] !== COLON) return false;
    at++;
    if (at === end) return false;
    if (buf[at] === COLON) {
      if (compressed) return false;
      compressed = true;
      at++;
    }
  }
  return compressed ? groups < IPV6_GROUPS : groups === IPV6_GROUPS;
}

function isIpv4(buf: Uint8Array, start: number, end: number): boolean {
  let at = start;
  for (let octet = 0; octet < 4; octet++) {
    if (octet > 0) {
      if (at >= end || buf[at] !== DOT) return false;
      at++;
    }
    const octetStart = at;
    let value = 0;
    while (at < end && buf[at] >= ZERO && buf[at] <= NINE && at - octetStart < 3) {
      value = value * 10 + buf[at] - ZERO;
      at++;
    }
    const digits = at - octetStart;
    if (digits === 0 || value > 255 || (digits > 1 && buf[octetStart] === ZERO)) return false;
  }
  return at === end;
}
