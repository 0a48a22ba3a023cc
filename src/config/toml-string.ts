/** One TOML string literal in its text: its end, its value, and where each character of the value came from. */

export interface ScannedString {
  readonly value: string;
  /** Offset behind the closing quote. */
  readonly end: number;
  /** Offset in the text of each UTF-16 unit of the value, and of the end of the content. */
  readonly offsets: readonly number[];
}

const simpleEscapes: Readonly<Record<string, string>> = {
  b: "\b",
  t: "\t",
  n: "\n",
  f: "\f",
  r: "\r",
  e: "\u001b",
  '"': '"',
  "\\": "\\",
};

/** The literal that starts at `start` with its quote: basic or literal, on one line or several (TOML 1.1). */
export function scanString(text: string, start: number): ScannedString {
  const quote = text[start];
  const isLong = text.startsWith(quote.repeat(3), start);
  const isBasic = quote === '"';
  let at = start + (isLong ? 3 : 1);
  // A line break right behind the opening of a long string does not count.
  if (isLong && text.startsWith("\r\n", at)) at += 2;
  else if (isLong && text[at] === "\n") at++;
  let value = "";
  const offsets: number[] = [];
  while (at < text.length && !closes(text, at, quote, isLong)) {
    const taken = isBasic && text[at] === "\\" ? readEscape(text, at) : { value: text[at], length: 1 };
    for (let i = 0; i < taken.value.length; i++) offsets.push(at);
    value += taken.value;
    at += taken.length;
  }
  offsets.push(at);
  return { value, end: at + (isLong ? 3 : 1), offsets };
}

/** Up to two quotes may stand right before the closing three: `""""quoted""""`. */
function closes(text: string, at: number, quote: string, isLong: boolean): boolean {
  if (text[at] !== quote) return false;
  if (!isLong) return true;
  return text.startsWith(quote.repeat(3), at) && text[at + 3] !== quote;
}

function readEscape(text: string, at: number): { readonly value: string; readonly length: number } {
  const next = text[at + 1] ?? "";
  if (Object.hasOwn(simpleEscapes, next)) return { value: simpleEscapes[next], length: 2 };
  const digits = { x: 2, u: 4, U: 8 }[next];
  if (digits !== undefined) {
    const codePoint = Number.parseInt(text.slice(at + 2, at + 2 + digits), 16);
    const valid = codePoint >= 0 && codePoint <= 0x10ffff;
    return { value: valid ? String.fromCodePoint(codePoint) : "\ufffd", length: 2 + digits };
  }
  // A backslash at the end of a line joins the lines.
  const joined = /^\\[ \t]*\r?\n[ \t\r\n]*/.exec(text.slice(at, at + 4096));
  return { value: "", length: joined?.[0].length ?? 2 };
}
