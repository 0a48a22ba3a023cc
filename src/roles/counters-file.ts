/** Where the shared counters live and who may open them. */
import { accessSync, constants, existsSync, readdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { changeMode, changeOwner, currentUid, type Identity } from "../sys/process.ts";

const PREFIX = "ballast-counters";

/** A file on tmpfs: a mapped file on a disk would be written back all the time. */
export function countersPath(socketPath: string, pid: number): string {
  const directory = isWritable("/dev/shm") ? "/dev/shm" : dirname(socketPath);
  return `${directory}/${PREFIX}.${currentUid()}.${pid}`;
}

/** Files of supervisors that no longer run. */
export function removeStaleCounters(path: string): void {
  const directory = dirname(path);
  for (const name of readdirSync(directory)) {
    const [prefix, uid, pid] = name.split(/\.(?=\d)/);
    if (prefix !== PREFIX || Number(uid) !== currentUid() || existsSync(`/proc/${pid}`)) continue;
    rmSync(`${directory}/${name}`, { force: true });
  }
}

/** The roles open the file as the user they run as. */
export function giveCounters(path: string, identity: Identity | null): void {
  changeMode(path, 0o600);
  if (identity) changeOwner(path, identity);
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    // Not there or not ours: the runtime directory serves as well, only slower.
    return false;
  }
}
