/** How many terminal cells a text takes, and how to cut or pad it to a number of cells. */

/** Ranges of East Asian Wide and Fullwidth characters and emoji (Unicode EastAsianWidth.txt, W and F, coarse). */
const WIDE_RANGES = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
] as const;

const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]$/u;

/** Cells of one text without escape sequences. */
export function displayWidth(text: string): number {
  let width = 0;
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 0x7e) return slowWidth(text);
    width++;
  }
  return width;
}

function slowWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

function characterWidth(character: string): 0 | 1 | 2 {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x300) return 1;
  if (WIDE_RANGES.some(([low, high]) => code >= low && code <= high)) return 2;
  return ZERO_WIDTH.test(character) ? 0 : 1;
}

/** At most `width` cells; what is cut is marked by `mark` (one cell). */
export function truncateCells(text: string, width: number, mark = "…"): string {
  if (width <= 0) return "";
  if (displayWidth(text) <= width) return text;
  let used = 0;
  let kept = "";
  for (const character of text) {
    const next = used + characterWidth(character);
    if (next > width - 1) break;
    kept += character;
    used = next;
  }
  return kept + mark;
}

/** Exactly `width` cells: cut or filled with spaces on the side away from `align`. */
export function fitCells(text: string, width: number, align: "left" | "right" = "left", mark = "…"): string {
  const cut = truncateCells(text, width, mark);
  const fill = " ".repeat(Math.max(0, width - displayWidth(cut)));
  return align === "left" ? cut + fill : fill + cut;
}
