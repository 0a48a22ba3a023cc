/** How the daemon's rights become those of a program that it runs: which user, and in which step they are given up. */
import { readFileSync } from "node:fs";
import type { Command } from "../notify/command.ts";
import type { Launch } from "../notify/shell/command-runner.ts";
import { whyUnsafeAsRoot } from "../notify/shell/script-safety.ts";
import { currentUid, effectiveCapabilities, type Identity } from "../sys/process.ts";
import { selfCommand } from "./self.ts";

/** What to execute for this command, or why it must not be run. Asked anew for each run: accounts and files change. */
export function launchCommand({ argv, user }: Pick<Command, "argv" | "user">): Launch | string {
  if (currentUid() === 0) return launchByRoot(argv, user);
  if (user !== null && accountOf(user)?.uid !== currentUid()) return `only root can run programs as user "${user}"`;
  if (effectiveCapabilities() === 0) return { argv, identity: null };
  return { argv: [...selfCommand(), "__command", ...argv], identity: null };
}

function launchByRoot(argv: readonly string[], user: string | null): Launch | string {
  if (user === null) return "names no user";
  const account = accountOf(user);
  if (account === null) return `there is no user "${user}" on this machine`;
  if (account.uid !== 0) return { argv, identity: account };
  return whyUnsafeAsRoot(argv[0] ?? "") ?? { argv, identity: null };
}

/** User and primary group. */
function accountOf(user: string): Identity | null {
  for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name === user) return { uid: Number(uid), gid: Number(gid) };
  }
  return null;
}
