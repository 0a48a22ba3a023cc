/** The keyboard side of the terminal: raw mode, bracketed paste, reads turned into keys. Leaves it as it was found. */
import { flushInput, type InputEvent, parseInput } from "./input.ts";

export interface Keyboard {
  open(): void;
  close(): void;
}

/** A lone ESC is the Escape key when nothing follows within this time; sequences come in one read, over slow links in two. */
const ESCAPE_WAIT_MS = 40;
const PASTE_ON = "\u001b[?2004h";
const PASTE_OFF = "\u001b[?2004l";

export function makeKeyboard(onInput: (event: InputEvent) => void, onEnd: () => void): Keyboard {
  const { stdin, stdout } = process;
  let pending = "";
  let timer: ReturnType<typeof setTimeout> | null = null;
  let isOpen = false;

  const emit = (events: readonly InputEvent[]): void => {
    for (const event of events) onInput(event);
  };
  const onData = (chunk: string): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const parsed = parseInput(pending, chunk);
    pending = parsed.pending;
    if (pending !== "") {
      timer = setTimeout(() => {
        const rest = flushInput(pending);
        pending = "";
        emit(rest);
      }, ESCAPE_WAIT_MS);
    }
    emit(parsed.events);
  };

  return {
    open: () => {
      if (isOpen) return;
      isOpen = true;
      stdin.setEncoding("utf8");
      stdin.setRawMode(true);
      stdin.on("data", onData);
      stdin.once("end", onEnd);
      stdin.resume();
      stdout.write(PASTE_ON);
    },
    close: () => {
      if (!isOpen) return;
      isOpen = false;
      if (timer !== null) clearTimeout(timer);
      pending = "";
      stdin.off("data", onData);
      stdin.off("end", onEnd);
      stdout.write(PASTE_OFF);
      stdin.setRawMode(false);
      stdin.pause();
    },
  };
}

/** Asks the terminal to put text on the system's clipboard (xterm ctlseqs, OSC 52). */
export function copyToClipboard(text: string): void {
  process.stdout.write(`\u001b]52;c;${Buffer.from(text).toString("base64")}\u0007`);
}

/** Stops this process as Ctrl-Z does; settles when the shell continues it. */
export function stopUntilContinued(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGCONT", () => resolve());
    process.kill(process.pid, "SIGTSTP");
  });
}
