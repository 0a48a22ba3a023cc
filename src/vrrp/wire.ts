/**
 * The VRRP advertisement, version 2 (RFC 3768 §5.1) and version 3 (RFC 9568 §5.1).
 *
 *        version 2                                  version 3
 *    0   version 2 | type 1                         version 3 | type 1
 *    1   VRID                                       VRID
 *    2   priority                                   priority
 *    3   address count                              address count
 *    4   authentication type                        reserved 4 bits, then …
 *    5   advertisement interval, seconds            … 12 bits of interval, centiseconds
 *    6   checksum                                   checksum
 *    8   addresses, 4 bytes each                    addresses, 4 or 16 bytes each
 *   end  8 bytes of authentication data             –
 *
 * Checksum: version 2 covers the message alone. Version 3 over IPv6 adds the pseudo-header. Over IPv4 RFC 9568 §5.2.8
 * says "message alone" while keepalived and most of the installed base add the pseudo-header: Ballast sends the
 * pseudo-header form and accepts both.
 */
import { err, ok, type Result } from "../lib/result.ts";
import { foldChecksum, sumPseudoHeader, sumWords } from "../net/checksum.ts";

export const VRRP_PROTOCOL = 112;
export const VRRP_HEADER_BYTES = 8;
export const AUTH_BYTES = 8;
export const ADVERT_TYPE = 1;
/** 255 IPv6 addresses behind a header: nothing valid is longer (the IPv4 maximum with authentication is 1036). */
export const ADVERT_BYTES_MAX = VRRP_HEADER_BYTES + 255 * 16;

/** RFC 3768 §5.3.6; PASS was withdrawn by that RFC and is still what most installations use. */
export const authType = { none: 0, pass: 1, ah: 2 } as const;

/** Priorities with a meaning (RFC 9568 §5.2.4). */
export const priority = { resign: 0, owner: 255 } as const;

export type ChecksumForm = "message" | "pseudo-header";

export interface Advert {
  readonly version: 2 | 3;
  readonly virtualRouterId: number;
  readonly priority: number;
  readonly intervalMs: number;
  readonly addressBytes: 4 | 16;
  /** The advertised addresses, one after the other: a view into the received buffer after decoding. */
  readonly addresses: Uint8Array;
  /** Version 2 only; version 3 has none. */
  readonly auth: { readonly type: number; readonly data: Uint8Array } | null;
}

/** The two ends of the packet: what the pseudo-header is made of. */
export interface Ends {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

/** The fields that receive checks look at before the rest is trusted. */
export interface AdvertHead {
  readonly version: number;
  readonly type: number;
  readonly virtualRouterId: number;
}

export type WireReason = "length" | "version" | "type" | "checksum" | "count";

export interface Decoded {
  readonly advert: Advert;
  readonly checksumForm: ChecksumForm;
}

/** The first two bytes; null when there are not even eight. */
export function decodeHead(bytes: Uint8Array, start: number, end: number): AdvertHead | null {
  if (end - start < VRRP_HEADER_BYTES) return null;
  return { version: bytes[start] >> 4, type: bytes[start] & 15, virtualRouterId: bytes[start + 1] };
}

/** Writes the advert at bytes[0] and answers its length. `ends` give the pseudo-header of version 3. */
export function encodeAdvert(bytes: Uint8Array, advert: Advert, ends: Ends): number {
  const authStart = VRRP_HEADER_BYTES + advert.addresses.length;
  const length = authStart + (advert.version === 2 ? AUTH_BYTES : 0);
  bytes.fill(0, 0, length);
  bytes[0] = advert.version * 16 + ADVERT_TYPE;
  bytes[1] = advert.virtualRouterId;
  bytes[2] = advert.priority;
  bytes[3] = advert.addresses.length / advert.addressBytes;
  if (advert.version === 2) {
    bytes[4] = advert.auth?.type ?? authType.none;
    bytes[5] = Math.round(advert.intervalMs / 1000);
  } else {
    const intervalCs = Math.round(advert.intervalMs / 10);
    bytes[4] = intervalCs >> 8;
    bytes[5] = intervalCs & 255;
  }
  bytes.set(advert.addresses, VRRP_HEADER_BYTES);
  if (advert.version === 2 && advert.auth !== null) bytes.set(advert.auth.data.subarray(0, AUTH_BYTES), authStart);
  const pseudo = advert.version === 3 ? sumPseudoHeader(ends.source, ends.destination, VRRP_PROTOCOL, length) : 0;
  const checksum = foldChecksum(sumWords(bytes, 0, length, pseudo));
  bytes[6] = checksum >> 8;
  bytes[7] = checksum & 255;
  return length;
}

/**
 * Reads the advert at bytes[start, end). The family follows from the ends' addresses. Checks stand in the order of
 * RFC 9568 §7.1: version, type, checksum, count, exact length. The advert's views last as long as the buffer.
 */
export function decodeAdvert(bytes: Uint8Array, start: number, end: number, ends: Ends): Result<Decoded, WireReason> {
  const head = decodeHead(bytes, start, end);
  if (head === null) return err("length");
  const addressBytes = ends.source.length === 4 ? 4 : 16;
  const version = head.version;
  if (version !== 3 && !(version === 2 && addressBytes === 4)) return err("version");
  if (head.type !== ADVERT_TYPE) return err("type");
  const checksumForm = checksumFormOf(bytes, start, end, version, ends);
  if (checksumForm === null) return err("checksum");
  const count = bytes[start + 3];
  if (count === 0) return err("count");
  const addressesEnd = start + VRRP_HEADER_BYTES + count * addressBytes;
  if (end !== addressesEnd + (version === 2 ? AUTH_BYTES : 0)) return err("length");
  const intervalMs = version === 2 ? bytes[start + 5] * 1000 : ((bytes[start + 4] & 15) * 256 + bytes[start + 5]) * 10;
  return ok({
    advert: {
      version,
      virtualRouterId: head.virtualRouterId,
      priority: bytes[start + 2],
      intervalMs,
      addressBytes,
      addresses: bytes.subarray(start + VRRP_HEADER_BYTES, addressesEnd),
      auth: version === 2 ? { type: bytes[start + 4], data: bytes.subarray(addressesEnd, end) } : null,
    },
    checksumForm,
  });
}

function checksumFormOf(
  bytes: Uint8Array,
  start: number,
  end: number,
  version: 2 | 3,
  ends: Ends,
): ChecksumForm | null {
  const message = sumWords(bytes, start, end, 0);
  if (version === 2) return foldChecksum(message) === 0 ? "message" : null;
  const pseudo = sumPseudoHeader(ends.source, ends.destination, VRRP_PROTOCOL, end - start);
  if (foldChecksum(message + pseudo) === 0) return "pseudo-header";
  if (ends.source.length === 4 && foldChecksum(message) === 0) return "message";
  return null;
}
