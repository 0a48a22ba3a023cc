/** What the TUI knows and shows at one moment, and everything that can happen to it. */
import type { BallastEvent, Reply, Request, ServerStatus, Snapshot } from "../src/admin/api.ts";
import type { ClientError } from "../src/admin/client.ts";
import type { Tone } from "../src/lib/text-table.ts";
import { EMPTY_HISTORY, type History } from "./history.ts";
import { NO_RATES, type Rates } from "./rates.ts";

export const viewNames = ["overview", "frontends", "backends", "vrrp", "events", "config"] as const;
export type ViewName = (typeof viewNames)[number];

/** The parts of the overview that take the cursor. */
export const overviewLists = ["overview.frontends", "overview.backends", "overview.vrrp"] as const;
export type OverviewList = (typeof overviewLists)[number];
export type ListName = Exclude<ViewName, "overview"> | OverviewList;

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export type Link =
  | { readonly state: "connecting" }
  | { readonly state: "live" }
  | { readonly state: "lost"; readonly sinceMs: number; readonly error: ClientError };

export interface Cursor {
  readonly key: string | null;
  /** Where the row stood, for when it disappears. */
  readonly index: number;
}

export interface Sorting {
  /** Index into the list's sort orders; 0 is the configuration's order. */
  readonly order: number;
  readonly reverse: boolean;
}

export interface ServerTarget {
  readonly backend: string;
  readonly server: string;
}

/** An order that the operator thinks about: what it would do is worked out anew at every look. */
export type Intent =
  | { readonly kind: "server"; readonly state: ServerStatus["admin"]; readonly targets: readonly ServerTarget[] }
  | { readonly kind: "weight"; readonly target: ServerTarget }
  | { readonly kind: "vrrp"; readonly order: "failover" | "maint" | "resume"; readonly instance: string }
  | { readonly kind: "reload" };

export type DialogField = "reason" | "typed" | "number";

export interface Dialog {
  readonly intent: Intent;
  readonly reason: string;
  readonly typed: string;
  readonly number: string;
  /** Which field takes the keys; null: y or n. */
  readonly field: DialogField | null;
}

/** Who has the keyboard. */
export type Layer =
  | { readonly kind: "none" }
  | { readonly kind: "help"; readonly top: number }
  | { readonly kind: "filter"; readonly text: string; readonly before: string }
  | { readonly kind: "command"; readonly text: string; readonly problem: string }
  | { readonly kind: "dialog"; readonly dialog: Dialog };

export interface Notice {
  readonly text: string;
  readonly tone: Tone;
  readonly untilMs: number;
}

export interface Undo {
  readonly label: string;
  readonly requests: readonly Request[];
  readonly untilMs: number;
}

export interface Model {
  readonly size: Size;
  readonly socket: string;
  /** --readonly; the daemon's own answer is in the snapshot. */
  readonly readonly: boolean;
  /** Minutes east of UTC. */
  readonly offsetMinutes: number;
  /** This machine's wall clock at the last message that carried it. */
  readonly nowMs: number;
  readonly refreshMs: number;
  readonly link: Link;
  /** Oldest first; the last one is shown. */
  readonly snapshots: readonly Snapshot[];
  readonly rates: Rates;
  readonly history: History;
  /** Oldest first. */
  readonly events: readonly BallastEvent[];
  /** Came while paused. */
  readonly heldEvents: readonly BallastEvent[];
  readonly config: readonly string[] | null;
  readonly view: ViewName;
  readonly overviewList: OverviewList;
  readonly cursors: Readonly<Record<ListName, Cursor>>;
  readonly filters: Readonly<Record<ListName, string>>;
  readonly sortings: Readonly<Record<ListName, Sorting>>;
  /** Backends whose servers are hidden. */
  readonly folded: ReadonlySet<string>;
  /** Servers picked for one common order, `backend/server`. */
  readonly marked: ReadonlySet<string>;
  readonly layer: Layer;
  readonly paused: boolean;
  /** Index into historyWindows. */
  readonly window: number;
  /** The detail has the whole screen. */
  readonly zoomed: boolean;
  readonly notice: Notice | null;
  readonly undo: Undo | null;
  readonly problem: number;
}

export type Message =
  | { readonly kind: "snapshot"; readonly snapshot: Snapshot; readonly nowMs: number }
  | { readonly kind: "lost"; readonly error: ClientError; readonly nowMs: number }
  | { readonly kind: "events"; readonly events: readonly BallastEvent[] }
  | { readonly kind: "config"; readonly lines: readonly string[] }
  | { readonly kind: "reply"; readonly order: SentOrder; readonly outcome: OrderOutcome; readonly nowMs: number }
  | { readonly kind: "tick"; readonly nowMs: number }
  | { readonly kind: "resize"; readonly size: Size }
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "paste"; readonly text: string };

export interface SentOrder {
  readonly label: string;
  readonly requests: readonly Request[];
  /** What takes it back; empty: nothing does. */
  readonly undo: readonly Request[];
}

/** done: how many of the order's requests the daemon carried out before it stopped. */
export type OrderOutcome =
  | { readonly ok: true; readonly reply: Extract<Reply, { ok: true }> }
  | { readonly ok: false; readonly text: string; readonly done: number };

/** What the shell around the reducer must do, in order. */
export type Effect =
  | { readonly kind: "quit" }
  | { readonly kind: "suspend" }
  | { readonly kind: "redraw" }
  | { readonly kind: "refresh" }
  | { readonly kind: "load_config" }
  | { readonly kind: "set_refresh"; readonly refreshMs: number }
  | { readonly kind: "copy"; readonly text: string }
  | { readonly kind: "order"; readonly order: SentOrder };

export interface Step {
  readonly model: Model;
  readonly effects: readonly Effect[];
}

export const historyWindows = [
  { label: "1 min", ms: 60_000 },
  { label: "5 min", ms: 300_000 },
  { label: "15 min", ms: 900_000 },
  { label: "1 h", ms: 3_600_000 },
] as const;

/** The chosen window, or a shorter one while the history does not fill it: a graph is never mostly empty. */
export function shownWindow(model: Model): (typeof historyWindows)[number] {
  const oldestMs = model.history.total.atMs[0] ?? 0;
  const ageMs = (model.history.total.atMs.at(-1) ?? 0) - oldestMs;
  const upToChosen = historyWindows.slice(0, model.window + 1);
  return upToChosen.find((each) => each.ms >= ageMs) ?? historyWindows[model.window];
}

/** Ten looks: percentiles over the last ten intervals are steady, and ten snapshots of 3,000 servers fit 60 MB. */
export const SNAPSHOTS_MAX = 10;
/** What a person scrolls through; the daemon keeps its own log. */
export const EVENTS_MAX = 1_000;
export const UNDO_MS = 10_000;
export const NOTICE_MS = 10_000;
export const REFRESH_STEPS_MS = [200, 500, 1_000, 2_000, 5_000, 10_000] as const;

export interface ModelOptions {
  readonly size: Size;
  readonly socket: string;
  readonly readonly: boolean;
  readonly offsetMinutes: number;
  readonly nowMs: number;
  readonly refreshMs: number;
  readonly view: ViewName;
  readonly filter: string;
}

export function initialModel(options: ModelOptions): Model {
  const { view, filter, ...rest } = options;
  const filters = perList("");
  return {
    ...rest,
    link: { state: "connecting" },
    snapshots: [],
    rates: NO_RATES,
    history: EMPTY_HISTORY,
    events: [],
    heldEvents: [],
    config: null,
    view,
    overviewList: "overview.backends",
    cursors: perList<Cursor>({ key: null, index: 0 }),
    filters: view === "overview" ? filters : { ...filters, [view]: filter },
    sortings: perList<Sorting>({ order: 0, reverse: false }),
    folded: new Set(),
    marked: new Set(),
    layer: { kind: "none" },
    paused: false,
    window: 1,
    zoomed: false,
    notice: null,
    undo: null,
    problem: -1,
  };
}

/** The look that is shown; null before the first. */
export function currentSnapshot(model: Model): Snapshot | null {
  return model.snapshots.at(-1) ?? null;
}

/** The list under the cursor. */
export function activeList(model: Model): ListName {
  return model.view === "overview" ? model.overviewList : model.view;
}

/** Whether orders are refused, by our own flag or by the daemon. */
export function isReadOnly(model: Model): boolean {
  return model.readonly || currentSnapshot(model)?.mayWrite === false;
}

function perList<Value>(value: Value): Readonly<Record<ListName, Value>> {
  return {
    frontends: value,
    backends: value,
    vrrp: value,
    events: value,
    config: value,
    "overview.frontends": value,
    "overview.backends": value,
    "overview.vrrp": value,
  };
}
