/** What a role may put into the environment of a program that the supervisor runs for it. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import type { Config } from "../../../src/config/types.ts";
import type { ScriptResult } from "../../../src/ipc/messages.ts";
import { launchCommand } from "../../../src/roles/command-launch.ts";
import { Hooks } from "../../../src/roles/hooks.ts";
import { Loop } from "../../../src/sys/loop.ts";
import { waitFor } from "../../support/wait.ts";
import { Folder, ownUser } from "../notify/programs.ts";

let folder: Folder;
let loop: Loop;
let finished: Promise<void>;
let hooks: Hooks;

beforeEach(() => {
  folder = new Folder();
  loop = new Loop();
  hooks = new Hooks({ loop, launch: launchCommand, tell: () => undefined });
  finished = loop.run();
});

afterEach(async () => {
  await new Promise<void>((resolve) => hooks.finish(0, resolve));
  loop.stop();
  await finished;
  folder.remove();
});

test("Hooks.runScript passes variables of ours on and leaves every other out", async () => {
  const command = [folder.script("hook", `env >${folder.file("environment")}`)];
  const script = { command, user: ownUser };
  hooks.configure({ global: { user: ownUser }, vrrp: [], lvs: { script } } as unknown as Config);
  const results: ScriptResult[] = [];
  const environment = {
    BALLAST_REAL_SERVER: "one two",
    LD_PRELOAD: "/tmp/evil.so",
    PATH: "/tmp",
    BALLAST_X: "a\0b",
    BALLAST_lower: "x",
  };
  hooks.runScript({ id: 1, ...script, timeoutMs: 5000, environment }, (result) => results.push(result));
  await waitFor("its end", () => results.length === 1);
  expect(results[0]?.ok).toBe(true);
  const names = folder.read("environment").split("\n");
  expect(names).toContain("BALLAST_REAL_SERVER=one two");
  expect(names.filter((line) => /LD_PRELOAD|PATH=\/tmp$|BALLAST_X|lower/.test(line))).toEqual([]);
});
