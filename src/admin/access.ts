/**
 * Who may change things through the admin socket: root, the user that runs the daemon, and the members of
 * `admin.admin_group`. Everybody else who can open the socket reads.
 *
 * The kernel tells uid and primary group of the peer (SO_PEERCRED). Names and further groups come from the text of
 * /etc/passwd and /etc/group, read anew for each connection: a new member needs no reload. Directory services (NSS:
 * LDAP, sssd) are not asked; where they rule, admin_group must be the peer's primary group.
 */

export interface Credentials {
  readonly uid: number;
  readonly gid: number;
}

/** The text of the two files; empty when a file could not be read. */
export interface Accounts {
  readonly passwd: string;
  readonly group: string;
}

export interface AccessPolicy {
  /** The user who started the daemon. */
  readonly daemonUid: number;
  readonly adminGroup: string | null;
}

export interface Caller {
  readonly uid: number;
  /** `alice`, or `uid 1000` when the account has no name. */
  readonly name: string;
  readonly mayWrite: boolean;
}

/** The peer of a connection, named, and whether it may write. */
export function identify(credentials: Credentials, accounts: Accounts, policy: AccessPolicy): Caller {
  const { uid } = credentials;
  const name = userName(accounts.passwd, uid);
  const mayWrite =
    uid === 0 ||
    uid === policy.daemonUid ||
    (policy.adminGroup !== null && belongsTo(accounts.group, policy.adminGroup, credentials.gid, name));
  return { uid, name: name ?? `uid ${uid}`, mayWrite };
}

/** `alice (uid 1000)`: how a caller is named in events and to the supervisor. */
export function describeCaller(caller: Caller): string {
  return caller.name === `uid ${caller.uid}` ? caller.name : `${caller.name} (uid ${caller.uid})`;
}

/** passwd(5): name:password:UID:GID:gecos:home:shell */
function userName(passwd: string, uid: number): string | null {
  for (const line of passwd.split("\n")) {
    const [name, , id] = line.split(":");
    if (id === String(uid) && name !== undefined && name !== "") return name;
  }
  return null;
}

/** group(5): name:password:GID:member,member */
function belongsTo(group: string, wanted: string, gid: number, user: string | null): boolean {
  for (const line of group.split("\n")) {
    const [name, , id, members = ""] = line.split(":");
    if (name !== wanted) continue;
    if (id === String(gid)) return true;
    if (user !== null && members.trim().split(",").includes(user)) return true;
  }
  return false;
}
