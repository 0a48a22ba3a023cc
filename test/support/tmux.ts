/** A real terminal for tests: one tmux server of its own, one window, a bare shell in it. */

export interface Terminal {
  /** Types text as it stands. */
  type(text: string): Promise<void>;
  /** Presses keys by tmux's names: Enter, Escape, C-c, Up. */
  press(...keys: readonly string[]): Promise<void>;
  screen(): Promise<string>;
  /** Settles with the screen as soon as it satisfies the condition; throws with the screen when it never does. */
  until(what: string, condition: (screen: string) => boolean, withinMs?: number): Promise<string>;
  resize(columns: number, rows: number): Promise<void>;
  /** What tmux knows about the window: cursor_flag (visible), alternate_on. */
  flag(name: "cursor_flag" | "alternate_on" | "pane_pid"): Promise<string>;
  close(): Promise<void>;
}

export const hasTmux = Bun.which("tmux") !== null;

const POLL_MS = 50;
const WITHIN_MS = 20_000;
let serial = 0;

export async function openTerminal(columns: number, rows: number): Promise<Terminal> {
  const server = `ballast-test-${process.pid}-${serial++}`;
  const tmux = async (...words: readonly string[]): Promise<string> => {
    const child = Bun.spawn(["tmux", "-L", server, "-f", "/dev/null", ...words], {
      stdout: "pipe",
      stderr: "pipe",
      stdin: "ignore",
      env: { ...process.env, LC_ALL: "C.UTF-8", TZ: "UTC", PS1: "$ ", TMUX: "" },
    });
    const [code, stdout, stderr] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
    if (code !== 0) throw new Error(`tmux ${words[0]}: ${stderr}`);
    return stdout;
  };
  const screen = async (): Promise<string> => {
    const lines = (await tmux("capture-pane", "-p", "-t", "0")).split("\n");
    return lines.map((line) => line.trimEnd()).join("\n");
  };
  const size = ["-x", String(columns), "-y", String(rows)];
  await tmux("new-session", "-d", ...size, "env", "-u", "NO_COLOR", "bash", "--norc", "--noprofile", "-i");
  return {
    screen,
    type: async (text) => void (await tmux("send-keys", "-t", "0", "-l", text)),
    press: async (...keys) => void (await tmux("send-keys", "-t", "0", ...keys)),
    until: async (what, condition, withinMs = WITHIN_MS) => {
      const endMs = performance.now() + withinMs;
      for (;;) {
        const seen = await screen();
        if (condition(seen)) return seen;
        if (performance.now() > endMs) throw new Error(`never saw ${what}; the screen was:\n${seen}`);
        await Bun.sleep(POLL_MS);
      }
    },
    resize: async (nextColumns, nextRows) => {
      await tmux("resize-window", "-t", "0", "-x", String(nextColumns), "-y", String(nextRows));
    },
    flag: async (name) => (await tmux("display-message", "-p", "-t", "0", `#{${name}}`)).trim(),
    close: async () => {
      await tmux("kill-server");
    },
  };
}
