/** /etc/passwd and /etc/group as text, for `access.ts`. */
import { readFileSync } from "node:fs";
import type { Accounts } from "../access.ts";

/** Read for each connection: a few kilobytes from the page cache, and a changed membership counts at once. */
export function readAccounts(): Accounts {
  return { passwd: readOrEmpty("/etc/passwd"), group: readOrEmpty("/etc/group") };
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // A container without the file, or no descriptor left: callers have numbers only; root and the daemon's user write.
    return "";
  }
}
