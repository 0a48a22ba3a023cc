/** How a process starts itself again in another role. */

/** argv of this program: the compiled binary, or Bun with the entry file during development. */
export function selfCommand(): readonly string[] {
  return Bun.main.startsWith("/$bunfs/") ? [process.execPath] : [process.execPath, Bun.main];
}

/** Variables that make a Bun binary run somebody else's code (facts.md); never handed on. */
const REFUSED_VARIABLES = ["BUN_OPTIONS", "BUN_BE_BUN", "BUN_INSPECT", "BUN_INSPECT_PRELOAD", "NODE_OPTIONS"] as const;

/** Variables between the service manager, or the parent of a daemon, and the supervisor alone. */
const OWN_VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "BALLAST_READY_FD"] as const;

/** The environment that roles and background processes get. */
export function cleanEnvironment(): Record<string, string> {
  const withheld: readonly string[] = [...REFUSED_VARIABLES, ...OWN_VARIABLES];
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !withheld.includes(name)) environment[name] = value;
  }
  return environment;
}
