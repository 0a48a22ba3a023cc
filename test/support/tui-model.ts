/** A TUI model that has looked twice at the fake appliance, for tests of reducer and frames. */
import type { Snapshot } from "../../src/admin/api.ts";
import { type Effect, initialModel, type Message, type Model, type ViewName } from "../../tui/model.ts";
import { reduce } from "../../tui/reduce.ts";
import { FAKE_NOW_MS, fakeEvents, fakeSnapshot } from "./fake-snapshot.ts";
import { advanced } from "./fake-daemon.ts";

export interface FakeModelOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly view?: ViewName;
  readonly readonly?: boolean;
  readonly snapshot?: Snapshot;
}

/** Live, with rates, a minute of history and three events. */
export function fakeModel(options: FakeModelOptions = {}): Model {
  const first = options.snapshot ?? fakeSnapshot();
  let model = initialModel({
    size: { columns: options.columns ?? 120, rows: options.rows ?? 36 },
    socket: "/run/ballast/ballast.sock",
    readonly: options.readonly ?? false,
    offsetMinutes: 0,
    nowMs: FAKE_NOW_MS,
    refreshMs: 1_000,
    view: options.view ?? "overview",
    filter: "",
  });
  let snapshot = first;
  model = reduce(model, { kind: "events", events: fakeEvents() }).model;
  for (let second = 0; second < 60; second++) {
    model = reduce(model, { kind: "snapshot", snapshot, nowMs: snapshot.wallMs }).model;
    // Two uneven steps, so that the graphs have a shape.
    snapshot = advanced(snapshot, 1_000, 0.5 + (second % 12) / 12);
  }
  return model;
}

export interface Pressed {
  readonly model: Model;
  readonly effects: readonly Effect[];
}

/** Presses keys one after the other: words are typed letter by letter, names in <> are single keys. */
export function press(model: Model, ...inputs: readonly string[]): Pressed {
  let current = model;
  const effects: Effect[] = [];
  for (const input of inputs) {
    const keys = input.startsWith("<") ? [input.slice(1, -1)] : [...input].map((key) => (key === " " ? "space" : key));
    for (const key of keys) {
      const step = reduce(current, { kind: "key", key });
      current = step.model;
      effects.push(...step.effects);
    }
  }
  return { model: current, effects };
}

export function receive(model: Model, message: Message): Model {
  return reduce(model, message).model;
}
