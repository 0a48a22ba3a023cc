import { expect, test } from "bun:test";
import type { ServerStatus, Snapshot } from "../../../src/admin/api.ts";
import { completeCommand, parseCommand } from "../../../tui/commands.ts";
import { type Evidence, predictState, predictWeight } from "../../../tui/predict.ts";
import { currentSnapshot, type Model } from "../../../tui/model.ts";
import { backendRows, frontendRows } from "../../../tui/rows.ts";
import { fakeSnapshot } from "../../support/fake-snapshot.ts";
import { fakeModel, press } from "../../support/tui-model.ts";

function evidence(snapshot: Snapshot = fakeSnapshot()): Evidence {
  const model = fakeModel({ snapshot });
  const current = currentSnapshot(model);
  if (current === null) throw new Error("no snapshot");
  return { snapshot: current, rates: model.rates, history: model.history };
}

function texts(lines: readonly { readonly text: string }[]): string {
  return lines.map((line) => line.text).join("\n");
}

/** The appliance with some servers of `app` changed. */
function withApp(edit: (server: ServerStatus) => Partial<ServerStatus>): Snapshot {
  const base = fakeSnapshot();
  const [app, ...rest] = base.backends;
  return {
    ...base,
    backends: [{ ...app, servers: app.servers.map((server) => ({ ...server, ...edit(server) })) }, ...rest],
  };
}

test("predictState of a drain counts what is left, names who is missing and who would carry the load", () => {
  const prediction = predictState(evidence(), [{ backend: "app", server: "app2" }], "drain");
  expect(prediction.severe).toBe(true);
  expect(texts(prediction.lines)).toContain("backend app goes from 2 to 1 active server of 3 (app3 is DOWN).");
  expect(texts(prediction.lines)).toMatch(/▲ app1 would carry [\d ]+ requests\/s; the most seen here is/);
  expect(texts(prediction.lines)).toContain("541 sessions finish on their own");
});

test("predictState of one of three is not severe", () => {
  const healthy = withApp(() => ({ health: "up" }));
  expect(predictState(evidence(healthy), [{ backend: "app", server: "app2" }], "drain").severe).toBe(false);
});

test("predictState of all servers says what clients will get", () => {
  const all = ["app1", "app2", "app3"].map((server) => ({ backend: "app", server }));
  const prediction = predictState(evidence(), all, "maint");
  expect(prediction.severe).toBe(true);
  expect(texts(prediction.lines)).toContain("nobody is left to serve app: new requests are answered 503");
});

test("predictState names the backup that takes over, and asks for the name", () => {
  const prediction = predictState(evidence(), [{ backend: "pg", server: "pg1" }], "maint");
  expect(prediction.severe).toBe(true);
  expect(texts(prediction.lines)).toContain("the backup takes over: pg2");
});

test("predictState of ready is never severe and warns about a server that is down", () => {
  const prediction = predictState(evidence(), [{ backend: "app", server: "app3" }], "ready");
  expect(prediction.severe).toBe(false);
  expect(texts(prediction.lines)).toContain("app3: DOWN now");
});

test("predictWeight tells the share before and after", () => {
  const prediction = predictWeight(evidence(), { backend: "app", server: "app1" }, 50);
  expect(texts(prediction.lines)).toBe("app1 gets 50 % of app now, 33 % then.");
  expect(prediction.severe).toBe(false);
});

test("predictWeight of 0 is a drain and as severe", () => {
  const prediction = predictWeight(evidence(), { backend: "app", server: "app1" }, 0);
  expect(prediction.severe).toBe(true);
  expect(texts(prediction.lines)).toContain("Weight 0 drains");
});

function keysOf(model: Model): readonly string[] {
  return backendRows(model).map((row) => row.key);
}

test("backendRows keep the backend of a matching server and all servers of a matching backend", () => {
  const model = fakeModel({ view: "backends" });
  expect(keysOf(press(model, "/app3").model)).toEqual(["app", "app/app3"]);
  expect(keysOf(press(model, "/leastconn").model)).toEqual(["app", "app/app1", "app/app2", "app/app3"]);
  expect(keysOf(press(model, "/maint").model)).toEqual(["static", "static/s4"]);
  expect(keysOf(press(model, "/nothing-like-it").model)).toEqual([]);
});

test("backendRows fold and unfold", () => {
  const folded = press(fakeModel({ view: "backends" }), "h").model;
  expect(keysOf(folded).slice(0, 2)).toEqual(["app", "pg"]);
  expect(keysOf(press(folded, "l").model).slice(0, 2)).toEqual(["app", "app/app1"]);
  expect(keysOf(press(folded, "<enter>").model).slice(0, 2)).toEqual(["app", "app/app1"]);
});

test("backendRows sorted worst first put broken backends and servers on top", () => {
  const model = press(fakeModel({ view: "backends" }), "ss").model;
  expect(keysOf(model).slice(0, 2)).toEqual(["static", "static/s3"]);
  expect(keysOf(press(model, "S").model)[0]).toBe("pg");
});

test("frontendRows filter by address", () => {
  const model = press(fakeModel({ view: "frontends" }), "/:5432").model;
  expect(frontendRows(model).map((row) => row.name)).toEqual(["pg"]);
});

test.each([
  ["be", { kind: "view", view: "backends" }],
  ["vrrp", { kind: "view", view: "vrrp" }],
  ["q", { kind: "quit" }],
  ["filter app 1", { kind: "filter", text: "app 1" }],
  ["reload", { kind: "intent", intent: { kind: "reload" }, reason: "", number: "" }],
  [
    "vrrp failover main",
    { kind: "intent", intent: { kind: "vrrp", order: "failover", instance: "main" }, reason: "", number: "" },
  ],
] as const)("parseCommand understands %p", (line, command) => {
  expect(parseCommand(line, fakeSnapshot())).toEqual({ ok: true, value: command });
});

test.each([
  ["bakends", 'did you mean "backends"'],
  ["server drian app/app1", 'did you mean "drain"'],
  ["server drain app/ap1", 'did you mean "app/app1"'],
  ["server drain", "BACKEND/SERVER is wanted"],
  ["vrrp failover mian", 'did you mean "main"'],
])("parseCommand says what is wrong with %p", (line, words) => {
  const parsed = parseCommand(line, fakeSnapshot());
  expect(!parsed.ok && parsed.error).toContain(words);
});

test.each([
  ["ser", "server "],
  ["server dr", "server drain "],
  ["server drain app/", "server drain app/app"],
  ["server drain pg/pg1", "server drain pg/pg1 "],
  ["vrrp failover m", "vrrp failover main "],
  ["xyz", "xyz"],
])("completeCommand makes %p to %p", (line, completed) => {
  expect(completeCommand(line, fakeSnapshot())).toBe(completed);
});
