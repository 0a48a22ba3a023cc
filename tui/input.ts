/** Bytes of the terminal → names of keys. Pure: what is not complete yet is handed back. */

export type InputEvent =
  { readonly kind: "key"; readonly key: string } | { readonly kind: "paste"; readonly text: string };

export interface InputParse {
  readonly events: readonly InputEvent[];
  /** The start of a sequence whose end has not come. */
  readonly pending: string;
}

const ESC = "\u001b";
const PASTE_START = `${ESC}[200~`;
const PASTE_END = `${ESC}[201~`;
/** A paste longer than this is cut: nothing here takes that much text. */
const PASTE_CHARS_MAX = 4_096;

/** xterm, VT220, rxvt and Linux console (ctlseqs.txt, "PC-Style Function Keys"; console_codes(4)). */
const sequences: Readonly<Record<string, string>> = {
  "[A": "up",
  "[B": "down",
  "[C": "right",
  "[D": "left",
  "[H": "home",
  "[F": "end",
  OA: "up",
  OB: "down",
  OC: "right",
  OD: "left",
  OH: "home",
  OF: "end",
  OM: "enter",
  "[1~": "home",
  "[2~": "insert",
  "[3~": "delete",
  "[4~": "end",
  "[5~": "pageup",
  "[6~": "pagedown",
  "[7~": "home",
  "[8~": "end",
  "[Z": "shift-tab",
};

const controls: Readonly<Record<string, string>> = {
  "\r": "enter",
  "\n": "enter",
  "\t": "tab",
  " ": "space",
  "\u007f": "backspace",
  "\b": "backspace",
};

/** One read of the terminal may hold many keys ("jjk") or half of one. */
export function parseInput(pending: string, chunk: string): InputParse {
  const text = pending + chunk;
  const events: InputEvent[] = [];
  let index = 0;
  while (index < text.length) {
    if (text[index] !== ESC) {
      const character = String.fromCodePoint(text.codePointAt(index) ?? 0);
      events.push({ kind: "key", key: plainKey(character) });
      index += character.length;
      continue;
    }
    if (text.startsWith(PASTE_START, index)) {
      const start = index + PASTE_START.length;
      const end = text.indexOf(PASTE_END, start);
      if (end < 0 && text.length - start < PASTE_CHARS_MAX) return { events, pending: text.slice(index) };
      const stop = end < 0 ? text.length : end;
      events.push({ kind: "paste", text: text.slice(start, Math.min(stop, start + PASTE_CHARS_MAX)) });
      index = end < 0 ? stop : end + PASTE_END.length;
      continue;
    }
    const sequence = controlSequence(text.slice(index + 1));
    if (sequence === null) return { events, pending: text.slice(index) };
    const key = sequence === "" ? "escape" : sequences[sequence];
    // A sequence that is no key (focus report, mouse, status answer) is dropped whole.
    if (key !== undefined) events.push({ kind: "key", key });
    index += 1 + sequence.length;
  }
  return { events, pending: "" };
}

/** Nothing followed for a while: a lone ESC was the Escape key. */
export function flushInput(pending: string): readonly InputEvent[] {
  if (pending === "") return [];
  return pending === ESC || !pending.startsWith(PASTE_START) ? [{ kind: "key", key: "escape" }] : [];
}

/** What follows ESC, when it is complete; "" when ESC stands for itself; null when more may come. */
function controlSequence(rest: string): string | null {
  if (rest === "") return null;
  if (rest.startsWith("O")) return rest.length < 2 ? null : rest.slice(0, 2);
  if (!rest.startsWith("[")) return "";
  // X10 mouse: three bytes follow.
  if (rest.startsWith("[M")) return rest.length < 5 ? null : rest.slice(0, 5);
  // ECMA-48 5.4: parameters 0x30–0x3f, intermediates 0x20–0x2f, final 0x40–0x7e; the Linux console's F1–F5 are "[[A".
  const found = /^\[(?:\[[A-E]|[0-?]*[ -/]*[@-~])/.exec(rest);
  if (found !== null) return found[0];
  return /^\[[0-?]*[ -/]*$/.test(rest) && rest.length < 32 ? null : "";
}

function plainKey(character: string): string {
  const named = controls[character];
  if (named !== undefined) return named;
  const code = character.charCodeAt(0);
  return code < 0x20 ? `ctrl-${String.fromCharCode(code + 0x60)}` : character;
}
