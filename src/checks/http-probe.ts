/** The HTTP check without its socket: the request, and what the bytes that come back mean. */
import type { CheckConfig, SocketAddress } from "../config/types.ts";
import { asciiBytes } from "../http/ascii.ts";
import { defaultHeadLimits, type MessageHead } from "../http/head.ts";
import { methodIdOf } from "../http/methods.ts";
import { rejectReason } from "../http/reject.ts";
import { parseResponseHead } from "../http/response-parser.ts";
import { assert } from "../lib/result.ts";
import { invalidResponse, type ProbeResult, statusResult } from "./result.ts";

export type HttpProbe = Extract<CheckConfig["probe"], { kind: "http" }>;

/** A head that is longer is no answer to a health check; the parser's own limit is below. */
export const RESPONSE_BYTES_MAX = 16 * 1024;
/** Interim responses before the one that counts: one is usual, a stream of them is a fault. */
const INTERIM_MAX = 8;

/** Host of a check without `host`: the server's address, the port left out when it is HTTP's own. */
function hostOf(address: SocketAddress): string {
  if (address.kind === "unix") return "localhost";
  const host = address.family === 6 ? `[${address.host}]` : address.host;
  return address.port === 80 ? host : `${host}:${address.port}`;
}

/** The request of the check. It asks to close, so that the server does not keep the connection for a successor. */
export function checkRequest(probe: HttpProbe, address: SocketAddress): Uint8Array {
  const host = probe.host ?? hostOf(address);
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

/** The meaning of the bytes received so far, buf[0, end); null: the head is not complete. */
export function readAnswer(buf: Uint8Array, end: number, head: MessageHead, probe: HttpProbe): ProbeResult | null {
  const method = asciiBytes(probe.method);
  const methodId = methodIdOf(method, 0, method.length);
  let at = 0;
  for (let interim = 0; interim <= INTERIM_MAX; interim++) {
    head.scannedBytes = 0;
    const next = parseResponseHead(buf, at, end, head, methodId, defaultHeadLimits);
    if (next === 0) return null;
    if (next < 0) return invalidResponse(rejectReason(-next).name.replaceAll("_", " "));
    if (head.status >= 200) return statusResult(head.status, probe.expect);
    at = next;
  }
  return invalidResponse("too many interim responses");
}
