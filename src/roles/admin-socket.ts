/** The admin socket's listener; the supervisor holds it, so that it outlives the admin role. */
import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { Config } from "../config/types.ts";
import { changeMode, changeOwner, currentUid, setUmask } from "../sys/process.ts";
import { close, openListener } from "../sys/socket.ts";
import { groupId } from "./identity.ts";
import { isSocketInUse } from "./stale-socket.ts";

/** The listening descriptor, or why there is none. */
export function openAdminSocket(config: Config): number | string {
  const path = config.admin.socket;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    if (isSocketInUse(path))
      return `admin.socket: another Ballast answers on ${path}; stop it first: ballast -S ${path} stop`;
    return open(config);
  } catch (error) {
    return `admin.socket: ${(error as Error).message}`;
  }
}

/** Takes its file away and closes it, in this order: a client that sees it closed finds no file either. */
export function closeAdminSocket(config: Config, fd: number): void {
  rmSync(config.admin.socket, { force: true });
  close(fd);
}

/** root:group 0660: the group reads, and members of admin_group write (the admin role checks each caller). */
function open(config: Config): number {
  const path = config.admin.socket;
  // Nobody else may connect between bind and chmod.
  const umask = setUmask(0o177);
  try {
    const fd = openListener({ kind: "unix", path }, { freebind: false, subject: path });
    const gid = groupId(config.admin.adminGroup ?? config.global.group);
    if (currentUid() === 0 && gid !== null) changeOwner(path, { uid: 0, gid });
    changeMode(path, 0o660);
    return fd;
  } finally {
    setUmask(umask);
  }
}
