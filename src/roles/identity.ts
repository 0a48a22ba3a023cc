/** Names of users and groups to numbers, from /etc/passwd and /etc/group. */
import { readFileSync } from "node:fs";
import type { Identity } from "../sys/process.ts";

/** The identity that roles run as; the message when the user or the group does not exist. */
export function resolveIdentity(user: string, group: string): Identity | string {
  const account = findEntry("/etc/passwd", user);
  if (!account) return `global.user: there is no user "${user}" on this machine; create it or name another`;
  const members = findEntry("/etc/group", group);
  if (!members) return `global.group: there is no group "${group}" on this machine; create it or name another`;
  return { uid: Number(account[2]), gid: Number(members[2]) };
}

export function groupId(group: string): number | null {
  const entry = findEntry("/etc/group", group);
  return entry ? Number(entry[2]) : null;
}

function findEntry(path: string, name: string): readonly string[] | null {
  for (const line of readFileSync(path, "utf8").split("\n")) {
    const fields = line.split(":");
    if (fields[0] === name) return fields;
  }
  return null;
}
