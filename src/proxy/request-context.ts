/**
 * What conditions and rules may know about a request (http) or a connection (tcp): one mutable object a worker,
 * filled in before each evaluation.
 */
import { MessageHead } from "../http/head.ts";

/** Stands for the head in tcp mode and before the first request. */
export const EMPTY_HEAD = new MessageHead();

export class RequestContext {
  buf: Uint8Array = new Uint8Array(0);
  head: MessageHead = EMPTY_HEAD;
  clientIsTls = false;
  /** 16 bytes; an IPv4 address stands IPv4-mapped (::ffff:192.0.2.1), its four bytes at 12. */
  readonly source = new Uint8Array(16);
  sourceFamily: 4 | 6 = 4;
  sourcePort = 0;
  /** As `source`. Filled only for rules that need it (`Rules.needsDestination`): it costs a getsockname. */
  readonly destination = new Uint8Array(16);
  destinationFamily: 4 | 6 = 4;
  destinationPort = 0;
  /** haproxy's nbsrv, by the index that `compileCondition` was given for the backend's name. */
  usableServers: (backendIndex: number) => number = () => 0;
}

/** Writes 4 or 16 address bytes as the 16-byte form of `RequestContext.source`; IPv4-mapped bytes pass unchanged. */
export function writeAddress(target: Uint8Array, bytes: Uint8Array, start: number, length: number): void {
  const offset = 16 - length;
  if (length === 4) {
    target.fill(0, 0, 10);
    target[10] = 0xff;
    target[11] = 0xff;
  }
  for (let i = 0; i < length; i++) target[offset + i] = bytes[start + i];
}
