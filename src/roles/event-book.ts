/** Everything that happens, numbered: into the log, to the hooks, to the roles that show it or tell people of it. */
import type { BallastEvent, Happening } from "../admin/api.ts";
import { Journal } from "../admin/journal.ts";
import type { Channel } from "../ipc/shell/channel.ts";
import { wallNow } from "../sys/clock.ts";

export interface EventBookOptions {
  readonly log: (event: BallastEvent) => void;
  readonly hook: (event: BallastEvent) => void;
  /** The roles that get every event. */
  readonly channels: () => readonly Channel[];
}

export class EventBook {
  private readonly options: EventBookOptions;
  private readonly journal = new Journal();

  constructor(options: EventBookOptions) {
    this.options = options;
  }

  /** Something that the supervisor itself saw. */
  event(level: Happening["level"], kind: string, object: string, text: string, fields: Happening["fields"] = {}): void {
    this.tell({ level, kind, object, text, fields });
  }

  tell(happening: Happening): void {
    this.publish({ id: 0, wallMs: wallNow(), source: "supervisor", ...happening });
  }

  /** An event that gets its number here. */
  publish(event: BallastEvent): void {
    const kept = this.journal.add({ ...event, id: this.journal.lastId + 1 });
    if (!kept) return;
    this.options.log(kept);
    for (const channel of this.options.channels()) channel.send("event", kept);
    // Last: hooks may tell of more, and readers take events in the order of their numbers only.
    this.options.hook(kept);
  }

  /** Number of the newest event. */
  get lastId(): number {
    return this.journal.lastId;
  }

  /** Repeats what is kept to a role that knows nothing yet, or nothing after event `since`. */
  repeat(channel: Channel, since = 0): void {
    for (const event of this.journal.since(since)) channel.send("event", event);
  }
}
