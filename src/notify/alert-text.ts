/** What people read: subject and body of a mail, and the JSON of a webhook (pure). */
import type { BallastEvent } from "../admin/api.ts";
import { twoDigits } from "../lib/humanize.ts";
import { safeText } from "../lib/safe-text.ts";
import { dateTimeText } from "../lib/wall-time.ts";
import type { AlertBatch } from "./alert-queue.ts";

/** Mail programs show about this much of a subject. */
const SUBJECT_CHARACTERS_MAX = 120;

/** Where the appliance is and what its clock says. */
export interface Sender {
  /** global.node */
  readonly node: string;
  /** Minutes east of UTC. */
  readonly zoneMinutes: number;
}

export interface AlertMail {
  readonly subject: string;
  readonly text: string;
}

export function alertMail(batch: AlertBatch, { node, zoneMinutes }: Sender): AlertMail {
  const lines = batch.alerts.map(({ event, changes }) => {
    const when = dateTimeText(event.wallMs, zoneMinutes);
    return `${when} ${event.level.padEnd(7)} ${sentence(event)}${changesText(changes)}`;
  });
  const footer = ["", "-- ", `Ballast on ${safeText(node)}, times in UTC${zoneText(zoneMinutes)}`, ""];
  const text = [...lines, ...omittedLines(batch), ...footer].join("\n");
  return { subject: subjectOf(batch, node), text };
}

/** One message of JSON; `text` alone is what chat services show. */
export function alertJson(batch: AlertBatch, { node }: Sender): string {
  return JSON.stringify({
    text: [subjectOf(batch, node), ...(batch.alerts.length > 1 ? batch.alerts.map(({ event }) => sentence(event)) : [])]
      .concat(omittedLines(batch))
      .join("\n"),
    node,
    omitted: batch.omitted,
    events: batch.alerts.map(({ event, changes }) => ({
      id: event.id,
      time: new Date(event.wallMs).toISOString(),
      level: event.level,
      kind: event.kind,
      object: event.object,
      text: event.text,
      fields: event.fields,
      changes,
    })),
  });
}

function subjectOf({ alerts }: AlertBatch, node: string): string {
  const worst = alerts.find(({ event }) => event.level === "error" || event.level === "warning") ?? alerts[0]!;
  const more = alerts.length > 1 ? ` (and ${alerts.length - 1} more)` : "";
  const start = `[${safeText(node)}] ${sentence(worst.event)}`;
  const room = SUBJECT_CHARACTERS_MAX - more.length;
  return (start.length > room ? `${start.slice(0, room - 1).toWellFormed()}…` : start) + more;
}

/** The object first, once: most texts begin with it. */
function sentence({ kind, object, text }: BallastEvent): string {
  const words = safeText(text);
  const name = safeText(object);
  return name === "" || words.startsWith(name) ? `${kind}: ${words}` : `${kind}: ${name} ${words}`;
}

/** `+05:30`; nothing for UTC itself. */
function zoneText(minutes: number): string {
  if (minutes === 0) return "";
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${twoDigits(Math.floor(size / 60))}:${twoDigits(size % 60)}`;
}

function changesText(changes: number): string {
  return changes > 1 ? ` (${changes} changes; this is the last)` : "";
}

function omittedLines({ omitted }: AlertBatch): readonly string[] {
  return omitted > 0 ? [`further events, not listed: ${omitted}; see ballast events`] : [];
}
