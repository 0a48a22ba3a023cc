/** The HTTP check without its socket: the request, and what the bytes that come back mean. */
import type { CheckConfig, SocketAddress } from "../config/types-proxy.ts";
import { asciiBytes } from "../http/ascii.ts";
import { defaultHeadLimits, type MessageHead } from "../http/head.ts";
import { methodIdOf } from "../http/methods.ts";
import { rejectReason } from "../http/reject.ts";
import { parseResponseHead } from "../http/response-parser.ts";
import { assert } from "../lib/result.ts";
import { invalidResponse, type ProbeResult } from "./result.ts";

export type HttpProbe = Extract<CheckConfig["probe"], { kind: "http" }>;

/** A head that is longer is no answer to a health check; the parser's own limit is below. */
export const HEAD_BYTES_MAX = 16 * 1024;
/** Interim responses before the one that counts: one is usual, a stream of them is a fault. */
const INTERIM_MAX = 8;

/** Host of a check without `host`: the server's address, the port left out when it is the scheme's own. */
function hostOf(address: SocketAddress, isTls: boolean): string {
  if (address.kind === "unix") return "localhost";
  const host = address.family === 6 ? `[${address.host}]` : address.host;
  return address.port === (isTls ? 443 : 80) ? host : `${host}:${address.port}`;
}

/** The request of the check. It asks to close, so that the server does not keep the connection for a successor. */
export function checkRequest(
  probe: Pick<HttpProbe, "method" | "target" | "host">,
  address: SocketAddress,
  isTls: boolean,
): Uint8Array {
  const host = probe.host ?? hostOf(address, isTls);
  const lines = [
    `${probe.method} ${probe.target} HTTP/1.1`,
    `Host: ${host}`,
    "User-Agent: ballast-check",
    "Accept: */*",
    "Connection: close",
  ];
  for (const line of lines) assert(/^[ -~]+$/.test(line), `check: ${JSON.stringify(line)} cannot stand in a request`);
  return asciiBytes(`${lines.join("\r\n")}\r\n\r\n`);
}

/**
 * The head of the answer in buf[0, end): where it ends, `head` filled in; null: it is not complete; or why it is none.
 */
export function readAnswerHead(
  buf: Uint8Array,
  end: number,
  head: MessageHead,
  method: string,
): { readonly bodyStart: number } | ProbeResult | null {
  const bytes = asciiBytes(method);
  const methodId = methodIdOf(bytes, 0, bytes.length);
  let at = 0;
  for (let interim = 0; interim <= INTERIM_MAX; interim++) {
    head.scannedBytes = 0;
    const next = parseResponseHead(buf, at, end, head, methodId, defaultHeadLimits);
    if (next === 0) return end < HEAD_BYTES_MAX ? null : invalidResponse("head too large");
    if (next < 0) return invalidResponse(rejectReason(-next).name.replaceAll("_", " "));
    if (head.status >= 200) return { bodyStart: next };
    at = next;
  }
  return invalidResponse("too many interim responses");
}
