/** The last events in the order of their numbers, for readers that ask what happened since. */
import { safeText } from "../lib/safe-text.ts";
import type { BallastEvent } from "./api.ts";

/**
 * A flapping server makes two events a minute: eight hours of that, and one screen per page of any terminal.
 * With the bounds below a full journal is at most 2 MB.
 */
export const JOURNAL_EVENTS_MAX = 1_000;
/** One sentence; what is longer was not written for people. */
export const EVENT_TEXT_CHARS_MAX = 1_000;
const FIELD_CHARS_MAX = 200;
const FIELDS_MAX = 16;

export class Journal {
  private readonly events: BallastEvent[] = [];

  /** Number of the newest event; 0: none yet. */
  get lastId(): number {
    return this.events.at(-1)?.id ?? 0;
  }

  /**
   * Keeps a numbered event and answers it as kept: harmless for terminals and logs, and bounded.
   * null for a number that is not above the last one: a supervisor repeats itself after this role's restart.
   */
  add(event: BallastEvent): BallastEvent | null {
    if (event.id <= this.lastId) return null;
    const kept = tidy(event);
    this.events.push(kept);
    if (this.events.length > JOURNAL_EVENTS_MAX) this.events.shift();
    return kept;
  }

  /**
   * The events with a number above `id`, oldest first. A reader with a number that was never given remembers another
   * life of the daemon: it gets all.
   */
  since(id: number): readonly BallastEvent[] {
    if (id > this.lastId) return [...this.events];
    return this.events.filter((event) => event.id > id);
  }
}

/** Check answers and peers' addresses end up in events: text from the network is made safe once, here. */
function tidy(event: BallastEvent): BallastEvent {
  const fields: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(event.fields).slice(0, FIELDS_MAX)) {
    fields[safeText(name)] = typeof value === "string" ? safeText(value.slice(0, FIELD_CHARS_MAX)) : value;
  }
  return {
    id: event.id,
    wallMs: event.wallMs,
    level: event.level,
    source: safeText(event.source),
    kind: safeText(event.kind),
    object: safeText(event.object.slice(0, FIELD_CHARS_MAX)),
    text: safeText(event.text.slice(0, EVENT_TEXT_CHARS_MAX)),
    fields,
  };
}
