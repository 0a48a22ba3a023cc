/** The admin socket's listener; the supervisor holds it, so that it outlives the admin role. */
import { mkdirSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Config } from "../config/types.ts";
import { AF, SOCK } from "../sys/abi.ts";
import { changeMode, changeOwner, currentUid } from "../sys/process.ts";
import { close, connect, openListener, socket } from "../sys/socket.ts";
import { groupId } from "./identity.ts";

/** The listening descriptor, or why there is none. */
export function openAdminSocket(config: Config): number | string {
  const path = config.admin.socket;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    if (!statSync(path, { throwIfNoEntry: false })) return openFresh(config);
    if (isAlive(path))
      return `admin.socket: another Ballast answers on ${path}; stop it first: ballast -S ${path} stop`;
    // Left behind by a process that was killed.
    rmSync(path);
    return openFresh(config);
  } catch (error) {
    return `admin.socket: ${(error as Error).message}`;
  }
}

/** root:group 0660: the group reads, and members of admin_group write (the admin role checks each caller). */
function openFresh(config: Config): number {
  const path = config.admin.socket;
  const fd = openListener({ kind: "unix", path }, { freebind: false, subject: `admin.socket: ${path}` });
  changeMode(path, 0o660);
  const gid = groupId(config.admin.adminGroup ?? config.global.group);
  if (currentUid() === 0 && gid !== null) changeOwner(path, { uid: 0, gid });
  return fd;
}

function isAlive(path: string): boolean {
  const fd = socket(AF.UNIX, SOCK.STREAM | SOCK.CLOEXEC, 0);
  const result = connect(fd, { kind: "unix", path });
  close(fd);
  return result === 0;
}
