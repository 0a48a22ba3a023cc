/** The model's one way forward: a message in, a new model and effects out. Pure. */
import type { Snapshot } from "../src/admin/api.ts";
import { unreachable } from "../src/lib/result.ts";
import { remember } from "./history.ts";
import { EVENTS_MAX, type Message, type Model, NOTICE_MS, SNAPSHOTS_MAX, type Step, UNDO_MS } from "./model.ts";
import { ratesBetween } from "./rates.ts";
import { reduceKey, reducePaste } from "./reduce-key.ts";

export function reduce(model: Model, message: Message): Step {
  switch (message.kind) {
    case "snapshot":
      return withConfig(model, onSnapshot(model, message));
    case "lost":
      return still(onLost(model, message));
    case "events":
      return still(onEvents(model, message));
    case "config":
      return still({ ...model, config: message.lines });
    case "reply":
      return onReply(model, message);
    case "tick":
      return still(onTick(model, message.nowMs));
    case "resize":
      return still({ ...model, size: message.size });
    case "key":
      return reduceKey(model, message.key);
    case "paste":
      return still(reducePaste(model, message.text));
    default:
      return unreachable(message);
  }
}

function still(model: Model): Step {
  return { model, effects: [] };
}

function onSnapshot(model: Model, message: Extract<Message, { kind: "snapshot" }>): Model {
  const { snapshot, nowMs } = message;
  const back: Partial<Model> =
    model.link.state === "lost"
      ? { notice: { text: "connected to the daemon again", tone: "good", untilMs: nowMs + NOTICE_MS } }
      : {};
  const alive: Model = { ...model, ...back, nowMs, link: { state: "live" } };
  // Frozen figures stay; permissions and the link do not wait.
  if (model.paused && model.snapshots.length > 0) return alive;
  const snapshots = [...model.snapshots, snapshot].slice(-SNAPSHOTS_MAX);
  const previous = model.snapshots.at(-1);
  if (previous === undefined) return { ...alive, snapshots };
  const rates = ratesBetween(snapshots[0], previous, snapshot);
  const restarted = previous.startedWallMs !== snapshot.startedWallMs;
  return {
    ...alive,
    snapshots: restarted ? [snapshot] : snapshots,
    // An order to the daemon before this one is not there to be taken back.
    undo: restarted ? null : model.undo,
    rates,
    history: remember(model.history, snapshot, rates),
    config: sameConfig(previous, snapshot) ? model.config : null,
  };
}

function sameConfig(previous: Snapshot, snapshot: Snapshot): boolean {
  const before = previous.config;
  const now = snapshot.config;
  return before.generation === now.generation && before.hash === now.hash && before.loadedWallMs === now.loadedWallMs;
}

/** A configuration that is on the screen and was replaced in the daemon is asked for again. */
function withConfig(before: Model, model: Model): Step {
  const outdated = before.config !== null && model.config === null && model.view === "config";
  return { model, effects: outdated ? [{ kind: "load_config" }] : [] };
}

function onLost(model: Model, message: Extract<Message, { kind: "lost" }>): Model {
  const sinceMs = model.link.state === "lost" ? model.link.sinceMs : message.nowMs;
  return { ...model, nowMs: message.nowMs, link: { state: "lost", sinceMs, error: message.error } };
}

function onEvents(model: Model, message: Extract<Message, { kind: "events" }>): Model {
  if (model.paused) {
    return { ...model, heldEvents: [...model.heldEvents, ...message.events].slice(-EVENTS_MAX) };
  }
  // A daemon that started again counts from the beginning: its events are new, whatever their numbers.
  return { ...model, events: [...model.events, ...message.events].slice(-EVENTS_MAX) };
}

function onReply(model: Model, message: Extract<Message, { kind: "reply" }>): Step {
  const { order, outcome, nowMs } = message;
  if (!outcome.ok) {
    const carried = order.undo.slice(0, outcome.done);
    const before = outcome.done > 0 ? `${outcome.done} of ${order.requests.length} done, then: ` : "";
    return {
      model: {
        ...model,
        nowMs,
        notice: { text: `${before}${outcome.text}`, tone: "bad", untilMs: nowMs + NOTICE_MS },
        undo: carried.length > 0 ? { label: order.label, requests: carried, untilMs: nowMs + UNDO_MS } : null,
      },
      effects: [{ kind: "refresh" }],
    };
  }
  return {
    model: {
      ...model,
      nowMs,
      marked: new Set(),
      notice: { text: outcome.reply.text, tone: "good", untilMs: nowMs + NOTICE_MS },
      undo: order.undo.length > 0 ? { label: order.label, requests: order.undo, untilMs: nowMs + UNDO_MS } : null,
    },
    effects: [{ kind: "refresh" }],
  };
}

function onTick(model: Model, nowMs: number): Model {
  const notice = model.notice !== null && model.notice.untilMs <= nowMs ? null : model.notice;
  const undo = model.undo !== null && model.undo.untilMs <= nowMs ? null : model.undo;
  return { ...model, nowMs, notice, undo };
}
