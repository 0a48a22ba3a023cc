/** When this node was master and when backup, from the events that the daemon still remembers. */
import type { BallastEvent, VrrpStateName, VrrpStatus } from "../../src/admin/api.ts";
import { fitCells } from "../../src/lib/display-width.ts";
import { formatAge } from "../../src/lib/humanize.ts";
import { currentSnapshot, type Model } from "../model.ts";
import { spread } from "../text.ts";
import type { Theme } from "../theme.ts";

const SPAN_MS_MAX = 24 * 3_600_000;
const SPAN_MS_MIN = 60_000;
const LABEL_CELLS = 8;
const stateNames: readonly string[] = ["init", "backup", "master", "fault", "maint"];

interface Change {
  readonly atMs: number;
  readonly from: VrrpStateName | null;
  readonly to: VrrpStateName;
}

/** A bar for each of the two states and the axis. The time before this daemon started is left blank: nobody looked. */
export function timelineLines(model: Model, theme: Theme, row: VrrpStatus, width: number): readonly string[] {
  const snapshot = currentSnapshot(model);
  if (snapshot === null) return [];
  const nowMs = snapshot.wallMs;
  const changes = changesOf(model.events, row, snapshot.startedWallMs);
  const oldestMs = changes[0]?.atMs ?? row.sinceWallMs;
  // A little before the oldest change, so that what it changed from is seen.
  const known = Math.max(nowMs - snapshot.startedWallMs, SPAN_MS_MIN);
  const spanMs = Math.min(SPAN_MS_MAX, known, Math.max(SPAN_MS_MIN, (nowMs - oldestMs) * 1.15));
  const cells = Math.max(0, width - LABEL_CELLS);
  const states = Array.from({ length: cells }, (_, index) =>
    stateAt(changes, row, snapshot.startedWallMs, nowMs - spanMs + ((index + 0.5) / cells) * spanMs),
  );
  const full = theme.unicode ? "█" : "#";
  const light = theme.unicode ? "░" : ".";
  const bar = (isOn: (state: VrrpStateName) => boolean): string =>
    states.map((state) => (state === null ? " " : isOn(state) ? full : light)).join("");
  const mine = theme.paint(
    "good",
    bar((state) => state === "master"),
  );
  return [
    `${fitCells("MASTER", LABEL_CELLS)}${mine}`,
    `${fitCells("BACKUP", LABEL_CELLS)}${bar((state) => state === "backup")}`,
    `${" ".repeat(LABEL_CELLS)}${spread(theme, theme.paint("quiet", `${formatAge(spanMs)} ago`), theme.paint("quiet", "now"), cells)}`,
  ];
}

/** The TUI may remember events of a daemon that ran before this one; how that one ended is not among them. */
function changesOf(events: readonly BallastEvent[], row: VrrpStatus, startedWallMs: number): readonly Change[] {
  const changes: Change[] = [];
  for (const event of events) {
    if (event.kind !== "vrrp.state" || event.object !== row.instance || event.wallMs < startedWallMs) continue;
    const to = stateName(event.fields["to"]);
    if (to !== null) changes.push({ atMs: event.wallMs, from: stateName(event.fields["from"]), to });
  }
  return changes;
}

function stateAt(
  changes: readonly Change[],
  row: VrrpStatus,
  startedWallMs: number,
  atMs: number,
): VrrpStateName | null {
  if (atMs < startedWallMs) return null;
  if (atMs >= row.sinceWallMs) return row.state;
  let state: VrrpStateName | null = changes[0]?.from ?? null;
  for (const change of changes) {
    if (change.atMs > atMs) break;
    state = change.to;
  }
  return state;
}

function stateName(value: string | number | undefined): VrrpStateName | null {
  return typeof value === "string" && stateNames.includes(value) ? (value as VrrpStateName) : null;
}
