/**
 * The starter step: `ballast __start ROLE INDEX RIGHTS [UID GID]` gives up all rights but these (names with commas
 * between them, or "-") and becomes `ballast __role ROLE INDEX`.
 * It never touches the network; its only input is its own command line.
 */
import type { RoleName } from "../ipc/messages.ts";
import { allowLockedMemory, CAP, type Capability, dropRightsAndExec, type Identity } from "../sys/process.ts";
import { raisePriority } from "../sys/process.ts";
import { selfCommand } from "./self.ts";
import { roleTable } from "./table.ts";

export function startRole(role: RoleName, index: string, rights: string, identity: Identity | null): never {
  if (roleTable[role].realtime) {
    allowLockedMemory();
    raisePriority();
  }
  dropRightsAndExec(identity, readRights(rights), [...selfCommand(), "__role", role, index]);
}

/** As the starter step reads them on its command line. */
export function rightsText(keep: readonly Capability[]): string {
  return keep.length === 0 ? "-" : keep.join(",");
}

function readRights(text: string): readonly Capability[] {
  return (Object.keys(CAP) as Capability[]).filter((name) => text.split(",").includes(name));
}

/**
 * The step before a check script or hook where the daemon runs without root but with capabilities of its own:
 * `ballast __command PATH ARG…` gives them up and becomes the program.
 */
export function startCommand(argv: readonly string[]): never {
  dropRightsAndExec(null, [], argv, 2);
}
