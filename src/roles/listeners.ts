/** Every listening socket of the appliance. The supervisor keeps them open over worker restarts and reloads. */
import { rmSync } from "node:fs";
import type { BindConfig, SocketAddress } from "../config/types-proxy.ts";
import type { Config } from "../config/types.ts";
import { FRAME_DESCRIPTORS_MAX } from "../ipc/messages.ts";
import { E, SysError } from "../sys/errno.ts";
import { close, openListener } from "../sys/socket.ts";
import { isSocketInUse } from "./stale-socket.ts";
import { wantedBinds, wantedKeys } from "./wanted.ts";

export interface Prepared {
  /** Why not, each with its place in the file; empty: every listener is open. */
  readonly reasons: readonly string[];
  /** A right is missing, for a port below 1024 as a rule. */
  readonly isForbidden: boolean;
}

interface Listener {
  readonly fd: number;
  readonly address: SocketAddress;
}

export class Listeners {
  private readonly open = new Map<string, Listener>();

  /** Opens what `config` wants and is not open yet. All or nothing: on any failure the new ones are closed again. */
  prepare(config: Config): Prepared {
    const binds = wantedBinds(config);
    if (binds.length > FRAME_DESCRIPTORS_MAX) {
      const reason = `${binds.length} binds; workers take at most ${FRAME_DESCRIPTORS_MAX} listening sockets`;
      return { reasons: [reason], isForbidden: false };
    }
    const opened: string[] = [];
    const failures: SysError[] = [];
    const reasons: string[] = [];
    for (const bind of binds) {
      if (this.open.has(bind.key)) continue;
      try {
        this.open.set(bind.key, { fd: openBind(bind), address: bind.address });
        opened.push(bind.key);
      } catch (error) {
        if (!(error instanceof SysError)) throw error;
        failures.push(error);
        reasons.push(error.message + remedy(error, bind.address));
      }
    }
    if (reasons.length > 0) for (const key of opened) this.closeOne(key);
    return { reasons, isForbidden: failures.some(({ errno }) => errno === E.ACCES) };
  }

  /** Closes what `config` does not want any more. Workers hold their own duplicates until they have let go. */
  keepOnly(config: Config): void {
    const wanted = new Set(wantedKeys(config));
    for (const key of this.open.keys()) if (!wanted.has(key)) this.closeOne(key);
  }

  descriptors(keys: readonly string[]): readonly number[] {
    return keys.map((key) => this.open.get(key)!.fd);
  }

  closeAll(): void {
    for (const key of this.open.keys()) this.closeOne(key);
  }

  private closeOne(key: string): void {
    const { fd, address } = this.open.get(key)!;
    close(fd);
    if (address.kind === "unix" && !address.path.startsWith("@")) rmSync(address.path, { force: true });
    this.open.delete(key);
  }
}

function openBind({ key, address, freebind, path }: BindConfig): number {
  // A socket file that is in use fails in bind, with the words for it.
  if (address.kind === "unix") isSocketInUse(address.path);
  return openListener(address, { freebind, subject: `${path}: ${key}` });
}

function remedy(error: SysError, address: SocketAddress): string {
  const port = address.kind === "inet" ? address.port : 0;
  switch (error.errno) {
    case E.ADDRINUSE:
      return port > 0
        ? `; find who holds it: ss -ltnp 'sport = :${port}'`
        : "; somebody else listens there: remove the file if it is no longer wanted";
    case E.ACCES:
      return port > 0 && port < 1024 ? "; ports below 1024 need root or CAP_NET_BIND_SERVICE" : "";
    case E.ADDRNOTAVAIL:
      return '; bind on "*", or name the VIP as "vip:INSTANCE:PORT" so that a backup node starts too';
    default:
      return "";
  }
}
