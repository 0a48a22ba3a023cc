/** What those who watch tracks need of the speaker. */
import type { EventLevel } from "../../admin/api.ts";
import type { Loop } from "../../sys/loop.ts";

export interface WatchPorts {
  readonly loop: Loop;
  report(level: EventLevel, object: string, text: string): void;
  /** A reading changed, or is known for the first time. */
  changed(): void;
  /** This process could not run for as long as a witness's interval: its questions of that time were not asked. */
  paused(): void;
}
