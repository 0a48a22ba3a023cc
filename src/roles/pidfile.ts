/** The pidfile (global.pidfile): one appliance a file. */
import { readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";

/** Writes our pid; the message when the process that it names still runs. */
export function claimPidfile(path: string): string | null {
  const other = readPid(path);
  if (other !== null && other !== process.pid && isRunning(other)) {
    return `global.pidfile: ${path} belongs to process ${other}, which runs; stop it first`;
  }
  try {
    writeFileSync(path, `${process.pid}\n`, { mode: 0o644 });
    return null;
  } catch (error) {
    return `global.pidfile: cannot write ${path}: ${(error as Error).message}`;
  }
}

export function releasePidfile(path: string): void {
  if (readPid(path) === process.pid) rmSync(path, { force: true });
}

function readPid(path: string): number | null {
  try {
    const pid = Number(readFileSync(path, "utf8").trim());
    return Number.isInteger(pid) && pid > 1 ? pid : null;
  } catch {
    // No file: nobody claims it.
    return null;
  }
}

/** True for a living process of this program: pids are reused. */
function isRunning(pid: number): boolean {
  return programOf(pid) === basename(process.execPath);
}

/** Name of the program that a process runs, null when there is no such process. */
function programOf(pid: number): string | null {
  try {
    // Replaced by a newer one meanwhile, it reads "/usr/bin/ballast (deleted)".
    return basename(readlinkSync(`/proc/${pid}/exe`)).replace(/ \(deleted\)$/, "");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES") return null;
    // Somebody else's process: what it calls itself is open to all.
    return basename(readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0] ?? "");
  }
}
