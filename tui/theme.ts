/** How things look on this terminal: colour or none, drawing characters or ASCII. Meaning never rests on either. */
import type { Paint, Tone } from "../src/lib/text-table.ts";
import type { Sign } from "../src/lib/state-words.ts";

export interface Theme {
  readonly unicode: boolean;
  readonly paint: Paint;
  /** The row under the cursor. */
  readonly inverse: (text: string) => string;
  readonly glyph: (sign: Sign) => string;
  /** Replaces the drawing characters inside a sentence. */
  readonly plain: (text: string) => string;
  readonly box: BoxCharacters;
  /** From empty to full. */
  readonly sparks: readonly string[];
  readonly bar: { readonly full: string; readonly empty: string };
  readonly cursor: string;
  readonly marked: string;
  readonly folded: string;
  readonly unfolded: string;
  readonly ellipsis: string;
  readonly alarm: string;
  readonly fine: string;
}

export interface BoxCharacters {
  readonly topLeft: string;
  readonly topRight: string;
  readonly bottomLeft: string;
  readonly bottomRight: string;
  readonly horizontal: string;
  readonly vertical: string;
}

/**
 * SGR parameters. Only the sixteen base colours, which every terminal theme keeps readable on its own
 * background, and dim instead of grey, which a light background would swallow.
 */
const toneCodes: Readonly<Record<Tone, string>> = {
  plain: "",
  strong: "1",
  quiet: "2",
  good: "32",
  warn: "33",
  bad: "1;31",
  drain: "94",
};

/** NO_COLOR forbids colour, not weight. */
const colourlessCodes: Readonly<Record<Tone, string>> = { ...toneCodes, good: "", warn: "", bad: "1", drain: "" };

const codeTables = {
  color: toneCodes,
  mono: colourlessCodes,
  none: { plain: "", strong: "", quiet: "", good: "", warn: "", bad: "", drain: "" },
} as const satisfies Readonly<Record<ThemeOptions["paint"], Readonly<Record<Tone, string>>>>;

const unicodeGlyphs: Readonly<Record<Sign, string>> = {
  up: "●",
  changing: "◐",
  down: "○",
  drain: "◌",
  maint: "⊘",
  idle: "·",
};
const asciiGlyphs: Readonly<Record<Sign, string>> = {
  up: "+",
  changing: "~",
  down: "!",
  drain: "d",
  maint: "m",
  idle: ".",
};

const asciiFor: Readonly<Record<string, string>> = {
  "▲": "!",
  "→": "->",
  "–": "-",
  "−": "-",
  "…": "~",
  "✓": "ok",
  "✗": "x",
  "↑": "Up",
  "↓": "Down",
};

export interface ThemeOptions {
  /** mono keeps bold, dim and inverse; none is for a file or a pipe. */
  readonly paint: "color" | "mono" | "none";
  readonly unicode: boolean;
}

export function makeTheme({ paint, unicode }: ThemeOptions): Theme {
  const codes = codeTables[paint];
  const glyphs = unicode ? unicodeGlyphs : asciiGlyphs;
  return {
    unicode,
    paint: (tone, text) => (codes[tone] === "" || text === "" ? text : `\u001b[${codes[tone]}m${text}\u001b[0m`),
    inverse: paint === "none" ? (text) => text : (text) => `\u001b[7m${text}\u001b[0m`,
    glyph: (sign) => glyphs[sign],
    plain: unicode ? (text) => text : toAscii,
    box: unicode
      ? { topLeft: "╭", topRight: "╮", bottomLeft: "╰", bottomRight: "╯", horizontal: "─", vertical: "│" }
      : { topLeft: "+", topRight: "+", bottomLeft: "+", bottomRight: "+", horizontal: "-", vertical: "|" },
    sparks: unicode ? [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] : [" ", "_", ".", ":", "-", "=", "+", "*", "#"],
    bar: unicode ? { full: "█", empty: " " } : { full: "#", empty: " " },
    cursor: ">",
    marked: unicode ? "✓" : "*",
    folded: unicode ? "▸" : ">",
    unfolded: unicode ? "▾" : "v",
    ellipsis: unicode ? "…" : "~",
    alarm: unicode ? "▲" : "!",
    fine: unicode ? "✓" : "ok",
  };
}

function toAscii(text: string): string {
  return text.replace(/[▲→–−…✓✗↑↓]/g, (character) => asciiFor[character] ?? "?");
}

/** Whether the locale can show the drawing characters (POSIX precedence of LC_ALL, LC_CTYPE, LANG). */
export function localeIsUtf8(env: Readonly<Record<string, string | undefined>>): boolean {
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((value) => value !== undefined && value !== "");
  return locale !== undefined && /utf-?8/i.test(locale);
}
