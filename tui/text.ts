/** The TUI's one door for text that comes from the daemon, the configuration or the network. */
import { displayWidth, fitCells, truncateCells } from "../src/lib/display-width.ts";
import { safeText } from "../src/lib/safe-text.ts";
import type { Theme } from "./theme.ts";

/** Harmless for the terminal, and in ASCII where the terminal asks for it. */
export function shown(theme: Theme, text: string): string {
  const harmless = theme.plain(safeText(text));
  return theme.unicode ? harmless : harmless.replace(/[^ -~]/g, "?");
}

// Our own painting only: safeText has taken every other escape away.
// eslint-disable-next-line no-control-regex
const PAINTING = /\u001b\[[\d;]*m/g;

export function unpaint(text: string): string {
  return text.includes("\u001b") ? text.replace(PAINTING, "") : text;
}

/** Exactly `width` cells of a text that may be painted; one that is too long loses its paint with its end. */
export function fitPainted(theme: Theme, text: string, width: number): string {
  const bare = unpaint(text);
  const cells = displayWidth(bare);
  if (cells > width) return truncateCells(bare, width, theme.ellipsis);
  return text + " ".repeat(width - cells);
}

export function paintedWidth(text: string): number {
  return displayWidth(unpaint(text));
}

/** `left` and `right` at the two ends of a line of `width` cells; the right one goes first when both do not fit. */
export function spread(theme: Theme, left: string, right: string, width: number): string {
  const gap = width - paintedWidth(left) - paintedWidth(right);
  if (gap >= 1) return left + " ".repeat(gap) + right;
  return fitPainted(theme, left, width);
}

/** Words in lines of at most `width` cells; a longer word is cut. */
export function wrapWords(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (displayWidth(longer) <= width) {
      line = longer;
      continue;
    }
    if (line !== "") lines.push(line);
    line = displayWidth(word) > width ? fitCells(word, width) : word;
  }
  if (line !== "") lines.push(line);
  return lines;
}
