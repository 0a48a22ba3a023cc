/** Log targets that processes cannot write: told by events when it begins and when it ends (src/log/shell/sinks.ts). */
import type { BallastEvent } from "./api.ts";
import type { FoundProblem } from "./problems.ts";

export class LogTargets {
  /** Process → target → what it said. */
  private readonly failed = new Map<string, Map<string, FoundProblem>>();

  /** Every event goes through here, in order. */
  note({ kind, source, object, text, wallMs, fields }: BallastEvent): void {
    // What comes after it tries for itself.
    if (kind === "role.exit") this.failed.delete(object);
    // Without an object it is about the file's making, which nothing ends.
    if (kind !== "log.target" || object === "") return;
    const targets = this.failed.get(source) ?? new Map<string, FoundProblem>();
    this.failed.set(source, targets);
    if (fields["failed"] === 1) targets.set(object, { object: "log", text, sinceWallMs: wallMs });
    else targets.delete(object);
  }

  /** Each sentence once, however many processes say it. One that a reload took away says nothing more. */
  problems(exists: (process: string) => boolean): readonly FoundProblem[] {
    const found = new Map<string, FoundProblem>();
    for (const [source, targets] of this.failed) {
      if (!exists(source)) continue;
      for (const problem of targets.values()) if (!found.has(problem.text)) found.set(problem.text, problem);
    }
    return [...found.values()];
  }
}
