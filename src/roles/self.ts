/** How a process starts itself again in another role. */

/** argv of this program: the compiled binary, or Bun with the entry file during development. */
export function selfCommand(): readonly string[] {
  return Bun.main.startsWith("/$bunfs/") ? [process.execPath] : [process.execPath, Bun.main];
}

/**
 * What a Bun binary obeys: it runs somebody else's code (BUN_OPTIONS, BUN_BE_BUN) or ends with its parent
 * (BUN_FEATURE_FLAG_NO_ORPHANS). Never handed on; there is no list of them that stays complete, so all go.
 */
function steersRuntime(name: string): boolean {
  return name.startsWith("BUN_") || name === "NODE_OPTIONS";
}

/** Variables between the service manager, or the parent of a daemon, and the supervisor alone. */
const OWN_VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "BALLAST_READY_FD"] as const;

/** The environment that roles and background processes get. */
export function cleanEnvironment(): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value === undefined || steersRuntime(name)) continue;
    if (!(OWN_VARIABLES as readonly string[]).includes(name)) environment[name] = value;
  }
  return environment;
}
