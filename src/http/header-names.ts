/**
 * Field names that the proxy knows, as small integers.
 *
 * A name is looked up by its length, first and last byte, then compared in full: one table read for an unknown
 * name, one comparison for a known one. The multipliers were searched so that no two known names share a slot;
 * a test holds that for every name added here.
 */
import { LOWER, asciiBytes } from "./ascii.ts";

/** Ids up to `lastFraming` have a meaning for the proxy itself (see framing.ts); the others are only quick to find. */
export const headerIds = {
  other: 0,
  host: 1,
  contentLength: 2,
  transferEncoding: 3,
  connection: 4,
  keepAlive: 5,
  proxyConnection: 6,
  te: 7,
  trailer: 8,
  upgrade: 9,
  expect: 10,
  http2Settings: 11,
  proxy: 12,
  proxyAuthenticate: 13,
  proxyAuthorization: 14,
  lastFraming: 14,
  close: 15,
  xForwardedFor: 16,
  xForwardedProto: 17,
  xForwardedHost: 18,
  forwarded: 19,
  xRealIp: 20,
  cookie: 21,
  setCookie: 22,
  userAgent: 23,
  referer: 24,
  accept: 25,
  acceptEncoding: 26,
  acceptLanguage: 27,
  authorization: 28,
  cacheControl: 29,
  contentType: 30,
  contentEncoding: 31,
  location: 32,
  server: 33,
  date: 34,
  via: 35,
} as const;

/** Indexed by id. */
export const headerNames = [
  "",
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "upgrade",
  "expect",
  "http2-settings",
  "proxy",
  "proxy-authenticate",
  "proxy-authorization",
  "close",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "forwarded",
  "x-real-ip",
  "cookie",
  "set-cookie",
  "user-agent",
  "referer",
  "accept",
  "accept-encoding",
  "accept-language",
  "authorization",
  "cache-control",
  "content-type",
  "content-encoding",
  "location",
  "server",
  "date",
  "via",
] as const;

const SLOTS = 128;
const NAME_STRIDE = 32;
const slotIds = new Uint8Array(new ArrayBuffer(SLOTS));
const nameLengths = new Uint8Array(new ArrayBuffer(headerNames.length));
const nameBytes = new Uint8Array(new ArrayBuffer(headerNames.length * NAME_STRIDE));

for (let id = 1; id < headerNames.length; id++) {
  const name = asciiBytes(headerNames[id]);
  slotIds[slotOf(name.length, name[0], name[name.length - 1])] = id;
  nameLengths[id] = name.length;
  nameBytes.set(name, id * NAME_STRIDE);
}

/** The id of the name in [start, end), which is not empty; 0 when it is none of ours. Any letter case. */
export function headerIdOf(buf: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const id = slotIds[slotOf(length, LOWER[buf[start]], LOWER[buf[end - 1]])];
  if (nameLengths[id] !== length) return 0;
  const base = id * NAME_STRIDE;
  for (let i = 0; i < length; i++) {
    if (LOWER[buf[start + i]] !== nameBytes[base + i]) return 0;
  }
  return id;
}

function slotOf(length: number, first: number, last: number): number {
  return (length + first * 6 + last * 3) & (SLOTS - 1);
}
