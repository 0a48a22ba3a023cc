import { describe, expect, test } from "bun:test";
import { renderToString } from "ink";
import type { Snapshot, VrrpStateName } from "../../../src/admin/api.ts";
import { displayWidth } from "../../../src/lib/display-width.ts";
import { Frame } from "../../../tui/app.tsx";
import type { Model, ViewName } from "../../../tui/model.ts";
import { timelineLines } from "../../../tui/panes/vrrp-timeline.ts";
import { drawScreen } from "../../../tui/screen.ts";
import { unpaint } from "../../../tui/text.ts";
import { makeTheme } from "../../../tui/theme.ts";
import { fakeEvents, fakeSnapshot } from "../../support/fake-snapshot.ts";
import { expectGolden } from "../../support/golden.ts";
import { fakeModel, type FakeModelOptions, press, receive } from "../../support/tui-model.ts";

const plainTheme = makeTheme({ paint: "none", unicode: true });
const sizes = [
  { columns: 120, rows: 36 },
  { columns: 80, rows: 24 },
] as const;

/** What the terminal would show, line ends trimmed: blanks are checked by width elsewhere. */
function frame(model: Model, theme = plainTheme): string {
  const text = renderToString(<Frame model={model} theme={theme} />, { columns: model.size.columns });
  return `${text
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")}\n`;
}

const configLines = ["[global]", 'node = "lb1"', "", "[frontend.web]", 'bind = ["192.0.2.10:443"]'];

const scenes: Readonly<Record<string, (options: FakeModelOptions) => Model>> = {
  overview: (options) => fakeModel(options),
  frontends: (options) => fakeModel({ ...options, view: "frontends" }),
  backends: (options) => press(fakeModel({ ...options, view: "backends" }), "jj").model,
  "backends-zoomed": (options) => press(fakeModel({ ...options, view: "backends" }), "jjj", "z").model,
  "drain-dialog": (options) =>
    press(fakeModel({ ...options, view: "backends" }), "jj", "d", "<tab>", "kernel update").model,
  "weight-dialog": (options) => press(fakeModel({ ...options, view: "backends" }), "j", "w", "50").model,
  vrrp: (options) => fakeModel({ ...options, view: "vrrp" }),
  "failover-dialog": (options) => press(fakeModel({ ...options, view: "vrrp" }), "f").model,
  events: (options) => fakeModel({ ...options, view: "events" }),
  config: (options) => receive(fakeModel({ ...options, view: "config" }), { kind: "config", lines: configLines }),
  help: (options) => press(fakeModel({ ...options, view: "backends" }), "?").model,
};

describe.each([...sizes])("frame at $columns x $rows", ({ columns, rows }) => {
  test.each(Object.keys(scenes))("%s looks as drawn", async (name) => {
    await expectGolden(`tui/${name}.${columns}x${rows}.txt`, frame(scenes[name]({ columns, rows })));
  });
});

test("frame without Unicode holds ASCII only", async () => {
  const theme = makeTheme({ paint: "none", unicode: false });
  const text = frame(scenes["backends"]({ columns: 80, rows: 24 }), theme);
  expect(text.replace(/[ -~\n]/g, "")).toBe("");
  await expectGolden("tui/backends-ascii.80x24.txt", text);
});

test("every scene in ASCII holds ASCII only", () => {
  const theme = makeTheme({ paint: "none", unicode: false });
  for (const scene of Object.values(scenes)) expect(frame(scene({})).length).toBeGreaterThan(100);
  for (const scene of Object.values(scenes)) expect(frame(scene({}), theme).replace(/[ -~\n]/g, "")).toBe("");
});

test("drawScreen fills the terminal exactly at every size from 60x15", () => {
  const views: readonly ViewName[] = ["overview", "frontends", "backends", "vrrp", "events", "config"];
  const theme = makeTheme({ paint: "color", unicode: true });
  for (const view of views) {
    for (let columns = 60; columns <= 200; columns += 7) {
      for (const rows of [15, 16, 19, 24, 30, 36, 60]) {
        const { lines } = drawScreen(fakeModelOnce(view, columns, rows), theme);
        const bad = lines.filter((line) => line !== "" && displayWidth(unpaint(line)) > columns);
        expect({ view, columns, rows, count: lines.length, bad }).toEqual({
          view,
          columns,
          rows,
          count: rows,
          bad: [],
        });
      }
    }
  }
});

const onceByView = new Map<ViewName, Model>();

function fakeModelOnce(view: ViewName, columns: number, rows: number): Model {
  const model = onceByView.get(view) ?? fakeModel({ view });
  onceByView.set(view, model);
  return { ...model, size: { columns, rows } };
}

test("frame under 60x15 says so and names ballast status", () => {
  const text = frame(fakeModel({ columns: 50, rows: 12 }));
  expect(text).toContain("50x12");
  expect(text).toContain("60x15");
  expect(text).toContain("ballast status");
});

test("frame of an appliance without anything configured says what is missing", () => {
  const snapshot: Snapshot = { ...fakeSnapshot(), frontends: [], backends: [], vrrp: [], problems: [] };
  const text = frame(fakeModel({ snapshot }));
  expect(text).toContain("no frontend is configured");
  expect(text).toContain("no backend is configured");
  expect(text).toContain("no problems");
});

test("frame of a lost daemon names the socket and the age of the figures", () => {
  const model = fakeModel();
  const error = {
    kind: "no_daemon",
    text: "no daemon: nobody listens on /run/ballast/ballast.sock",
    help: "",
  } as const;
  const lost = receive(model, { kind: "lost", error, nowMs: model.nowMs });
  const text = frame(receive(lost, { kind: "tick", nowMs: model.nowMs + 12_000 }));
  expect(text).toContain("daemon lost 00:00:12 ago");
  expect(text).toContain("nobody listens on /run/ballast/ballast.sock");
  expect(text).toContain("figures of 21:35:57");
});

test("frame of a lost daemon does not say that its address is still here", () => {
  const model = fakeModel();
  const error = { kind: "no_daemon", text: "nobody listens", help: "" } as const;
  const [head] = frame(receive(model, { kind: "lost", error, nowMs: model.nowMs })).split("\n");
  expect(head).toContain("NO ANSWER   last seen: VIPs 2 MASTER 1 BACKUP");
  expect(head).not.toContain(" up ");
});

test.each([...sizes])("backends named by their address stay apart at $columns x $rows", (size) => {
  const base = fakeSnapshot();
  const [app] = base.backends;
  const named = (name: string) => ({ ...app.servers[0], name, address: name });
  const servers = [named("192.168.136.211:8080"), named("192.168.136.212:8080")];
  const snapshot = { ...base, backends: [{ ...app, servers }] };
  const text = frame(fakeModel({ ...size, view: "backends", snapshot }));
  for (const { name } of servers) expect(text).toContain(`● ${name}`);
});

type Change = readonly [agoMs: number, from: VrrpStateName, to: VrrpStateName];

const changes = (startedAgoMs: number, ...states: readonly [Change, ...Change[]]) => {
  const base = fakeSnapshot();
  const [instance] = base.vrrp;
  const last = states.at(-1) ?? states[0];
  const [agoMs, , state] = last;
  const now = { ...instance, state, sinceWallMs: base.wallMs - agoMs };
  const snapshot = { ...base, startedWallMs: base.wallMs - startedAgoMs, vrrp: [now] };
  const events = states.map(([agoMs, from, to], index) => ({
    ...fakeEvents()[0],
    id: 100 + index,
    wallMs: base.wallMs - agoMs,
    kind: "vrrp.state",
    object: instance.instance,
    fields: { from, to },
  }));
  return { snapshot, events, instance: snapshot.vrrp[0] };
};

function barsOf({ snapshot, events, instance }: ReturnType<typeof changes>): readonly string[] {
  const model: Model = { ...fakeModel({ view: "vrrp" }), snapshots: [snapshot], events };
  return timelineLines(model, plainTheme, instance, 68).map((line) => line.slice(8));
}

test("timelineLines of a daemon that started again leaves the time before it blank", () => {
  // Master in the life before this one, whose end nobody saw.
  const [master, backup] = barsOf(changes(10_000, [50_000, "backup", "master"], [10_000, "init", "backup"]));
  expect(master).toBe(`${" ".repeat(50)}${"░".repeat(10)}`);
  expect(backup).toBe(`${" ".repeat(50)}${"█".repeat(10)}`);
});

test("timelineLines shows a change where it happened", () => {
  const [master, backup] = barsOf(changes(60_000, [60_000, "init", "backup"], [30_000, "backup", "master"]));
  expect(master).toMatch(/^ *░+█+$/);
  expect(backup).toMatch(/^ *█+░+$/);
});

test("frame of a wrong command shows what was typed and what is wrong with it, however long", () => {
  const typed = ":server drain app/some-server-that-nobody-has-ever-heard-of-before";
  const lines = frame(press(fakeModel({ columns: 80, rows: 24 }), typed, "<enter>").model)
    .trimEnd()
    .split("\n");
  expect(lines.at(-1)).toMatch(/^ :server drain app\/some.*… no server "app\/some-server.*…/);
  const other = frame(press(fakeModel({ columns: 80, rows: 24 }), ":foo", "<enter>").model);
  expect(other).toContain('unknown command "foo"; server, vrrp, reload');
});

test("frame marks read-only and greys the keys that would change something", () => {
  const theme = makeTheme({ paint: "mono", unicode: true });
  const { lines } = drawScreen(fakeModel({ view: "backends", readonly: true }), theme);
  expect(unpaint(lines[0])).toContain("[RO]");
  expect(lines.at(-1)).toContain("\u001b[2md drain\u001b[0m");
});

test("frame shows hostile text without its controls", () => {
  const base = fakeSnapshot();
  const [app, ...rest] = base.backends;
  const [first, ...others] = app.servers;
  const hostile = { ...first, checkInfo: "\u001b[2J\u0007\u202eevil", name: "app1\u001b]0;x\u0007" };
  const snapshot = { ...base, backends: [{ ...app, servers: [hostile, ...others] }, ...rest], user: "al\u001b[31mice" };
  for (const view of ["overview", "backends", "events"] as const) {
    const { lines } = drawScreen(fakeModel({ view, snapshot }), plainTheme);
    // eslint-disable-next-line no-control-regex
    expect(lines.join("\n")).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  }
});

test("frame without colour says every state as a word", () => {
  const text = frame(scenes["backends"]({}));
  for (const word of ["UP", "DOWN", "DRAIN", "MAINT", "no check"]) expect(text).toContain(word);
});

test("a theme for NO_COLOR uses no colour", () => {
  const theme = makeTheme({ paint: "mono", unicode: true });
  for (const scene of Object.values(scenes)) {
    const { lines, dialog } = drawScreen(scene({}), theme);
    // eslint-disable-next-line no-control-regex
    const codes = [...lines, ...(dialog?.lines ?? [])].join("").match(/\u001b\[[\d;]*m/g) ?? [];
    expect(new Set(codes).difference(new Set(["\u001b[0m", "\u001b[1m", "\u001b[2m", "\u001b[7m"]))).toEqual(new Set());
  }
});

test("drawScreen of 3,000 servers formats only the rows that are seen", () => {
  const base = fakeSnapshot();
  const [app] = base.backends;
  const [sample] = app.servers;
  let asked = 0;
  const servers = Array.from({ length: 3_000 }, (_, index) => ({
    ...sample,
    name: `s${index}`,
    // Only the CHECK column and the detail read it.
    get checkDurationMs(): number {
      asked++;
      return 1;
    },
  }));
  const model = { ...fakeModelOnce("backends", 120, 36), snapshots: [{ ...base, backends: [{ ...app, servers }] }] };
  asked = 0;
  drawScreen(model, plainTheme);
  expect(asked).toBeGreaterThan(0);
  expect(asked).toBeLessThan(60);
});
