/**
 * The starter step: `ballast __start ROLE INDEX [UID GID]` gives up rights and becomes `ballast __role ROLE INDEX`.
 * It never touches the network; its only input is its own command line.
 */
import type { RoleName } from "../ipc/messages.ts";
import { allowLockedMemory, dropRightsAndExec, type Identity, raisePriority } from "../sys/process.ts";
import { selfCommand } from "./self.ts";
import { roleTable } from "./table.ts";

export function startRole(role: RoleName, index: string, identity: Identity | null): never {
  const row = roleTable[role];
  if (row.realtime) {
    allowLockedMemory();
    raisePriority();
  }
  dropRightsAndExec(identity, row.keep, [...selfCommand(), "__role", role, index]);
}

/**
 * The step before a check script or hook where the daemon runs without root but with capabilities of its own:
 * `ballast __command PATH ARG…` gives them up and becomes the program.
 */
export function startCommand(argv: readonly string[]): never {
  dropRightsAndExec(null, [], argv, 2);
}
