import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { ballastBinary, isRoot } from "../support/binary.ts";
import { accepts } from "../support/ports.ts";
import { mustRun, run, startProcess, stopAllProcesses } from "../support/process.ts";
import { openTerminal } from "../support/tmux.ts";
import { TEST_LIMIT_MS, waitFor } from "../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

afterEach(stopAllProcesses);

function demoFolders(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith("ballast-demo-"));
}

/** Processes whose command line has the text. */
function commandLines(text: string): string[] {
  const lines = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
      } catch {
        // It ended in between.
        return "";
      }
    });
  return lines.filter((line) => line.includes(text));
}

describe("ballast demo without a terminal", () => {
  test("tells the whole play, loses no request when a backend is killed or drained, and leaves nothing behind", async () => {
    const before = demoFolders();
    const done = await run([ballastBinary(), "demo"], 40_000);
    expect(done.stderr).toBe("");
    expect(done.code).toBe(0);
    const lines = done.stdout.trim().split("\n");
    const effectOf = (scene: RegExp): string => lines[lines.findIndex((line) => scene.test(line)) + 1] ?? "";
    expect(effectOf(/killing backend two/)).toMatch(/two is down after .*: \d+ requests, [0-3] failed/);
    expect(effectOf(/starting backend two again/)).toMatch(/two is up after .*: \d+ requests, 0 failed/);
    expect(effectOf(/server drain app\/one/)).toMatch(/: \d+ requests, 0 failed/);
    expect(effectOf(/three answers 500/)).toMatch(/three is down after/);
    expect(effectOf(/three recovers/)).toMatch(/three is up after/);
    expect(lines.at(-1)).toMatch(/^in all: \d{3,} requests/);
    expect(demoFolders().filter((name) => !before.includes(name))).toEqual([]);
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(`${signal} ends it with all its processes and files`, async () => {
      const before = demoFolders();
      const demo = startProcess([ballastBinary(), "demo", "--duration", "60s"]);
      const [, url = ""] = await demo.waitForOutput(/curl (http:\S+)/);
      const folder = demoFolders().find((name) => !before.includes(name)) ?? "";
      expect(folder).not.toBe("");
      expect(await (await fetch(url)).text()).toContain("hello from");
      demo.signal(signal);
      expect(await demo.exited).toBe(0);
      expect(await accepts(Number(new URL(url).port))).toBe(false);
      expect(demoFolders().filter((name) => !before.includes(name))).toEqual([]);
      expect(commandLines(folder)).toEqual([]);
    });
  }

  test("SIGKILL leaves no process behind", async () => {
    const before = demoFolders();
    const demo = startProcess([ballastBinary(), "demo", "--duration", "60s"]);
    await demo.waitForOutput(/curl (http:\S+)/);
    const folder = demoFolders().find((name) => !before.includes(name)) ?? "";
    expect(folder).not.toBe("");
    demo.signal("SIGKILL");
    await demo.exited;
    await waitFor("the daemon to end", () => commandLines(folder).length === 0);
    await mustRun(["rm", "-rf", `${tmpdir()}/${folder}`]);
  });

  test("--duration with a wrong value is a usage error that says what is wanted", async () => {
    const done = await run([ballastBinary(), "demo", "--duration", "5"]);
    expect(done.code).toBe(64);
    expect(done.stderr).toContain('write "5ms" or "5s"');
  });
});

describe("ballast demo on a terminal", () => {
  test("shows the TUI, and q gives the terminal back and removes everything", async () => {
    const before = demoFolders();
    const terminal = await openTerminal(120, 36);
    try {
      await terminal.type(`${ballastBinary()} demo; echo "exit $?"\n`);
      await terminal.until("the overview", (screen) => screen.includes("Backends (1)"));
      await terminal.until("the killed backend", (screen) => screen.includes("app/two is DOWN"));
      await terminal.press("q");
      const screen = await terminal.until("the shell", (text) => text.includes("exit 0"));
      // A killed backend takes with it what it was answering just then.
      expect(screen).toMatch(/in all: \d+ requests, [0-3] failed/);
      expect(await terminal.flag("alternate_on")).toBe("0");
      expect(await terminal.flag("cursor_flag")).toBe("1");
    } finally {
      await terminal.close();
    }
    await waitFor("the folder to go", () => demoFolders().every((name) => before.includes(name)));
  });
});

describe.if(isRoot)("ballast demo --ha", () => {
  test("moves the address three times and removes its namespaces", async () => {
    const done = await run([ballastBinary(), "demo", "--ha"], 110_000);
    expect(done.stderr).toBe("");
    expect(done.code).toBe(0);
    const took = [...done.stdout.matchAll(/(\w) is master and holds \S+; longest time without an answer ([\d.]+) s/g)];
    expect(took.map((match) => match[1])).toEqual(["b", "a", "b"]);
    // Three adverts of 100 ms, the skew, a SYN that is sent again after a second and after three, and a busy machine.
    for (const [, , seconds] of took) expect(Number(seconds)).toBeLessThan(4);
    expect(await mustRun(["ip", "netns", "list"])).not.toContain("ballast-demo-");
  }, 120_000);

  test("SIGINT in the middle removes its namespaces", async () => {
    const demo = startProcess([ballastBinary(), "demo", "--ha"]);
    await demo.waitForOutput(/power cut/, 40_000);
    demo.signal("SIGINT");
    expect(await demo.exited).toBe(0);
    expect(await mustRun(["ip", "netns", "list"])).not.toContain("ballast-demo-");
  });
});
