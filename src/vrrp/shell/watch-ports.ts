/** What those who watch tracks need of the speaker. */
import type { EventLevel } from "../../admin/api.ts";
import type { Loop } from "../../sys/loop.ts";

export interface WatchPorts {
  readonly loop: Loop;
  report(level: EventLevel, object: string, text: string): void;
  /** A reading changed, or is known for the first time. */
  changed(): void;
}
