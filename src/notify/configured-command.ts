/**
 * Which programs a configuration names for roles. The supervisor runs for a role only what stands there: a role that
 * was taken over through the network must not get a program of its choice run as root.
 */

export interface ConfiguredCommand {
  readonly command: readonly string[];
  /** null: global.user. */
  readonly user: string | null;
}

/**
 * Every object with `command` and `user` anywhere in the configuration, as keys for `commandKey`. All check scripts
 * have this form, wherever they stand.
 */
export function configuredCommands(config: unknown): ReadonlySet<string> {
  const keys = new Set<string>();
  collect(config, keys);
  return keys;
}

export function commandKey({ command, user }: ConfiguredCommand): string {
  return JSON.stringify([user, command]);
}

function collect(value: unknown, keys: Set<string>): void {
  if (typeof value !== "object" || value === null) return;
  if (isCommand(value)) keys.add(commandKey(value));
  for (const inner of Object.values(value)) collect(inner, keys);
}

function isCommand(value: object): value is ConfiguredCommand {
  if (!("command" in value) || !("user" in value)) return false;
  const { command, user } = value;
  return (
    Array.isArray(command) &&
    command.every((word) => typeof word === "string") &&
    (user === null || typeof user === "string")
  );
}
