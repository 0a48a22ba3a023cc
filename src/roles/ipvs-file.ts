/** The ownership file of the IPVS table: made by the supervisor, written by the director as the user it runs as. */
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { NOTHING_OWNED, type Ownership, ownershipText, parseOwnership } from "../ipvs/ownership.ts";
import { changeMode, changeOwner, type Identity } from "../sys/process.ts";

/** Beside the admin socket: like the table it does not outlive a boot. */
export function ownershipPath(socketPath: string): string {
  return `${dirname(socketPath)}/ipvs.json`;
}

/** Makes the file where there is none, and lets the director write it. Null, or what is wrong. */
export function giveOwnership(path: string, identity: Identity | null): string | null {
  try {
    mkdirSync(dirname(path), { recursive: true });
    closeSync(openSync(path, "a", 0o600));
  } catch (error) {
    return `${path} cannot be made: ${reasonOf(error)}`;
  }
  changeMode(path, 0o600);
  if (identity !== null) changeOwner(path, identity);
  return null;
}

/** What is ours, and what was wrong with the file, if anything. */
export function readOwnership(path: string): { readonly owned: Ownership; readonly problem: string | null } {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    return { owned: NOTHING_OWNED, problem: `${path} cannot be read: ${reasonOf(error)}` };
  }
  const owned = parseOwnership(text);
  if (owned !== null) return { owned, problem: null };
  return { owned: NOTHING_OWNED, problem: `${path} is not a list of IPVS entries; it is written anew` };
}

/** Null, or what is wrong. Whoever is killed between the two steps leaves a whole first line. */
export function writeOwnership(path: string, owned: Ownership): string | null {
  try {
    const fd = openSync(path, "r+");
    try {
      const text = ownershipText(owned);
      ftruncateSync(fd, writeSync(fd, text, 0));
    } finally {
      closeSync(fd);
    }
    return null;
  } catch (error) {
    return `${path} cannot be written: ${reasonOf(error)}`;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
