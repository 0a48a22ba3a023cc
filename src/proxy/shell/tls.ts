/** TLS termination; the real one follows. */
import { err, type Result } from "../../lib/result.ts";
import type { TlsConfig } from "../../config/types.ts";
import type { TlsMaterial } from "../../ipc/messages.ts";
import type { Plane } from "./plane.ts";
import type { Sessions } from "./sessions.ts";

export interface TlsListener {
  readonly alpn: Uint8Array;
}

export function buildTlsListener(
  _c: TlsConfig,
  _m: readonly TlsMaterial[],
  path: string,
): Result<TlsListener, readonly string[]> {
  return err([`${path}: TLS is not there`]);
}

export class TlsAcceptor {
  constructor(_p: Plane, _open: (client: number) => void) {}
  begin(_client: number, _listener: TlsListener, _ms: number): void {}
  onReadable(_client: number, _s: Sessions): void {}
  timeout(_client: number, _s: Sessions): void {}
}
