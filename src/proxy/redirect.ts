/**
 * The Location of a redirect, built as HAProxy does (http_apply_redirect_rule): `scheme` keeps host and URI,
 * `prefix` stands before the URI ("/" alone adds nothing), `location` is sent as it is written.
 */
import type { RuleAction } from "../config/types.ts";
import { assert } from "../lib/result.ts";
import { textBytes } from "./condition-text.ts";
import type { RequestContext } from "./request-context.ts";

export interface Redirect {
  readonly status: 301 | 302 | 303 | 307 | 308;
  readonly lead: Uint8Array;
  readonly withHost: boolean;
  readonly withUri: boolean;
}

/** What `writeLocation` answers instead of an offset. */
export const LOCATION_NO_ROOM = -1;
/** A `scheme` redirect of a request that names no host: there is nothing to send the client to, 400. */
export const LOCATION_NO_HOST = -2;

export function compileRedirect(action: Extract<RuleAction, { kind: "redirect" }>): Redirect {
  const { to, code: status } = action;
  const text = "scheme" in to ? `${to.scheme}://` : "prefix" in to ? to.prefix : to.location;
  assert(
    /^[!-~\u0080-\uffff]*$/.test(text),
    `rules: redirect to ${JSON.stringify(text)} has a blank or control character`,
  );
  const withHost = "scheme" in to;
  const withUri = !("location" in to);
  return { status, lead: textBytes("prefix" in to && text === "/" ? "" : text), withHost, withUri };
}

const HEX_DIGITS = textBytes("0123456789ABCDEF");

/** Copies bytes of the request; what must not stand in a header value is percent-encoded. New offset or LOCATION_NO_ROOM. */
function copySafe(
  target: Uint8Array,
  at: number,
  limit: number,
  source: Uint8Array,
  start: number,
  end: number,
): number {
  let offset = at;
  for (let i = start; i < end; i++) {
    const byte = source[i];
    if (offset + 3 > limit) return LOCATION_NO_ROOM;
    if (byte > 0x20 && byte < 0x7f) {
      target[offset++] = byte;
      continue;
    }
    target[offset++] = 0x25;
    target[offset++] = HEX_DIGITS[byte >> 4];
    target[offset++] = HEX_DIGITS[byte & 15];
  }
  return offset;
}

/** Writes the value of Location to target[at …). The new offset, LOCATION_NO_ROOM or LOCATION_NO_HOST. */
export function writeLocation(
  redirect: Redirect,
  context: RequestContext,
  target: Uint8Array,
  at: number,
  limit: number,
): number {
  const { buf, head } = context;
  const { lead } = redirect;
  if (at + lead.length > limit) return LOCATION_NO_ROOM;
  target.set(lead, at);
  let offset = at + lead.length;
  if (redirect.withHost) {
    if (head.hostEnd <= head.hostStart) return LOCATION_NO_HOST;
    offset = copySafe(target, offset, limit, buf, head.hostStart, head.hostEnd);
  }
  if (!redirect.withUri || offset < 0) return offset;
  // "*" of OPTIONS has no path.
  if (head.pathEnd <= head.pathStart) {
    if (offset >= limit) return LOCATION_NO_ROOM;
    target[offset++] = 0x2f;
  } else {
    offset = copySafe(target, offset, limit, buf, head.pathStart, head.pathEnd);
  }
  if (offset < 0 || head.queryEnd <= head.queryStart) return offset;
  if (offset >= limit) return LOCATION_NO_ROOM;
  target[offset++] = 0x3f;
  return copySafe(target, offset, limit, buf, head.queryStart, head.queryEnd);
}
