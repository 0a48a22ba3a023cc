/** Redirects (haproxy: redirect scheme | prefix | location), built per request from validated parts only. */
import { err, ok, type Result } from "../lib/result.ts";
import { asciiBytes } from "./ascii.ts";
import { emitBytes, emitRegion } from "./emit.ts";
import type { MessageHead } from "./head.ts";

export type RedirectStatus = 301 | 302 | 303 | 307 | 308;

/** A redirect rule made ready when the configuration is read. */
export interface Redirect {
  /** Status line and the fields that are always the same, up to the value of Location. */
  readonly head: Uint8Array;
  /** The configured part of Location. */
  readonly bytes: Uint8Array;
  readonly appendsHost: boolean;
  readonly appendsTarget: boolean;
}

export type RedirectTo = { readonly scheme: string } | { readonly location: string } | { readonly prefix: string };

const reasons = {
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
} as const;

const END = asciiBytes("\r\n\r\n");
const CONNECTION_CLOSE = asciiBytes("\r\nConnection: close");
const CONNECTION_KEEP_ALIVE = asciiBytes("\r\nConnection: keep-alive");
const SLASH = asciiBytes("/");
/** More than the connection field and the end take. */
const OWN_BYTES = 64;

/** @returns what is wrong when the text could not stand in a Location field. */
export function redirect(to: RedirectTo, status: RedirectStatus): Result<Redirect, string> {
  // Permanent ones may be kept by the browser, the others must be asked for again.
  const cache = status === 301 || status === 308 ? "" : "Cache-Control: no-cache\r\n";
  const head = asciiBytes(`HTTP/1.1 ${status} ${reasons[status]}\r\n${cache}Content-Length: 0\r\nLocation: `);
  if ("scheme" in to) {
    if (!/^[A-Za-z][A-Za-z0-9+.-]*$/.test(to.scheme))
      return err(`"${to.scheme}" is no scheme; wanted one like "https"`);
    return ok({ head, bytes: asciiBytes(`${to.scheme}://`), appendsHost: true, appendsTarget: true });
  }
  const text = "location" in to ? to.location : to.prefix;
  if (!/^[\x21-\x7e]*$/.test(text)) return err(`"${text}" is no URI; wanted visible ASCII without spaces`);
  if ("location" in to) return ok({ head, bytes: asciiBytes(text), appendsHost: false, appendsTarget: false });
  // haproxy: prefix "/" stands for no prefix.
  return ok({ head, bytes: asciiBytes(text === "/" ? "" : text), appendsHost: false, appendsTarget: true });
}

/**
 * Writes the redirect for `head` at `at`.
 * @param keepsClient the client connection stays open; with HTTP/1.0 it must be told so.
 * @returns bytes written; 0 when a host is needed and the request has none (answer 400); -1 when it might not fit.
 */
export function writeRedirect(
  buf: Uint8Array,
  at: number,
  limit: number,
  head: MessageHead,
  rule: Redirect,
  keepsClient: boolean,
): number {
  if (rule.appendsHost && head.hostStart < 0) return 0;
  const textBytes =
    rule.head.length + rule.bytes.length + head.hostEnd - head.hostStart + head.targetEnd - head.targetStart;
  if (at + textBytes + OWN_BYTES > limit) return -1;
  let out = emitBytes(buf, at, rule.head);
  out = emitBytes(buf, out, rule.bytes);
  if (rule.appendsHost) out = emitRegion(buf, out, head.hostStart, head.hostEnd);
  if (rule.appendsTarget) out = emitTarget(buf, out, head);
  if (!keepsClient) out = emitBytes(buf, out, CONNECTION_CLOSE);
  else if (head.minor === 0) out = emitBytes(buf, out, CONNECTION_KEEP_ALIVE);
  return emitBytes(buf, out, END) - at;
}

/** The target as it would be forwarded; "/" for the asterisk, which has no place in a URI. */
function emitTarget(buf: Uint8Array, at: number, head: MessageHead): number {
  if (head.pathEnd === head.pathStart) return emitBytes(buf, at, SLASH);
  let out = at;
  if (head.targetPrefix !== 0) buf[out++] = head.targetPrefix;
  return emitRegion(buf, out, head.targetStart, head.targetEnd);
}
