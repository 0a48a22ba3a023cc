/**
 * Words and operators of a condition. What a character means depends on where it stands, so the parser says
 * where it is: "(" opens a group where a term is expected and belongs to the text inside a pattern.
 *
 * Quoting is HAProxy's (configuration.txt, section 2.2): '…' keeps everything, "…" keeps blanks, a backslash
 * takes the next character as it is or as \t \n \r \xHH; before any other character it stays (`\.` in a regex).
 */

export interface Span {
  /** Offsets into the condition's text, end excluded. */
  readonly start: number;
  readonly end: number;
}

export interface ConditionError extends Span {
  readonly message: string;
  readonly help: string | null;
}

export type Operator = "and" | "or" | "not" | "(" | ")" | "{" | "}";

export type Token =
  | (Span & { readonly kind: "word"; readonly text: string; readonly quoted: boolean })
  | (Span & { readonly kind: "operator"; readonly operator: Operator })
  | (Span & { readonly kind: "end" })
  | (Span & { readonly kind: "error"; readonly message: string; readonly help: string | null });

export interface LexerPlace {
  /** term: a name, "!", "(" or "{" may come; pattern: the words after a fetch. */
  readonly expects: "term" | "pattern";
  /** What closes the innermost open group; "" when none is open. */
  readonly closer: "" | ")" | "}";
}

const operatorWords: Readonly<Record<string, Operator>> = { and: "and", AND: "and", or: "or", OR: "or" };

/** The token that starts at or after `from`. */
export function readToken(text: string, from: number, place: LexerPlace): Token {
  let start = from;
  while (isBlank(text[start])) start++;
  if (start >= text.length) return { kind: "end", start: text.length, end: text.length };
  const symbol = symbolAt(text, start, place);
  if (symbol !== null) return symbol;
  const word = readWord(text, start, place);
  const keyword = word.kind === "word" && !word.quoted && place.closer !== "}" ? operatorWords[word.text] : undefined;
  if (keyword !== undefined) return { kind: "operator", operator: keyword, start, end: word.end };
  return word;
}

function symbolAt(text: string, start: number, place: LexerPlace): Token | null {
  const character = text[start];
  const make = (operator: Operator, length: number): Token => ({
    kind: "operator",
    operator,
    start,
    end: start + length,
  });
  if (text.startsWith("&&", start)) return make("and", 2);
  if (text.startsWith("||", start)) return make("or", 2);
  if (character === place.closer) return make(place.closer as Operator, 1);
  // Inside braces everything up to "}" is a pattern; outside, "!" starts the next term.
  if (character === "!" && (place.expects === "term" || place.closer !== "}")) return make("not", 1);
  if (place.expects === "pattern") return null;
  if (character === "(" || character === "{" || character === ")" || character === "}") return make(character, 1);
  if (character === "&" || character === "|") {
    const message = `single "${character}" is no operator`;
    return { kind: "error", start, end: start + 1, message, help: `write "${character}${character}"` };
  }
  return null;
}

function readWord(text: string, start: number, place: LexerPlace): Token {
  let value = "";
  let quoted = false;
  let quote = "";
  let quoteStart = start;
  const open: string[] = [];
  let at = start;
  while (at < text.length) {
    const character = text[at];
    if (quote === "" && endsWord(text, at, open, place)) break;
    if (character === "\\" && quote !== "'") {
      const escape = readEscape(text, at);
      value += escape.value;
      quoted ||= escape.length > 1;
      at += escape.length;
    } else if (character === quote) {
      quote = "";
      at++;
    } else if (quote === "" && (character === '"' || character === "'")) {
      quote = character;
      quoteStart = at;
      quoted = true;
      at++;
    } else {
      if (quote === "") trackGroup(open, character);
      value += character;
      at++;
    }
  }
  if (quote !== "") {
    return {
      kind: "error",
      start: quoteStart,
      end: text.length,
      message: `quote ${quote} is never closed`,
      help: `write \\${quote} for the character itself`,
    };
  }
  return { kind: "word", text: value, quoted, start, end: at };
}

/** A closer ends the word only when the word did not open it: "/b)" in a group, but not "(a|b)$". */
function endsWord(text: string, at: number, open: readonly string[], place: LexerPlace): boolean {
  const character = text[at];
  if (isBlank(character)) return true;
  if (text.startsWith("||", at) || text.startsWith("&&", at)) return true;
  return character === place.closer && !open.includes(character);
}

function trackGroup(open: string[], character: string): void {
  if (character === "(") open.push(")");
  else if (character === "{") open.push("}");
  else if (character === open.at(-1)) open.pop();
}

function readEscape(text: string, at: number): { readonly value: string; readonly length: number } {
  const next = text[at + 1];
  switch (next) {
    case " ":
    case "\\":
    case "#":
    case '"':
    case "'":
      return { value: next, length: 2 };
    case "t":
      return { value: "\t", length: 2 };
    case "n":
      return { value: "\n", length: 2 };
    case "r":
      return { value: "\r", length: 2 };
    case "x": {
      const hex = text.slice(at + 2, at + 4);
      // Above 0x7f it would become two bytes of UTF-8: left for the regex to read as one.
      if (!/^[0-7][0-9a-fA-F]$/.test(hex)) return { value: "\\", length: 1 };
      return { value: String.fromCharCode(Number.parseInt(hex, 16)), length: 4 };
    }
    default:
      return { value: "\\", length: 1 };
  }
}

function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t" || character === "\n" || character === "\r";
}
