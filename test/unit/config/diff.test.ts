import { expect, test } from "bun:test";
import { diffConfig } from "../../../src/config/diff.ts";
import { parseConfig } from "../../../src/config/parse.ts";
import { planLines } from "../../../src/config/plan.ts";
import type { Config } from "../../../src/config/types.ts";
import { testEnvironment } from "./test-environment.ts";

const text = `
[frontend.web]
bind = ["*:80", "*:81"]
default_backend = "app"
[backend.app]
servers = ["192.0.2.1:80", { name = "b", address = "192.0.2.2:80", weight = 2 }]
[vrrp.v]
interface = "eth0"
virtual_router_id = 1
priority = 100
addresses = ["10.0.0.1/24"]
track = [{ proxy = true }]
`;

function configOf(changed: string): Config {
  const { config, issues } = parseConfig(changed, testEnvironment());
  if (config === null) throw new Error(issues.map((issue) => `${issue.path}: ${issue.message}`).join("\n"));
  return config;
}

function plan(from: string, to: string): readonly string[] {
  return planLines(configOf(from), configOf(to)).map((line) => `${line.cost} ${line.object}: ${line.text}`);
}

test("diffConfig of the same meaning is empty, whatever the order of the lines", () => {
  expect(diffConfig(configOf(text), configOf(`# moved\n${text}`)).isEmpty).toBe(true);
  const swapped = text.replace('["*:80", "*:81"]', '["*:81", "*:80"]');
  expect(diffConfig(configOf(text), configOf(swapped)).listeners.kept.length).toBe(2);
});

test("diffConfig keeps listeners by address and compares servers one by one", () => {
  const after = text
    .replace('"*:81"', '"*:82"')
    .replace("weight = 2", "weight = 3")
    .replace('"192.0.2.1:80"', '"192.0.2.9:80"');
  const { listeners, servers, backends, isEmpty } = diffConfig(configOf(text), configOf(after));
  expect(listeners.kept.map((bind) => bind.key)).toEqual(["0.0.0.0:80"]);
  expect(listeners.added.map((bind) => bind.key)).toEqual(["0.0.0.0:82"]);
  expect(listeners.removed.map((bind) => bind.key)).toEqual(["0.0.0.0:81"]);
  expect(servers.added.map((each) => each.server.name)).toEqual(["192.0.2.9:80"]);
  expect(servers.removed.map((each) => each.server.name)).toEqual(["192.0.2.1:80"]);
  expect(servers.changed.map((each) => each.after.server.weight)).toEqual([3]);
  expect(backends.changed).toEqual([]);
  expect(isEmpty).toBe(false);
});

test("diffConfig sees a change of global settings and names what waits for a restart", () => {
  const after = `${text}\n[global]\nmaxconn = 50\npidfile = "/run/b.pid"\n[admin]\nsocket = "/run/other.sock"`;
  const diff = diffConfig(configOf(text), configOf(after));
  expect(diff.isEmpty).toBe(false);
  expect(diff.restart).toEqual(["global.pidfile", "admin.socket"]);
});

test("planLines says what each change costs", () => {
  expect(plan(text, text)).toEqual([]);
  expect(plan(text, text.replace('"*:80", ', ""))).toContain(
    "drains 0.0.0.0:80: listener is closed; its sessions finish",
  );
  expect(plan(text, text.replace("weight = 2", "weight = 3"))).toEqual([
    "hitless app/b: server changes for new sessions",
  ]);
  expect(plan(text, text.replace("priority = 100", "priority = 90"))).toEqual([
    "hitless v: instance changes and keeps its state",
  ]);
  expect(plan(text, text.replace("10.0.0.1/24", "10.0.0.2/24"))).toEqual([
    "moves v: addresses change: −10.0.0.1 +10.0.0.2",
  ]);
  expect(plan(text, text.replace("router_id = 1", "router_id = 2"))).toEqual([
    "moves v: instance becomes another virtual router",
  ]);
});
