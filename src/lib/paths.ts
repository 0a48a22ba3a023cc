/** Where Ballast keeps its run-time files: pure functions of who asks and of the environment. */

export type Environment = Readonly<Record<string, string | undefined>>;

/** System-wide configuration; an unprivileged user names his own with -c. */
export const SYSTEM_CONFIG_PATH = "/etc/ballast/ballast.toml";

/**
 * Directory of the socket, the counters and the pidfile.
 * root: /run/ballast; else $XDG_RUNTIME_DIR/ballast; without one /tmp/ballast-UID.
 */
export function runtimeDirectory(uid: number, env: Environment): string {
  if (uid === 0) return "/run/ballast";
  const base = env["XDG_RUNTIME_DIR"];
  // The XDG specification ignores relative paths: they would follow the working directory.
  if (base !== undefined && base.startsWith("/")) return `${base.replace(/\/+$/, "")}/ballast`;
  return `/tmp/ballast-${uid}`;
}

/** The admin socket that daemon and clients agree on when nobody names one. */
export function defaultSocketPath(uid: number, env: Environment): string {
  return `${runtimeDirectory(uid, env)}/ballast.sock`;
}
