/**
 * Byte classes of HTTP/1 as lookup tables, and fixed texts as bytes.
 * Numbers and lists are read with these and never with parseInt, Number, trim or TextDecoder: each of those
 * accepts forms that the peer behind us reads differently (`0x5`, `5Z`, 0xA0 as white space).
 */

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const HASH = 0x23;
export const ASTERISK = 0x2a;
export const COMMA = 0x2c;
export const DOT = 0x2e;
export const SLASH = 0x2f;
export const ZERO = 0x30;
export const NINE = 0x39;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
export const QUESTION = 0x3f;
export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;

const DIGITS = "0123456789";
const LOWERCASE = "abcdefghijklmnopqrstuvwxyz";
const ALPHANUMERIC = DIGITS + LOWERCASE + LOWERCASE.toUpperCase();

/** tchar (RFC 9110 5.6.2): methods, field names, protocol names. */
export const TOKEN = members(`${ALPHANUMERIC}!#$%&'*+-.^_\`|~`);

/** What may stand in a field value (RFC 9110 5.5): HTAB, SP, VCHAR, obs-text; no other control byte. */
export const FIELD_VALUE = predicate((byte) => byte === TAB || (byte >= SP && byte !== 0x7f));

/**
 * Request target: visible ASCII without "#" (RFC 9112 3.2, a fragment never travels). Wider than RFC 3986 by
 * `"<>[\]^{|}` and the backquote, which browsers send in queries; obs-text is refused.
 */
export const TARGET = predicate((byte) => byte > SP && byte < 0x7f && byte !== HASH);

/**
 * reg-name (RFC 3986 3.2.2) without "%" and ",": no DNS name has an escape, and "a,b" is how a server that
 * joins lines reads two Host fields.
 */
export const REG_NAME = members(`${ALPHANUMERIC}-._~!$&'()*+;=`);

/** Value of a hexadecimal digit; 255 for every other byte. */
export const HEX = new Uint8Array(new ArrayBuffer(256)).fill(255);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  HEX[digit.charCodeAt(0)] = value;
  HEX[digit.toUpperCase().charCodeAt(0)] = value;
}

/** ASCII letters in lower case, every other byte itself. */
export const LOWER = new Uint8Array(new ArrayBuffer(256));
for (let byte = 0; byte < 256; byte++) LOWER[byte] = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;

/** A text of one-byte characters as bytes of its own fixed memory, fit for libc as well. */
export function asciiBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(text.length));
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Whether [start, end) is `lower` in any letter case. */
export function equalsIgnoreCase(buf: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  if (end - start !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) {
    if (LOWER[buf[start + i]] !== lower[i]) return false;
  }
  return true;
}

/** Whether two regions are the same text in any letter case. */
export function sameIgnoreCase(
  buf: Uint8Array,
  start: number,
  end: number,
  otherStart: number,
  otherEnd: number,
): boolean {
  const length = end - start;
  if (otherEnd - otherStart !== length) return false;
  for (let i = 0; i < length; i++) {
    if (LOWER[buf[start + i]] !== LOWER[buf[otherStart + i]]) return false;
  }
  return true;
}

/** First offset in [at, end) that holds neither SP nor HTAB. */
export function skipSpace(buf: Uint8Array, at: number, end: number): number {
  while (at < end && (buf[at] === SP || buf[at] === TAB)) at++;
  return at;
}

/** End of [start, end) without its trailing SP and HTAB. */
export function trimEnd(buf: Uint8Array, start: number, end: number): number {
  while (end > start && (buf[end - 1] === SP || buf[end - 1] === TAB)) end--;
  return end;
}

/** Where the list member that begins at `at` ends: the next comma or `end` (RFC 9110 5.6.1). */
export function memberEnd(buf: Uint8Array, at: number, end: number): number {
  while (at < end && buf[at] !== COMMA) at++;
  return at;
}

function members(characters: string): Uint8Array {
  const table = new Uint8Array(new ArrayBuffer(256));
  for (let i = 0; i < characters.length; i++) table[characters.charCodeAt(i)] = 1;
  return table;
}

function predicate(holds: (byte: number) => boolean): Uint8Array {
  const table = new Uint8Array(new ArrayBuffer(256));
  for (let byte = 0; byte < 256; byte++) table[byte] = holds(byte) ? 1 : 0;
  return table;
}
