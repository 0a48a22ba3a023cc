/** Every listening socket of the appliance. The supervisor keeps them open over worker restarts and reloads. */
import type { Config, SocketAddress } from "../config/types.ts";
import { E, SysError } from "../sys/errno.ts";
import { close, openListener } from "../sys/socket.ts";
import { wantedBinds, wantedKeys } from "./wanted.ts";

export class Listeners {
  private readonly open = new Map<string, number>();

  /**
   * Opens what `config` wants and is not open yet. All or nothing: on any failure the new ones are closed again and
   * the reasons come back, each with its place in the file.
   */
  prepare(config: Config): readonly string[] {
    const opened: string[] = [];
    const reasons: string[] = [];
    for (const { key, address, freebind, path } of wantedBinds(config)) {
      if (this.open.has(key)) continue;
      try {
        this.open.set(key, openListener(address, { freebind, subject: `${path}: ${key}` }));
        opened.push(key);
      } catch (error) {
        if (!(error instanceof SysError)) throw error;
        reasons.push(error.message + remedy(error, address));
      }
    }
    if (reasons.length > 0) for (const key of opened) this.closeOne(key);
    return reasons;
  }

  /** Closes what `config` does not want any more. Workers hold their own duplicates until they have let go. */
  keepOnly(config: Config): void {
    const wanted = new Set(wantedKeys(config));
    for (const key of this.open.keys()) if (!wanted.has(key)) this.closeOne(key);
  }

  descriptors(keys: readonly string[]): readonly number[] {
    return keys.map((key) => this.open.get(key)!);
  }

  closeAll(): void {
    for (const key of this.open.keys()) this.closeOne(key);
  }

  private closeOne(key: string): void {
    close(this.open.get(key)!);
    this.open.delete(key);
  }
}

function remedy(error: SysError, address: SocketAddress): string {
  const port = address.kind === "inet" ? address.port : 0;
  switch (error.errno) {
    case E.ADDRINUSE:
      return port > 0
        ? `; find who holds it: ss -ltnp 'sport = :${port}'`
        : "; remove the socket file if nobody uses it";
    case E.ACCES:
      return port > 0 && port < 1024 ? "; ports below 1024 need root or CAP_NET_BIND_SERVICE" : "";
    case E.ADDRNOTAVAIL:
      return '; bind on "*", or name the VIP as "vip:INSTANCE:PORT" so that a backup node starts too';
    default:
      return "";
  }
}
