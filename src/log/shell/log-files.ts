/** Log files are opened by roles that run as somebody else: the supervisor makes them, as root, and gives them away. */
import { closeSync, constants, fchownSync, fstatSync, openSync } from "node:fs";
import type { LogTarget } from "../../config/types.ts";

/**
 * Creates the files of the targets that do not exist and makes `owner` the owner of all of them. Through a descriptor
 * and not following links: whoever may write the directory must not get another file of ours. Answers the problems.
 */
export function giveLogFiles(
  targets: readonly LogTarget[],
  owner: { readonly uid: number; readonly gid: number },
): readonly string[] {
  const problems: string[] = [];
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOFOLLOW } = constants;
  for (const { sink } of targets) {
    if (sink.kind !== "file") continue;
    try {
      const fd = openSync(sink.path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOFOLLOW, 0o640);
      try {
        // A device (/dev/null) or a pipe has an owner of its own.
        if (fstatSync(fd).isFile()) fchownSync(fd, owner.uid, owner.gid);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      problems.push(`log target file:${sink.path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return problems;
}
