/** Programs that the configuration names, and whose rights they get: looked for now, and not when they are needed. */
import { didYouMean } from "../lib/suggest.ts";
import type { NormaliseContext } from "./normalise-context.ts";
import type { Path } from "./schema-issue.ts";

/** Only as root anybody's rights can be given. */
export function requireUser(user: string | undefined, at: Path, context: NormaliseContext): void {
  const { users, isRoot } = context.environment;
  if (user === undefined || users === undefined || isRoot !== true || users.includes(user)) return;
  context.sink.error(at, `there is no user "${user}" on this machine${didYouMean(user, users)}`, { found: user });
}

/** It may be installed before it is needed, so this is no error. */
export function warnMissing(argv: readonly string[] | undefined, at: Path, context: NormaliseContext): void {
  const { isProgram } = context.environment;
  const program = argv?.[0];
  if (program === undefined || isProgram === undefined || isProgram(program)) return;
  context.sink.warn(at, `${program} is no program that can be run`, {
    found: program,
    help: "chmod +x, or another path",
  });
}
