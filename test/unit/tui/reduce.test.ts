import { expect, test } from "bun:test";
import { fakeSnapshot, event, FAKE_NOW_MS } from "../../support/fake-snapshot.ts";
import { fakeModel, press, receive } from "../../support/tui-model.ts";
import { currentSnapshot, isReadOnly, type Model, type SentOrder } from "../../../tui/model.ts";
import { reduce } from "../../../tui/reduce.ts";
import { selectedKey } from "../../../tui/rows.ts";

function orderOf(pressed: {
  readonly effects: readonly { readonly kind: string; readonly order?: SentOrder }[];
}): SentOrder {
  const order = pressed.effects.find((effect) => effect.kind === "order")?.order;
  if (order === undefined) throw new Error("no order was sent");
  return order;
}

function atServer(key: string): Model {
  const model = fakeModel({ view: "backends" });
  return { ...model, cursors: { ...model.cursors, backends: { key, index: 0 } } };
}

test("key j moves down, fast typing moves as often, G and g go to the ends", () => {
  const model = fakeModel({ view: "backends" });
  expect(selectedKey(model)).toBe("app");
  expect(selectedKey(press(model, "jjk").model)).toBe("app/app1");
  expect(selectedKey(press(model, "G").model)).toBe("static/s4");
  expect(selectedKey(press(model, "Gg").model)).toBe("app");
});

test("cursor stays on its server when the order of the rows changes", () => {
  const sorted = press(atServer("app/app3"), "ss").model;
  expect(selectedKey(sorted)).toBe("app/app3");
});

test("cursor rests on the neighbour when its server disappears", () => {
  const model = press(atServer("app/app1"), "j").model;
  expect(selectedKey(model)).toBe("app/app2");
  const snapshot = currentSnapshot(model);
  if (snapshot === null) throw new Error("no snapshot");
  const [app, ...rest] = snapshot.backends;
  const without = { ...app, servers: app.servers.filter((server) => server.name !== "app2") };
  const later = { ...snapshot, wallMs: snapshot.wallMs + 1000, backends: [without, ...rest] };
  expect(selectedKey(receive(model, { kind: "snapshot", snapshot: later, nowMs: FAKE_NOW_MS }))).toBe("app/app3");
});

test("drain of a server that leaves less than half asks for its name and sends only then", () => {
  const wrong = press(atServer("app/app2"), "d", "app1", "<enter>");
  expect(wrong.effects).toEqual([]);
  expect(wrong.model.layer.kind).toBe("dialog");
  const right = press(atServer("app/app2"), "d", "app2", "<enter>");
  expect(orderOf(right).requests).toEqual([
    { op: "server", backend: "app", server: "app2", state: "drain", reason: "" },
  ]);
  expect(right.model.layer.kind).toBe("none");
});

test("ready needs y only, Enter is not a yes", () => {
  const model = atServer("static/s3");
  expect(press(model, "e", "<enter>").effects).toEqual([]);
  expect(press(model, "e", "n").model.layer.kind).toBe("none");
  expect(orderOf(press(model, "e", "y")).requests).toEqual([
    { op: "server", backend: "static", server: "s3", state: "ready", reason: "" },
  ]);
});

test("reason goes into the order and takes letters that are keys elsewhere", () => {
  const pressed = press(atServer("static/s3"), "e", "r", "quick nap y", "<tab>", "y");
  expect(orderOf(pressed).requests).toEqual([
    { op: "server", backend: "static", server: "s3", state: "ready", reason: "quick nap y" },
  ]);
});

test("dialog becomes severe while it is open when another server goes down", () => {
  const ready = { health: "up", checkStatus: "L7OK" } as const;
  const base = fakeSnapshot();
  const [app, ...rest] = base.backends;
  const healthy = {
    ...base,
    backends: [{ ...app, servers: app.servers.map((server) => ({ ...server, ...ready })) }, ...rest],
  };
  const start = fakeModel({ view: "backends", snapshot: healthy });
  const model = { ...start, cursors: { ...start.cursors, backends: { key: "app/app2", index: 0 } } };
  const open = press(model, "d").model;
  expect(orderOf(press(open, "y")).requests).toHaveLength(1);
  const snapshot = currentSnapshot(open);
  if (snapshot === null) throw new Error("no snapshot");
  const failing = snapshot.backends.map((backend) => ({
    ...backend,
    servers: backend.servers.map((server) =>
      server.name === "app3" ? { ...server, health: "down" as const } : server,
    ),
  }));
  const later = { ...snapshot, wallMs: snapshot.wallMs + 1000, backends: failing };
  const worse = receive(open, { kind: "snapshot", snapshot: later, nowMs: FAKE_NOW_MS });
  expect(press(worse, "y").effects).toEqual([]);
});

test("order of what is so already is refused in the dialog", () => {
  expect(press(atServer("static/s3"), "d", "y", "s3", "<enter>").effects).toEqual([]);
});

test("marks make one common order", () => {
  const model = atServer("static/s1");
  const pressed = press(model, " ", " ", "d", "static", "<enter>");
  expect(orderOf(pressed).requests.map((request) => request.op === "server" && request.server)).toEqual(["s1", "s2"]);
});

test("weight takes digits only and up to 256", () => {
  const model = atServer("static/s2");
  expect(press(model, "w", "300", "<enter>").effects).toEqual([]);
  expect(orderOf(press(model, "w", "7x5", "<enter>")).requests).toEqual([
    { op: "server_weight", backend: "static", server: "s2", weight: 75 },
  ]);
});

test("pasted text does not confirm by name and does nothing on a screen", () => {
  const open = press(atServer("app/app2"), "d").model;
  const pasted = receive(open, { kind: "paste", text: "app2" });
  expect(press(pasted, "<enter>").effects).toEqual([]);
  const screen = receive(atServer("app/app2"), { kind: "paste", text: "dyq" });
  expect(screen.layer.kind).toBe("none");
});

test("undo restores what was before, for ten seconds", () => {
  const sent = press(atServer("app/app2"), "d", "app2", "<enter>");
  const order = orderOf(sent);
  const nowMs = FAKE_NOW_MS + 60_000;
  const outcome = { ok: true, reply: { ok: true, text: "app/app2 drains" } } as const;
  const done = receive(sent.model, { kind: "reply", order, outcome, nowMs });
  expect(orderOf(press(done, "U")).requests).toEqual([
    { op: "server", backend: "app", server: "app2", state: "ready", reason: "undo" },
  ]);
  const late = receive(done, { kind: "tick", nowMs: nowMs + 10_000 });
  expect(press(late, "U").effects).toEqual([]);
});

test("reply of a refusal is shown and keeps the undo of what was carried out", () => {
  const sent = press(atServer("static/s1"), " ", " ", "d", "static", "<enter>");
  const order = orderOf(sent);
  const outcome = { ok: false, text: "busy", done: 1 } as const;
  const failed = receive(sent.model, { kind: "reply", order, outcome, nowMs: FAKE_NOW_MS });
  expect(failed.notice?.text).toBe("1 of 2 done, then: busy");
  expect(failed.undo?.requests).toHaveLength(1);
});

test("failover asks for the instance's name, and has nothing to hand over on a backup", () => {
  const model = fakeModel({ view: "vrrp" });
  expect(press(model, "f", "y").effects).toEqual([]);
  expect(orderOf(press(model, "f", "main", "<enter>")).requests).toEqual([
    { op: "vrrp", order: "failover", instance: "main" },
  ]);
  expect(press(model, "jj", "f", "db", "<enter>").effects).toEqual([]);
});

test("read-only refuses orders by key and by command, and says so", () => {
  const byFlag = fakeModel({ view: "backends", readonly: true });
  expect(press(byFlag, "j", "d").model.layer.kind).toBe("none");
  expect(press(byFlag, "j", "d").model.notice?.text).toContain("read-only");
  expect(press(byFlag, ":server drain app/app1", "<enter>").model.layer.kind).toBe("none");
  const byDaemon = fakeModel({ view: "backends", snapshot: { ...fakeSnapshot(), mayWrite: false } });
  expect(isReadOnly(byDaemon)).toBe(true);
  expect(press(byDaemon, "j", "m").model.layer.kind).toBe("none");
});

test("command line opens the same dialog as the key", () => {
  const model = fakeModel();
  const open = press(model, ":server drain app/app2 --reason kernel update", "<enter>").model;
  expect(open.layer.kind === "dialog" && open.layer.dialog.reason).toBe("kernel update");
  expect(orderOf(press(open, "app2", "<enter>")).requests).toHaveLength(1);
});

test("command line keeps a mistake on the line with the reason", () => {
  const { layer } = press(fakeModel(), ":sevrer drain", "<enter>").model;
  expect(layer.kind === "command" && layer.problem).toContain('did you mean "server"');
});

test("filter is live, Esc takes it back, Enter keeps it, Esc on the screen clears it", () => {
  const model = fakeModel({ view: "backends" });
  const typing = press(model, "/pg").model;
  expect(typing.filters.backends).toBe("pg");
  expect(press(typing, "<escape>").model.filters.backends).toBe("");
  const kept = press(typing, "<enter>").model;
  expect(kept.layer.kind).toBe("none");
  expect(press(kept, "<escape>").model.filters.backends).toBe("");
});

test("q closes what is open before it quits, Ctrl-C quits from anywhere", () => {
  const model = fakeModel({ view: "backends" });
  const once = press(model, "z", "q");
  expect(once.model.zoomed).toBe(false);
  expect(once.effects).toEqual([]);
  const twice = press(once.model, "q");
  expect(twice.model.view).toBe("overview");
  expect(press(twice.model, "q").effects).toEqual([{ kind: "quit" }]);
  expect(press(press(model, "j", "d").model, "<ctrl-c>").effects).toEqual([{ kind: "quit" }]);
});

test("escape never quits", () => {
  expect(press(fakeModel(), "<escape>", "<escape>", "<escape>").effects).toEqual([]);
});

test("n goes to the object of the problem even when a filter or a fold hides it", () => {
  const model = press(fakeModel({ view: "backends" }), "h", "/pg", "<enter>", "1", "n").model;
  expect(model.view).toBe("backends");
  expect(selectedKey(model)).toBe("app/app3");
});

test("Enter on an event jumps to its object, and says when there is none", () => {
  const model = fakeModel({ view: "events" });
  const jumped = press(model, "<enter>").model;
  expect(selectedKey(jumped)).toBe("app/app3");
  const nowhere = press(press(model, "k").model, "<enter>").model;
  expect(nowhere.view).toBe("events");
  expect(nowhere.notice).not.toBeNull();
});

test("events follow until the cursor is moved, and again after G", () => {
  const next = event(9, 0, "info", "test", "test.event", "", "later");
  const model = fakeModel({ view: "events" });
  expect(selectedKey(receive(model, { kind: "events", events: [next] }))).toBe("9");
  const moved = press(model, "k").model;
  expect(selectedKey(receive(moved, { kind: "events", events: [next] }))).toBe("2");
  expect(selectedKey(press(receive(moved, { kind: "events", events: [next] }), "G").model)).toBe("9");
});

test("events and snapshots stay within their limits", () => {
  let model = fakeModel();
  const many = Array.from({ length: 2_500 }, (_, index) => event(10 + index, 0, "info", "test", "test.event", "", "x"));
  model = receive(model, { kind: "events", events: many });
  expect(model.events).toHaveLength(1_000);
  expect(model.events.at(-1)?.id).toBe(2_509);
  expect(model.snapshots.length).toBeLessThanOrEqual(10);
});

test("pause freezes figures and holds events until it ends", () => {
  const paused = press(fakeModel(), "p").model;
  const before = currentSnapshot(paused);
  const later = { ...fakeSnapshot(), wallMs: FAKE_NOW_MS + 100_000 };
  let model = receive(paused, { kind: "snapshot", snapshot: later, nowMs: FAKE_NOW_MS });
  model = receive(model, { kind: "events", events: [event(9, 0, "info", "test", "test.event", "", "held")] });
  expect(currentSnapshot(model)).toBe(before);
  expect(model.events).toHaveLength(3);
  const going = press(model, "p");
  expect(going.model.events).toHaveLength(4);
  expect(going.effects).toEqual([{ kind: "refresh" }]);
});

test("lost daemon keeps the figures, counts from the first failure and reports its return", () => {
  const error = { kind: "no_daemon", text: "no daemon", help: "" } as const;
  let model = receive(fakeModel(), { kind: "lost", error, nowMs: FAKE_NOW_MS });
  model = receive(model, { kind: "lost", error, nowMs: FAKE_NOW_MS + 5_000 });
  expect(model.link.state === "lost" && model.link.sinceMs).toBe(FAKE_NOW_MS);
  expect(currentSnapshot(model)).not.toBeNull();
  const snapshot = { ...fakeSnapshot(), startedWallMs: FAKE_NOW_MS, wallMs: FAKE_NOW_MS + 90_000 };
  const back = receive(model, { kind: "snapshot", snapshot, nowMs: FAKE_NOW_MS + 6_000 });
  expect(back.link.state).toBe("live");
  expect(back.notice?.text).toContain("again");
  // Totals of another life give no rate.
  expect(back.rates.total.requests).toBeNull();
});

test("notice goes by itself", () => {
  const model = press(fakeModel({ view: "backends" }), "U").model;
  expect(model.notice?.text).toBe("nothing to undo");
  expect(receive(model, { kind: "tick", nowMs: model.nowMs + 10_000 }).notice).toBeNull();
});

test("config is asked for once and again after a reload", () => {
  const first = press(fakeModel(), "6");
  expect(first.effects).toEqual([{ kind: "load_config" }]);
  const loaded = receive(first.model, { kind: "config", lines: ["[global]"] });
  expect(press(loaded, "1", "6").effects).toEqual([]);
  const snapshot = currentSnapshot(loaded);
  if (snapshot === null) throw new Error("no snapshot");
  const reloaded = { ...snapshot, wallMs: snapshot.wallMs + 1000, config: { ...snapshot.config, generation: 4 } };
  const step = reduce(loaded, { kind: "snapshot", snapshot: reloaded, nowMs: FAKE_NOW_MS });
  expect(step.model.config).toBeNull();
  expect(step.effects).toEqual([{ kind: "load_config" }]);
});

test("every key on every screen leaves a model that can be pressed on", () => {
  const keys = [
    "j",
    "k",
    "G",
    "g",
    "<tab>",
    "<enter>",
    "<left>",
    "<right>",
    "/",
    "a",
    "<escape>",
    "s",
    "S",
    "z",
    "t",
    "p",
    "+",
    "-",
    "y",
    "n",
    "N",
    "U",
    " ",
    "d",
    "<escape>",
    "m",
    "<escape>",
    "e",
    "<escape>",
    "w",
    "1",
    "<escape>",
    "f",
    "<escape>",
    ":",
    "<tab>",
    "<escape>",
    "?",
    "j",
    "q",
    "<pageup>",
    "<pagedown>",
    "<ctrl-d>",
    "<ctrl-u>",
    "r",
  ];
  for (const view of ["overview", "frontends", "backends", "vrrp", "events", "config"] as const) {
    const empty = { ...fakeSnapshot(), frontends: [], backends: [], vrrp: [], problems: [] };
    for (const snapshot of [fakeSnapshot(), empty]) {
      const { model } = press(fakeModel({ view, snapshot }), ...keys);
      expect(model.layer.kind).toBe("none");
    }
  }
});
