/** How a process starts itself again in another role. */

/** argv of this program: the compiled binary, or Bun with the entry file during development. */
export function selfCommand(): readonly string[] {
  return Bun.main.startsWith("/$bunfs/") ? [process.execPath] : [process.execPath, Bun.main];
}

/** Variables that make a Bun binary run somebody else's code (facts.md); never handed on. */
const REFUSED_VARIABLES = ["BUN_OPTIONS", "BUN_BE_BUN", "BUN_INSPECT", "BUN_INSPECT_PRELOAD", "NODE_OPTIONS"] as const;

export function cleanEnvironment(): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !(REFUSED_VARIABLES as readonly string[]).includes(name)) environment[name] = value;
  }
  return environment;
}
