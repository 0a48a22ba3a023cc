/** Every key of the normal mode in one table: what it does, where, and how `?` and the bottom line say it. */
import { type ViewName, viewNames } from "./model.ts";

export type Action =
  | "help"
  | "quit"
  | "close"
  | "quit_now"
  | "suspend"
  | "redraw"
  | "up"
  | "down"
  | "page_up"
  | "page_down"
  | "half_up"
  | "half_down"
  | "first"
  | "last"
  | "next_pane"
  | "previous_pane"
  | "open"
  | "fold"
  | "unfold"
  | "filter"
  | "command"
  | "sort"
  | "sort_reverse"
  | "pause"
  | "faster"
  | "slower"
  | "window"
  | "zoom"
  | "copy"
  | "next_problem"
  | "previous_problem"
  | "undo"
  | "mark"
  | "drain"
  | "maint"
  | "ready"
  | "weight"
  | "failover"
  | "resume"
  | `view_${ViewName}`;

export interface KeyRow {
  readonly keys: readonly string[];
  readonly action: Action;
  readonly help: string;
  /** The word in the bottom line; absent: only in the help. */
  readonly footer?: string;
  /** Screens where it works; absent: all. */
  readonly views?: readonly ViewName[];
  /** Changes something: refused when read-only. */
  readonly writes?: boolean;
}

const trees = ["backends"] as const;
const lists = ["frontends", "backends", "vrrp", "events", "config"] as const;
const opening = ["overview", "frontends", "backends", "vrrp", "events"] as const;
const sortable = ["frontends", "backends", "vrrp"] as const;
const detailed = ["frontends", "backends", "vrrp"] as const;

const viewKeys = viewNames.map((view, index): KeyRow => ({
  keys: [String(index + 1)],
  action: `view_${view}`,
  help: `the ${view} screen`,
}));

/** In the order of the help; the bottom line takes them in this order too. */
export const keyTable: readonly KeyRow[] = [
  { keys: ["d"], action: "drain", help: "drain: no new sessions", footer: "drain", views: trees, writes: true },
  { keys: ["m"], action: "maint", help: "maintenance", footer: "maint", views: ["backends", "vrrp"], writes: true },
  { keys: ["e"], action: "ready", help: "ready: back into service", footer: "ready", views: trees, writes: true },
  { keys: ["w"], action: "weight", help: "weight", footer: "weight", views: trees, writes: true },
  { keys: ["space"], action: "mark", help: "mark for one common order", footer: "mark", views: trees, writes: true },
  {
    keys: ["f"],
    action: "failover",
    help: "hand the address to the peer",
    footer: "fail over",
    views: ["vrrp"],
    writes: true,
  },
  { keys: ["e"], action: "resume", help: "resume after maintenance", footer: "resume", views: ["vrrp"], writes: true },
  { keys: ["U"], action: "undo", help: "undo the last order (10 s)", footer: "undo", writes: true },
  { keys: ["j", "down"], action: "down", help: "down" },
  { keys: ["k", "up"], action: "up", help: "up" },
  { keys: ["pagedown", "ctrl-f"], action: "page_down", help: "a page down" },
  { keys: ["pageup", "ctrl-b"], action: "page_up", help: "a page up" },
  { keys: ["ctrl-d"], action: "half_down", help: "half a page down" },
  { keys: ["ctrl-u"], action: "half_up", help: "half a page up" },
  { keys: ["g", "home"], action: "first", help: "first row" },
  { keys: ["G", "end"], action: "last", help: "last row; in the events: follow" },
  { keys: ["tab"], action: "next_pane", help: "next pane", footer: "pane", views: ["overview"] },
  { keys: ["shift-tab"], action: "previous_pane", help: "previous pane", views: ["overview"] },
  { keys: ["enter"], action: "open", help: "open, fold, jump to the object", footer: "open", views: opening },
  { keys: ["left", "h"], action: "fold", help: "fold the backend", views: trees },
  { keys: ["right", "l"], action: "unfold", help: "unfold the backend", views: trees },
  { keys: ["n"], action: "next_problem", help: "next problem" },
  { keys: ["N"], action: "previous_problem", help: "previous problem" },
  { keys: ["/"], action: "filter", help: "filter: text or regex, !not, ~fuzzy", footer: "filter", views: lists },
  { keys: ["s"], action: "sort", help: "next sort order", footer: "sort", views: sortable },
  { keys: ["S"], action: "sort_reverse", help: "reverse the order", views: sortable },
  { keys: ["z"], action: "zoom", help: "detail over the whole screen", footer: "zoom", views: detailed },
  {
    keys: ["t"],
    action: "window",
    help: "time window of the graphs",
    footer: "window",
    views: ["overview", "backends"],
  },
  { keys: ["p"], action: "pause", help: "freeze the figures", footer: "pause" },
  { keys: ["+", "="], action: "faster", help: "look more often" },
  { keys: ["-"], action: "slower", help: "look less often" },
  { keys: ["y"], action: "copy", help: "copy the name (OSC 52)" },
  { keys: ["r", "ctrl-l"], action: "redraw", help: "draw again" },
  ...viewKeys,
  { keys: [":"], action: "command", help: "command, Tab completes", footer: "command" },
  { keys: ["?"], action: "help", help: "this help", footer: "help" },
  { keys: ["escape"], action: "close", help: "close, clear; never quits" },
  { keys: ["q"], action: "quit", help: "close; at the top level quit", footer: "quit" },
  { keys: ["ctrl-c"], action: "quit_now", help: "quit the TUI, the daemon runs on" },
  { keys: ["ctrl-z"], action: "suspend", help: "suspend" },
];

/** The row that a key means on a screen; null: none. */
export function keyRow(key: string, view: ViewName): KeyRow | null {
  return keyTable.find((row) => row.keys.includes(key) && worksIn(row, view)) ?? null;
}

export function worksIn(row: KeyRow, view: ViewName): boolean {
  return row.views === undefined || row.views.includes(view);
}

const shownNames: Readonly<Record<string, string>> = {
  up: "Up",
  down: "Down",
  left: "Left",
  right: "Right",
  pageup: "PgUp",
  pagedown: "PgDn",
  home: "Home",
  end: "End",
  tab: "Tab",
  "shift-tab": "S-Tab",
  enter: "Enter",
  escape: "Esc",
  space: "Space",
};

/** `ctrl-d` → `Ctrl-d`. */
export function keyName(key: string): string {
  return shownNames[key] ?? (key.startsWith("ctrl-") ? `Ctrl-${key.slice(5)}` : key);
}
