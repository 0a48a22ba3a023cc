/** The supervisor's hooks with real programs: order, time limits, pipes, reload, and what roles may have run. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, openSync, closeSync, readSync, constants } from "node:fs";
import type { BallastEvent, VrrpStateName } from "../../../src/admin/api.ts";
import type { NotifyConfig } from "../../../src/config/types-vrrp.ts";
import type { Config } from "../../../src/config/types.ts";
import type { ScriptResult } from "../../../src/ipc/messages.ts";
import { launchCommand } from "../../../src/roles/command-launch.ts";
import { Hooks } from "../../../src/roles/hooks.ts";
import { Loop } from "../../../src/sys/loop.ts";
import { holdsFor, waitFor } from "../../support/wait.ts";
import { Folder, isAlive, ownUser } from "./programs.ts";

type Told = Pick<BallastEvent, "level" | "kind" | "object" | "text" | "fields">;

let folder: Folder;
let loop: Loop;
let finished: Promise<void>;
let hooks: Hooks;
let told: Told[];

beforeEach(() => {
  folder = new Folder();
  loop = new Loop();
  told = [];
  hooks = new Hooks({ loop, launch: launchCommand, tell: (happening) => told.push(happening) });
  finished = loop.run();
});

afterEach(async () => {
  await new Promise<void>((resolve) => hooks.finish(0, resolve));
  loop.stop();
  await finished;
  folder.remove();
});

function notifyOf(fields: Partial<NotifyConfig>): NotifyConfig {
  const none = { master: null, backup: null, fault: null, stop: null, any: null, fifo: null, user: null };
  return { ...none, timeoutMs: 10_000, ...fields };
}

function configOf(instances: Readonly<Record<string, Partial<NotifyConfig>>>, more: object = {}): Config {
  const vrrp = Object.entries(instances).map(([name, notify]) => ({ name, notify: notifyOf(notify) }));
  return { global: { user: ownUser }, vrrp, ...more } as unknown as Config;
}

/** Instances of one group; `group` are the group's own hooks. */
function groupOf(group: Partial<NotifyConfig>, members: readonly string[], own: Partial<NotifyConfig> = {}): Config {
  const shared = { name: "G", tracks: [], notify: notifyOf(group) };
  const vrrp = members.map((name) => ({ name, notify: notifyOf(own), group: shared }));
  return { global: { user: ownUser }, vrrp } as unknown as Config;
}

function changes(to: VrrpStateName, ...instances: readonly string[]): void {
  for (const instance of instances) change(to, instance);
}

function change(to: VrrpStateName, instance = "VI_1", priority = 100): void {
  const fields = { from: "init", to, cause: "start", priority };
  const event = { id: 1, wallMs: 0, level: "notice", source: "vrrp", kind: "vrrp.state", text: "" } as const;
  hooks.event({ ...event, object: instance, fields });
}

function lines(name: string): readonly string[] {
  return folder.read(name).split("\n").slice(0, -1);
}

/** A script that writes its arguments as a line, after a pause. */
function recorder(pauseS = 0): string {
  return folder.script("record", `sleep ${pauseS}; echo "$*" >>${folder.file("log")}`);
}

test("Hooks run the state's own program, then any with keepalived's arguments, and tell that they did", async () => {
  const record = recorder();
  hooks.configure(configOf({ VI_1: { master: [record, "up"], any: [record, "any"] } }));
  change("master", "VI_1", 150);
  await waitFor("both to have run", () => told.length === 2);
  expect(lines("log")).toEqual(["up", "any INSTANCE VI_1 MASTER 150"]);
  expect(told[0]).toMatchObject({ level: "info", kind: "hook.run", object: "VI_1" });
  expect(told[0]!.text).toMatch(/^MASTER hook \/.*\/record: ended after \d+ ms$/);
});

test("Hooks of one instance run in the order of its states however fast they come", async () => {
  hooks.configure(configOf({ VI_1: { any: [recorder(0.02)] } }));
  const states = ["backup", "master", "fault", "backup", "master", "maint", "init"] as const;
  states.forEach((state, i) => change(state, "VI_1", i));
  await waitFor("all to have run", () => told.length === states.length);
  expect(lines("log")).toEqual([
    "INSTANCE VI_1 BACKUP 0",
    "INSTANCE VI_1 MASTER 1",
    "INSTANCE VI_1 FAULT 2",
    "INSTANCE VI_1 BACKUP 3",
    "INSTANCE VI_1 MASTER 4",
    "INSTANCE VI_1 BACKUP 5",
    "INSTANCE VI_1 STOP 6",
  ]);
});

test("Hooks that hang delay their own instance for the time limit and no other at all", async () => {
  const hang = folder.script("hang", "sleep 60");
  hooks.configure(
    configOf({ VI_1: { master: [hang], backup: [recorder(), "late"], timeoutMs: 1000 }, VI_2: { any: [recorder()] } }),
  );
  change("master", "VI_1");
  change("backup", "VI_1");
  change("master", "VI_2");
  await waitFor("the other instance's hook", () => lines("log").length === 1);
  expect(lines("log")).toEqual(["INSTANCE VI_2 MASTER 100"]);
  await waitFor("the hook after the one that hung", () => lines("log").length === 2);
  const failure = told.find(({ kind }) => kind === "hook.fail");
  expect(failure).toMatchObject({ level: "warning", object: "VI_1" });
  expect(failure!.text).toMatch(/^MASTER hook .*\/hang: still ran after 1s and was killed$/);
});

test("Hooks that fail or are missing are told and do not keep the next back", async () => {
  const bad = folder.script("bad", "exit 7");
  hooks.configure(configOf({ VI_1: { master: [bad], fault: [folder.file("missing")], any: [recorder()] } }));
  change("master");
  change("fault");
  await waitFor("all four to be told", () => told.length === 4);
  expect(lines("log")).toEqual(["INSTANCE VI_1 MASTER 100", "INSTANCE VI_1 FAULT 100"]);
  const failures = told.filter(({ kind }) => kind === "hook.fail").map(({ text }) => text);
  expect(failures[0]).toEndWith("/bad: exit code 7");
  expect(failures[1]).toMatch(/missing: cannot be started: /);
});

test("Hooks keep the newest state when an instance flaps faster than its programs run", async () => {
  const gate = folder.file("gate");
  const record = folder.script(
    "wait",
    `while [ ! -e ${gate} ]; do sleep 0.02; done; echo "$4" >>${folder.file("log")}`,
  );
  hooks.configure(configOf({ VI_1: { any: [record] } }));
  for (let i = 0; i <= 100; i++) change("backup", "VI_1", i);
  await Bun.write(gate, "");
  await waitFor("the last one", () => lines("log").at(-1) === "100", 10_000);
  expect(lines("log").length).toBe(65);
  expect(told.filter(({ kind }) => kind === "hook.skip").length).toBe(36);
});

test("Hooks write each change to the pipe at once, also when the program is slow", () => {
  const fifo = folder.file("fifo");
  hooks.configure(configOf({ VI_1: { fifo, any: [recorder(60)] }, VI_2: { fifo } }));
  change("master", "VI_1", 150);
  change("backup", "VI_2", 90);
  change("fault", "VI_1", 150);
  const fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const bytes = new Uint8Array(4096);
  const text = new TextDecoder().decode(bytes.subarray(0, readSync(fd, bytes)));
  closeSync(fd);
  expect(text).toBe('INSTANCE "VI_1" MASTER 150\nINSTANCE "VI_2" BACKUP 90\nINSTANCE "VI_1" FAULT 150\n');
});

test("Hooks tell once that a pipe cannot be used", () => {
  const fifo = folder.file("file");
  folder.script("file", "exit 0");
  hooks.configure(configOf({ VI_1: { fifo } }));
  change("master");
  change("backup");
  expect(told).toEqual([
    { level: "warning", kind: "hook.fifo", object: fifo, text: `${fifo} is no named pipe`, fields: {} },
  ]);
});

test("Hooks of an instance that a reload removes still tell that it stops, those of others are the new ones", async () => {
  const record = recorder();
  const fifo = folder.file("fifo");
  hooks.configure(configOf({ VI_1: { any: [record, "old"], fifo }, VI_2: { any: [record, "old"] } }));
  hooks.configure(configOf({ VI_2: { any: [record, "new"] } }));
  change("init", "VI_1");
  await waitFor("the first", () => told.length === 1);
  change("backup", "VI_2");
  await waitFor("the second", () => told.length === 2);
  expect(lines("log")).toEqual(["old INSTANCE VI_1 STOP 100", "new INSTANCE VI_2 BACKUP 100"]);
  hooks.configure(configOf({ VI_2: { any: [record, "new"] } }));
  expect(existsSync(fifo)).toBe(false);
  change("master", "VI_1");
  expect(told.length).toBe(2);
});

test("Hooks of a group run when all members have changed, in its order, and the journal hears of it", async () => {
  const record = recorder();
  hooks.configure(groupOf({ master: [record, "up"], any: [record] }, ["VI_1", "VI_2"]));
  changes("backup", "VI_1", "VI_2");
  changes("master", "VI_2", "VI_1");
  changes("fault", "VI_2", "VI_1");
  changes("init", "VI_1", "VI_2");
  await waitFor("all to have run", () => lines("log").length === 5);
  expect(lines("log")).toEqual(["GROUP G BACKUP 0", "up", "GROUP G MASTER 0", "GROUP G FAULT 0", "GROUP G STOP 0"]);
  const journal = told.filter(({ kind }) => kind === "vrrp.group");
  expect(journal.map(({ level, object, fields: { from, to } }) => [level, object, from, to])).toEqual([
    ["notice", "G", "init", "backup"],
    ["notice", "G", "backup", "master"],
    ["warning", "G", "master", "fault"],
    ["notice", "G", "fault", "init"],
  ]);
});

test("Hooks of a group and of a member with its name do not wait for each other", async () => {
  const hang = folder.script("hang", "sleep 60");
  hooks.configure(groupOf({ any: [recorder()] }, ["G"], { any: [hang] }));
  change("backup", "G");
  change("master", "G");
  await waitFor("the group's", () => lines("log").length === 2);
  expect(lines("log")).toEqual(["GROUP G BACKUP 0", "GROUP G MASTER 0"]);
});

test("Hooks of a group write to one pipe with those of its members, after them", () => {
  const fifo = folder.file("fifo");
  hooks.configure(groupOf({ fifo }, ["VI_1", "VI_2"], { fifo }));
  changes("backup", "VI_1", "VI_2");
  const fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const bytes = new Uint8Array(4096);
  const text = new TextDecoder().decode(bytes.subarray(0, readSync(fd, bytes)));
  closeSync(fd);
  expect(text).toBe('INSTANCE "VI_1" BACKUP 100\nINSTANCE "VI_2" BACKUP 100\nGROUP "G" BACKUP 0\n');
});

test("Hooks of a group that a reload removes tell once that it stops; its members go on without", async () => {
  const record = recorder();
  const fifo = folder.file("fifo");
  hooks.configure(groupOf({ any: [record], fifo }, ["VI_1", "VI_2"]));
  changes("master", "VI_1", "VI_2");
  await waitFor("the first", () => lines("log").length === 1);
  hooks.configure(configOf({ VI_1: {}, VI_2: {} }));
  await waitFor("the last", () => lines("log").length === 2);
  expect(lines("log")).toEqual(["GROUP G MASTER 0", "GROUP G STOP 0"]);
  changes("fault", "VI_1", "VI_2");
  hooks.configure(configOf({ VI_1: {}, VI_2: {} }));
  expect(existsSync(fifo)).toBe(false);
  expect(told.filter(({ kind }) => kind === "vrrp.group").length).toBe(2);
});

test("Hooks of a group are the reload's: members that join lead before it does, and programs may go or come", async () => {
  const record = recorder();
  hooks.configure(groupOf({ any: [record, "old"] }, ["VI_1", "VI_2"]));
  changes("backup", "VI_1", "VI_2");
  await waitFor("the first", () => lines("log").length === 1);
  hooks.configure(groupOf({}, ["VI_1", "VI_2", "VI_3"]));
  changes("master", "VI_1", "VI_2");
  hooks.configure(groupOf({ any: [record, "new"] }, ["VI_1", "VI_2", "VI_3"]));
  changes("backup", "VI_3");
  changes("master", "VI_3");
  await waitFor("the last", () => lines("log").length === 2);
  expect(lines("log")).toEqual(["old GROUP G BACKUP 0", "new GROUP G MASTER 0"]);
});

test("Hooks finish waits for the programs under way", async () => {
  hooks.configure(configOf({ VI_1: { stop: [recorder(0.2), "done"] } }));
  change("init");
  await new Promise<void>((resolve) => hooks.finish(5000, resolve));
  expect(lines("log")).toEqual(["done"]);
});

test("Hooks finish kills what is left after its time, and starts nothing of what waits", async () => {
  const pid = folder.file("pid");
  hooks.configure(
    configOf({ VI_1: { stop: [folder.script("long", `echo $$ >${pid}; sleep 60`)], any: [recorder()] } }),
  );
  change("init");
  change("init");
  await waitFor("the program", () => folder.read("pid") !== "");
  const startedMs = performance.now();
  await new Promise<void>((resolve) => hooks.finish(200, resolve));
  expect(performance.now() - startedMs).toBeLessThan(5000);
  await waitFor("the program to be gone", () => !isAlive(Number(folder.read("pid"))));
  expect(await holdsFor(() => lines("log").length === 0, 100)).toBe(true);
});

function runScript(command: readonly string[], timeoutMs = 5000, user: string | null = null): Promise<ScriptResult> {
  return new Promise((resolve) => hooks.runScript({ id: 7, command, user, timeoutMs }, resolve));
}

test("Hooks runScript runs what stands in the configuration and answers with the asker's number", async () => {
  const good = folder.script("good", "exit 0");
  const bad = folder.script("bad", "exit 2");
  const slow = folder.script("slow", "sleep 60");
  const tracks = [good, bad, slow].map((path) => ({ script: { command: [path], user: null } }));
  hooks.configure(configOf({}, { more: tracks }));
  expect(await runScript([good])).toMatchObject({ id: 7, ok: true, code: 0, timedOut: false, reason: "" });
  expect(await runScript([bad])).toMatchObject({ id: 7, ok: false, code: 2, reason: "exit code 2" });
  const late = await runScript([slow], 200);
  expect(late).toMatchObject({ id: 7, ok: false, code: null, timedOut: true });
  expect(late.durationMs).toBeLessThan(5000);
});

test("Hooks runScript refuses everything else: a role that was taken over gets nothing run", async () => {
  const touch = folder.file("touched");
  const known = folder.script("known", `touch ${touch}`);
  hooks.configure(configOf({}, { more: { command: [known], user: null } }));
  const refusal = { ok: false, code: null, timedOut: false, reason: "does not stand in the running configuration" };
  expect(await runScript(["/bin/touch", touch])).toMatchObject(refusal);
  expect(await runScript([known, "more"])).toMatchObject(refusal);
  expect(await runScript([known], 5000, "root")).toMatchObject(refusal);
  expect(existsSync(touch)).toBe(false);
  hooks.configure(configOf({}));
  expect(await runScript([known])).toMatchObject(refusal);
});
