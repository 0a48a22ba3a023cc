import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { launchCommand } from "../../../src/roles/command-launch.ts";
import { waitFor } from "../../support/wait.ts";
import { commandOf, Folder, isAlive, isRoot, RunnerFixture } from "./programs.ts";

let fixture: RunnerFixture;
let folder: Folder;

beforeEach(() => {
  fixture = new RunnerFixture();
  folder = new Folder();
});

afterEach(async () => {
  await fixture.close();
  folder.remove();
});

test("CommandRunner answers with exit code, and with the time it took", async () => {
  expect(await fixture.run(commandOf(["/bin/sh", "-c", "exit 0"]))).toMatchObject({ ok: true, code: 0, reason: "" });
  const failed = await fixture.run(commandOf(["/bin/sh", "-c", "sleep 0.1; exit 3"]));
  expect(failed).toMatchObject({ ok: false, code: 3, timedOut: false, reason: "exit code 3" });
  expect(failed.durationMs).toBeGreaterThan(95);
  expect(fixture.runner.running).toBe(0);
});

test("CommandRunner says which signal ended a program", async () => {
  const result = await fixture.run(commandOf(["/bin/sh", "-c", "kill -SEGV $$"]));
  expect(result).toMatchObject({ ok: false, code: null, timedOut: false, reason: "killed by SIGSEGV" });
});

test("CommandRunner says why a program cannot be started", async () => {
  const result = await fixture.run(commandOf([folder.file("missing")]));
  expect(result).toMatchObject({ ok: false, code: null, timedOut: false });
  expect(result.reason).toMatch(/^cannot be started: .*(no such file|ENOENT)/i);
});

test("CommandRunner hands over a path and what was asked for, nothing of the daemon's environment", async () => {
  process.env["BALLAST_TEST_SECRET"] = "secret";
  const out = folder.file("env");
  const argv = [folder.script("show", `env >${out}.new; mv ${out}.new ${out}`)];
  expect((await fixture.run(commandOf(argv, { environment: { BALLAST_STATE: "master" } }))).ok).toBe(true);
  const names = folder
    .read("env")
    .trim()
    .split("\n")
    .map((line) => line.split("=")[0]);
  expect(names.filter((name) => !["PWD", "OLDPWD", "_", "SHLVL"].includes(name!)).sort()).toEqual([
    "BALLAST_STATE",
    "PATH",
  ]);
  expect(folder.read("env")).toContain("PWD=/\n");
});

test("CommandRunner leaves a program no descriptor of the daemon's", async () => {
  const out = folder.file("fds");
  const argv = [folder.script("fds", `ls /proc/$$/fd >${out}`)];
  expect((await fixture.run(commandOf(argv))).ok).toBe(true);
  // 10 and up are the shell's own: its script.
  const numbers = folder.read("fds").trim().split("\n").map(Number);
  expect(numbers.filter((fd) => fd < 10)).toEqual([0, 1, 2]);
});

test("CommandRunner kills a late program with its children and answers in time", async () => {
  const pids = folder.file("pids");
  const argv = [folder.script("late", `sleep 60 & echo $! $$ >${pids}; trap '' TERM; wait; sleep 60`)];
  const startedMs = performance.now();
  const result = await fixture.run(commandOf(argv, { timeoutMs: 1000 }));
  expect(performance.now() - startedMs).toBeLessThan(5000);
  expect(result).toMatchObject({
    ok: false,
    code: null,
    timedOut: true,
    reason: "still ran after 1s and was killed",
  });
  const [child, leader] = folder.read("pids").trim().split(" ").map(Number);
  await waitFor("both to be gone", () => !isAlive(child!) && !isAlive(leader!));
});

test("CommandRunner with a grace lets a late program tidy up first", async () => {
  const done = folder.file("done");
  const argv = [folder.script("tidy", `trap 'echo tidied >${done}; exit 0' TERM; sleep 60 & wait`)];
  const result = await fixture.run(commandOf(argv, { timeoutMs: 1000, graceMs: 5000 }));
  expect(result).toMatchObject({ ok: false, timedOut: true });
  expect(result.durationMs).toBeLessThan(5500);
  expect(folder.read("done")).toBe("tidied\n");
});

test("CommandRunner refuses more than 256 at a time and takes them again afterwards", async () => {
  const argv = ["/bin/sleep", "60"];
  const all = Array.from({ length: 257 }, () => fixture.run(commandOf(argv)));
  expect(await all[256]).toMatchObject({ ok: false, reason: "256 other programs have not ended yet" });
  expect(fixture.runner.running).toBe(256);
  fixture.runner.killAll();
  await Promise.all(all);
  expect((await fixture.run(commandOf(["/bin/true"]))).ok).toBe(true);
});

describe.skipIf(!isRoot)("as root", () => {
  test("CommandRunner runs a program as its user, without capabilities or root's groups", async () => {
    chmodSync(folder.path, 0o777);
    const out = folder.file("status");
    const argv = [
      folder.script("who", `grep -E '^(Uid|Gid|Groups|CapPrm|CapEff|CapInh|CapAmb):' /proc/$$/status >${out}`),
    ];
    expect((await fixture.run(commandOf(argv, { user: "nobody" }))).ok).toBe(true);
    const status = folder.read("status").replace(/[\t ]+/g, " ");
    expect(status).toContain("Uid: 65534 65534 65534 65534\n");
    expect(status).toContain("Gid: 65534 65534 65534 65534\n");
    expect(status).toMatch(/^Groups: ?$/m);
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) expect(status).toContain(`${set}: 0000000000000000\n`);
  });

  test("launchCommand refuses to run as root what others can write, and as a user that is not there", () => {
    const path = folder.script("mine", "exit 0");
    expect(launchCommand(commandOf([path]))).toEqual({ argv: [path], identity: null });
    chmodSync(path, 0o775);
    expect(launchCommand(commandOf([path]))).toBe(`must not run as root: ${path} is writable by others than root`);
    chmodSync(path, 0o755);
    chmodSync(folder.path, 0o777);
    expect(launchCommand(commandOf([path]))).toBe(
      `must not run as root: ${folder.path} is writable by others than root`,
    );
    expect(launchCommand(commandOf([path], { user: "nobody" }))).toMatchObject({ identity: { uid: 65_534 } });
    expect(launchCommand(commandOf([path], { user: "nosuch" }))).toBe('there is no user "nosuch" on this machine');
    expect(launchCommand(commandOf([path], { user: null }))).toBe("names no user");
  });
});
