/** What each action of the key table does to the model. Pure. */
import { unreachable } from "../src/lib/result.ts";
import type { Action } from "./keys.ts";
import {
  activeList,
  currentSnapshot,
  EVENTS_MAX,
  historyWindows,
  type ListName,
  type Model,
  overviewLists,
  REFRESH_STEPS_MS,
  type Step,
  type ViewName,
} from "./model.ts";
import { goTo, locateObject } from "./navigate.ts";
import { notify } from "./notice.ts";
import { orderServers, orderVrrp, orderWeight } from "./reduce-order.ts";
import { backendRows, cursorIndex, eventRows, rowKeys, selectedKey, sortNames } from "./rows.ts";

/** Rows of the screen that are not the list: bars, borders, head. */
const CHROME_ROWS = 8;

export function performAction(model: Model, action: Action): Step {
  switch (action) {
    case "quit_now":
      return { model, effects: [{ kind: "quit" }] };
    case "suspend":
      return { model, effects: [{ kind: "suspend" }] };
    case "redraw":
      return { model, effects: [{ kind: "redraw" }, { kind: "refresh" }] };
    case "quit":
      return quit(model);
    case "copy":
      return copy(model);
    case "undo":
      return undo(model);
    case "pause":
      return pause(model);
    case "faster":
      return setRefresh(model, -1);
    case "slower":
      return setRefresh(model, 1);
    case "view_config":
      return { model: show(model, "config"), effects: model.config === null ? [{ kind: "load_config" }] : [] };
    default:
      return { model: change(model, action), effects: [] };
  }
}

type QuietAction = Exclude<
  Action,
  "quit_now" | "suspend" | "redraw" | "quit" | "copy" | "undo" | "pause" | "faster" | "slower" | "view_config"
>;

/** The actions that need nothing from outside. */
function change(model: Model, action: QuietAction): Model {
  const page = Math.max(1, model.size.rows - CHROME_ROWS);
  switch (action) {
    case "help":
      return { ...model, layer: { kind: "help", top: 0 } };
    case "close":
      return closeTop(model).model;
    case "up":
      return move(model, -1);
    case "down":
      return move(model, 1);
    case "page_up":
      return move(model, -page);
    case "page_down":
      return move(model, page);
    case "half_up":
      return move(model, -Math.ceil(page / 2));
    case "half_down":
      return move(model, Math.ceil(page / 2));
    case "first":
      return move(model, Number.NEGATIVE_INFINITY);
    case "last":
      return toLast(model);
    case "next_pane":
      return switchPane(model, 1);
    case "previous_pane":
      return switchPane(model, -1);
    case "open":
      return open(model);
    case "fold":
      return setFolded(model, true);
    case "unfold":
      return setFolded(model, false);
    case "filter":
      return startFilter(model);
    case "command":
      return { ...model, layer: { kind: "command", text: "", problem: "" } };
    case "sort":
      return nextSort(model);
    case "sort_reverse":
      return reverseSort(model);
    case "window":
      return { ...model, window: (model.window + 1) % historyWindows.length };
    case "zoom":
      return { ...model, zoomed: !model.zoomed };
    case "next_problem":
      return gotoProblem(model, 1);
    case "previous_problem":
      return gotoProblem(model, -1);
    case "mark":
      return mark(model);
    case "drain":
      return orderServers(model, "drain");
    case "maint":
      return model.view === "vrrp" ? orderVrrp(model, "maint") : orderServers(model, "maint");
    case "ready":
      return orderServers(model, "ready");
    case "weight":
      return orderWeight(model);
    case "failover":
    case "resume":
      return orderVrrp(model, action);
    case "view_overview":
      return show(model, "overview");
    case "view_frontends":
      return show(model, "frontends");
    case "view_backends":
      return show(model, "backends");
    case "view_vrrp":
      return show(model, "vrrp");
    case "view_events":
      return show(model, "events");
    default:
      return unreachable(action);
  }
}

function show(model: Model, view: ViewName): Model {
  return { ...model, view, zoomed: false };
}

/** Closes the innermost thing; closed is false when nothing was open. */
function closeTop(model: Model): { readonly model: Model; readonly closed: boolean } {
  if (model.zoomed) return { model: { ...model, zoomed: false }, closed: true };
  if (model.marked.size > 0) return { model: { ...model, marked: new Set() }, closed: true };
  const list = activeList(model);
  if (model.filters[list] !== "") return { model: setListFilter(model, list, ""), closed: true };
  if (model.notice !== null) return { model: { ...model, notice: null }, closed: true };
  return { model, closed: false };
}

function quit(model: Model): Step {
  const top = closeTop({ ...model, notice: null });
  if (top.closed) return { model: top.model, effects: [] };
  if (model.view !== "overview") return { model: show(model, "overview"), effects: [] };
  return { model, effects: [{ kind: "quit" }] };
}

function move(model: Model, by: number): Model {
  const list = activeList(model);
  const keys = rowKeys(model, list);
  if (keys.length === 0) return model;
  const at = cursorIndex(model.cursors[list], keys, list);
  return setCursor(model, list, keys, Math.max(0, Math.min(keys.length - 1, at + by)));
}

function toLast(model: Model): Model {
  // In the events no key means "on the newest": the list follows again.
  if (model.view === "events") return { ...model, cursors: { ...model.cursors, events: { key: null, index: 0 } } };
  return move(model, Number.POSITIVE_INFINITY);
}

function setCursor(model: Model, list: ListName, keys: readonly string[], index: number): Model {
  return { ...model, cursors: { ...model.cursors, [list]: { key: keys[index] ?? null, index } } };
}

function switchPane(model: Model, by: number): Model {
  const at = overviewLists.indexOf(model.overviewList);
  const next = overviewLists[(at + by + overviewLists.length) % overviewLists.length];
  return { ...model, overviewList: next };
}

function open(model: Model): Model {
  const key = selectedKey(model);
  if (key === null) return model;
  switch (model.view) {
    case "overview":
      return goTo(model, { list: overviewTarget(model), key });
    case "backends":
      return openBackendRow(model, key);
    case "frontends":
    case "vrrp":
      return { ...model, zoomed: !model.zoomed };
    case "events": {
      const event = eventRows(model).find((row) => String(row.id) === key);
      const place = event === undefined ? null : locateObject(model, event.object);
      return place === null
        ? notify(model, "this event belongs to no object that is still there", "warn")
        : goTo(model, place);
    }
    case "config":
      return model;
    default:
      return unreachable(model.view);
  }
}

function overviewTarget(model: Model): "frontends" | "backends" | "vrrp" {
  if (model.overviewList === "overview.frontends") return "frontends";
  return model.overviewList === "overview.backends" ? "backends" : "vrrp";
}

function openBackendRow(model: Model, key: string): Model {
  const row = backendRows(model).find((each) => each.key === key);
  if (row?.kind === "backend") return setFolded(model, !row.folded);
  return { ...model, zoomed: !model.zoomed };
}

function setFolded(model: Model, folded: boolean): Model {
  const key = selectedKey(model);
  const row = backendRows(model).find((each) => each.key === key);
  if (row === undefined) return model;
  const next = new Set(model.folded);
  if (folded) next.add(row.backend.name);
  else next.delete(row.backend.name);
  const index = model.cursors.backends.index;
  return {
    ...model,
    folded: next,
    cursors: { ...model.cursors, backends: { key: folded ? row.backend.name : row.key, index } },
  };
}

function startFilter(model: Model): Model {
  const before = model.filters[activeList(model)];
  return { ...model, layer: { kind: "filter", text: before, before } };
}

function setListFilter(model: Model, list: ListName, text: string): Model {
  return { ...model, filters: { ...model.filters, [list]: text } };
}

function nextSort(model: Model): Model {
  const list = activeList(model);
  const count = sortNames(list).length;
  if (count === 0) return model;
  const order = (model.sortings[list].order + 1) % count;
  return { ...model, sortings: { ...model.sortings, [list]: { order, reverse: false } } };
}

function reverseSort(model: Model): Model {
  const list = activeList(model);
  const sorting = model.sortings[list];
  return { ...model, sortings: { ...model.sortings, [list]: { ...sorting, reverse: !sorting.reverse } } };
}

function gotoProblem(model: Model, by: number): Model {
  const problems = currentSnapshot(model)?.problems ?? [];
  if (problems.length === 0) return notify(model, "no problems", "good");
  const start = model.problem < 0 && by < 0 ? 0 : model.problem;
  const next = (start + by + problems.length) % problems.length;
  const problem = problems[next];
  const place = locateObject(model, problem.object);
  const there = place === null ? notify(model, problem.text, "warn") : goTo(model, place);
  return { ...there, problem: next };
}

function mark(model: Model): Model {
  const key = selectedKey(model);
  const row = backendRows(model).find((each) => each.key === key);
  if (row === undefined) return model;
  const keys =
    row.kind === "server" ? [row.key] : row.backend.servers.map((server) => `${row.backend.name}/${server.name}`);
  const next = new Set(model.marked);
  const all = keys.every((each) => next.has(each));
  for (const each of keys) {
    if (all) next.delete(each);
    else next.add(each);
  }
  return move({ ...model, marked: next }, row.kind === "server" ? 1 : 0);
}

function undo(model: Model): Step {
  const last = model.undo;
  if (last === null || last.untilMs <= model.nowMs) {
    return { model: notify({ ...model, undo: null }, "nothing to undo", "warn"), effects: [] };
  }
  const order = { label: `undo ${last.label}`, requests: last.requests, undo: [] };
  return { model: { ...model, undo: null }, effects: [{ kind: "order", order }] };
}

function pause(model: Model): Step {
  if (!model.paused) return { model: { ...model, paused: true }, effects: [] };
  const events = [...model.events, ...model.heldEvents].slice(-EVENTS_MAX);
  return { model: { ...model, paused: false, events, heldEvents: [] }, effects: [{ kind: "refresh" }] };
}

function setRefresh(model: Model, by: number): Step {
  const at = REFRESH_STEPS_MS.findIndex((stepMs) => stepMs >= model.refreshMs);
  const from = at < 0 ? REFRESH_STEPS_MS.length - 1 : at;
  const refreshMs = REFRESH_STEPS_MS[Math.max(0, Math.min(REFRESH_STEPS_MS.length - 1, from + by))];
  return { model: { ...model, refreshMs }, effects: [{ kind: "set_refresh", refreshMs }] };
}

function copy(model: Model): Step {
  const key = selectedKey(model);
  if (key === null) return { model, effects: [] };
  const text = model.view === "events" ? (eventRows(model).find((row) => String(row.id) === key)?.text ?? key) : key;
  return { model: notify(model, `copied: ${text}`, "plain"), effects: [{ kind: "copy", text }] };
}
