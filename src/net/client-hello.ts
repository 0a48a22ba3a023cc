/**
 * What a TLS ClientHello says about the name that it wants (RFC 8446 4.1.2, RFC 6066 3), read before the handshake.
 *
 *   record     type(1)=22  version(2)  length(2)  fragment…            several records may carry one message
 *   message    type(1)=1   length(3)
 *   hello      version(2) random(32) session_id<0..32> cipher_suites<2..> compression<1..> extensions<0..>
 *   extension  type(2) length(2) data;   server_name(0): list length(2), type(1)=0, length(2), name
 */

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const HOST_NAME = 0;
const RECORD_HEADER_BYTES = 5;
/** A record's fragment (RFC 8446 5.1). */
const FRAGMENT_BYTES_MAX = 16_384;
/** No client sends more (post-quantum key shares take about 2 KiB); a larger one is refused. */
export const CLIENT_HELLO_BYTES_MAX = 16_384;
const NAME_BYTES_MAX = 255;

export type ClientHello =
  | { readonly kind: "incomplete" }
  /** Not TLS, or not a ClientHello that can be read. */
  | { readonly kind: "invalid"; readonly reason: "not_tls" | "too_long" | "malformed" }
  /** `serverName` in lower case; null when none was sent. */
  | { readonly kind: "hello"; readonly serverName: string | null };

const INCOMPLETE: ClientHello = { kind: "incomplete" };
const MALFORMED: ClientHello = { kind: "invalid", reason: "malformed" };

/** Reads the ClientHello at bytes[start, end). */
export function decodeClientHello(bytes: Uint8Array, start: number, end: number): ClientHello {
  const message: number[] = [];
  let at = start;
  for (;;) {
    if (at === end) return INCOMPLETE;
    if (bytes[at] !== HANDSHAKE_RECORD || (at + 1 < end && bytes[at + 1] !== 3)) {
      return { kind: "invalid", reason: "not_tls" };
    }
    if (end - at < RECORD_HEADER_BYTES) return INCOMPLETE;
    const length = bytes[at + 3] * 256 + bytes[at + 4];
    if (length === 0 || length > FRAGMENT_BYTES_MAX) return MALFORMED;
    at += RECORD_HEADER_BYTES;
    const fragmentEnd = Math.min(end, at + length);
    for (let i = at; i < fragmentEnd; i++) message.push(bytes[i]);
    if (message.length >= 4) {
      if (message[0] !== CLIENT_HELLO) return MALFORMED;
      const helloBytes = message[1] * 65_536 + message[2] * 256 + message[3];
      if (helloBytes > CLIENT_HELLO_BYTES_MAX) return { kind: "invalid", reason: "too_long" };
      if (message.length >= 4 + helloBytes) return decodeHello(Uint8Array.from(message.slice(4, 4 + helloBytes)));
    }
    if (fragmentEnd < at + length) return INCOMPLETE;
    at = fragmentEnd;
  }
}

function decodeHello(hello: Uint8Array): ClientHello {
  let at = 34;
  if (hello.length < at + 1) return MALFORMED;
  at += 1 + hello[at];
  if (hello.length < at + 2) return MALFORMED;
  at += 2 + hello[at] * 256 + hello[at + 1];
  if (hello.length < at + 1) return MALFORMED;
  at += 1 + hello[at];
  if (hello.length === at) return { kind: "hello", serverName: null };
  if (hello.length < at + 2) return MALFORMED;
  const end = at + 2 + hello[at] * 256 + hello[at + 1];
  if (end !== hello.length) return MALFORMED;
  at += 2;
  while (at < end) {
    if (end - at < 4) return MALFORMED;
    const type = hello[at] * 256 + hello[at + 1];
    const length = hello[at + 2] * 256 + hello[at + 3];
    at += 4;
    if (at + length > end) return MALFORMED;
    if (type === SERVER_NAME) return decodeServerName(hello, at, at + length);
    at += length;
  }
  return { kind: "hello", serverName: null };
}

function decodeServerName(hello: Uint8Array, start: number, end: number): ClientHello {
  if (end - start < 5 || start + 2 + hello[start] * 256 + hello[start + 1] !== end) return MALFORMED;
  const nameStart = start + 5;
  const length = hello[start + 3] * 256 + hello[start + 4];
  if (hello[start + 2] !== HOST_NAME || nameStart + length > end || length === 0 || length > NAME_BYTES_MAX) {
    return MALFORMED;
  }
  let name = "";
  for (let i = nameStart; i < nameStart + length; i++) {
    // A host name in A-label form (RFC 6066 3): visible ASCII. A zero byte here is an attack on certificate lookup.
    if (hello[i] <= 0x20 || hello[i] >= 0x7f) return MALFORMED;
    name += String.fromCharCode(hello[i]);
  }
  return { kind: "hello", serverName: name.toLowerCase().replace(/\.$/, "") };
}
