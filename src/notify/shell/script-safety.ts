/**
 * A program that runs as root must not be one that somebody else can write: he would be root with the next failover.
 * The rule of keepalived's enable_script_security, always on: the file and every directory above it, links resolved,
 * belong to root and are writable by nobody else; of a sticky directory (/tmp) others cannot take files away.
 */
import { realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";

const GROUP_OR_OTHER_WRITABLE = 0o022;
const STICKY = 0o1000;

/** Why root must not run it; null: it may. */
export function whyUnsafeAsRoot(path: string): string | null {
  try {
    let at = realpathSync(path);
    for (let isFile = true; ; isFile = false) {
      const { uid, mode } = statSync(at);
      if (uid !== 0) return `must not run as root: ${at} belongs to user ${uid}, not to root`;
      const isSafe = (mode & GROUP_OR_OTHER_WRITABLE) === 0 || (!isFile && (mode & STICKY) !== 0);
      if (!isSafe) return `must not run as root: ${at} is writable by others than root`;
      if (at === "/") return null;
      at = dirname(at);
    }
  } catch (error) {
    return `cannot be started: ${(error as Error).message}`;
  }
}
