import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FakeDaemon, startFakeDaemon } from "../support/fake-daemon.ts";
import { hasTmux, openTerminal, type Terminal } from "../support/tmux.ts";

const main = join(import.meta.dir, "../support/cli-main.ts");
let directory: string;
let daemon: FakeDaemon;
let terminal: Terminal;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "ballast-tui-"));
  daemon = await startFakeDaemon(join(directory, "admin.sock"));
  if (hasTmux) terminal = await openTerminal(120, 36);
});

afterEach(async () => {
  if (hasTmux) await terminal.close();
  await daemon.close();
  rmSync(directory, { recursive: true, force: true });
});

async function startTui(...flags: readonly string[]): Promise<void> {
  const words = [process.execPath, main, "-S", daemon.socket, "tui", "--refresh", "200ms", ...flags];
  // The exit code and the line discipline are printed behind it, for the last look.
  await terminal.type(
    `${words.join(" ")}; echo "code=$? $(stty -a | grep -oE '[-]?(icanon|echo|isig) ' | tr -d '\\n')"`,
  );
  await terminal.press("Enter");
  await terminal.until("the TUI", (screen) => screen.includes("BALLAST 0.1.0"));
}

/** The shell is back, the cursor is there, keys are echoed, nothing of the TUI is left. */
async function expectCleanTerminal(code: number): Promise<string> {
  const screen = await terminal.until("the exit code", (seen) => /code=\d+ .*icanon/.test(seen));
  expect(screen).toContain(`code=${code} isig icanon echo`);
  expect(screen).not.toContain("╭");
  expect(await terminal.flag("cursor_flag")).toBe("1");
  expect(await terminal.flag("alternate_on")).toBe("0");
  return screen;
}

describe.skipIf(!hasTmux)("tui on a real terminal", () => {
  test("drains a server through the dialog, undoes it, and leaves the terminal clean", async () => {
    await startTui();
    await terminal.type("3jj");
    await terminal.until("the cursor on app2", (screen) => /> +● app2/.test(screen));
    await terminal.type("d");
    const dialog = await terminal.until("the dialog", (screen) => screen.includes("Drain app/app2 ?"));
    expect(dialog).toContain("from 2 to 1 active server of 3");
    expect(dialog).toContain("ballast server drain app/app2");
    await terminal.press("Enter");
    await terminal.type("app2");
    await terminal.until("the offer to drain", (screen) => screen.includes("Enter drain"));
    expect(daemon.requests).toEqual([]);
    await terminal.press("Enter");
    await terminal.until("app2 draining", (screen) => /◌ app2 .* DRAIN/.test(screen) && screen.includes("U undo"));
    expect(daemon.requests).toHaveLength(1);
    await terminal.type("U");
    await terminal.until("app2 up again", (screen) => /● app2 .* UP/.test(screen));
    await terminal.type("qq");
    const screen = await expectCleanTerminal(0);
    expect(screen).toContain("the daemon keeps running");
  });

  test("says that the daemon is lost and comes back by itself", async () => {
    await startTui("--view", "backends");
    await daemon.drop();
    const lost = await terminal.until("the loss", (screen) => screen.includes("daemon lost"));
    expect(lost).toContain("app1");
    await daemon.restore();
    await terminal.until("the return", (screen) => screen.includes("connected to the daemon again"));
    daemon.emit({
      level: "notice",
      source: "test",
      kind: "test.event",
      object: "",
      text: "seen after the return",
      fields: {},
    });
    await terminal.type("5");
    await terminal.until("an event after the return", (screen) => screen.includes("seen after the return"));
    await terminal.press("C-c");
    await expectCleanTerminal(0);
  });

  test("gives the terminal back on Ctrl-Z and draws everything again on fg", async () => {
    await startTui();
    await terminal.press("C-z");
    const stopped = await terminal.until("the shell", (screen) => screen.includes("Stopped"));
    expect(stopped).not.toContain("╭");
    expect(await terminal.flag("cursor_flag")).toBe("1");
    await terminal.type("fg");
    await terminal.press("Enter");
    await terminal.until("the TUI again", (screen) => screen.includes("Traffic") && screen.includes("q quit"));
    await terminal.type("3");
    await terminal.until("a key that works", (screen) => screen.includes("[3 Backends]"));
  });

  test("follows the size of the window down to the smallest and back", async () => {
    await startTui();
    await terminal.resize(80, 24);
    await terminal.until("the small frame", (screen) =>
      screen.split("\n").some((line) => line.startsWith("╭") && line.length === 80),
    );
    await terminal.resize(50, 12);
    await terminal.until("the advice", (screen) => screen.includes("50x12") && screen.includes("ballast status"));
    await terminal.resize(120, 36);
    const wide = await terminal.until("the wide frame", (screen) => screen.includes("Limits"));
    expect(wide.split("\n").filter((line) => line.includes("BALLAST"))).toHaveLength(1);
  });

  test("leaves a clean terminal and exit code 70 after a crash", async () => {
    await startTui();
    // No daemon sends this; it stands for a bug anywhere in the drawing.
    daemon.change((snapshot) => JSON.parse(JSON.stringify({ ...snapshot, backends: null })));
    const screen = await expectCleanTerminal(70);
    expect(screen).toContain("internal error in the terminal UI");
  });

  test("leaves a clean terminal on SIGTERM", async () => {
    await startTui();
    const shell = await terminal.flag("pane_pid");
    const children = (await Bun.file(`/proc/${shell}/task/${shell}/children`).text()).trim().split(" ");
    for (const pid of children) process.kill(Number(pid), "SIGTERM");
    await expectCleanTerminal(0);
  });

  test("shows no colour with NO_COLOR and no Unicode with --no-unicode", async () => {
    await terminal.type("export NO_COLOR=1");
    await terminal.press("Enter");
    await startTui("--no-unicode", "--readonly");
    const screen = await terminal.until("the frame", (seen) => seen.includes("[RO]") && seen.includes("Traffic"));
    expect(screen.replace(/[ -~\n]/g, "")).toBe("");
  });
});
