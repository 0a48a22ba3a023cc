/** Reads a PCRE-style regular expression into nodes over bytes, and writes it again for JavaScript. */
import { bothCases, byteRange, complement, digitSet, dotSet, emptySet, oneByte, posixSets } from "./byte-set.ts";
import { rangesSource, setSource, spaceSet, union, wordSet } from "./byte-set.ts";
import type { ByteSet } from "./byte-set.ts";

export type RegexNode =
  /** Takes one byte of the set (both cases: the analysis does not know about -i). */
  | { readonly kind: "set"; readonly set: ByteSet }
  /** ^ : takes nothing, at the first byte only. */
  | { readonly kind: "start" }
  /** \b, \B: take nothing. */
  | { readonly kind: "nothing" }
  /** $: nothing can follow. */
  | { readonly kind: "end" }
  | { readonly kind: "sequence"; readonly items: readonly RegexNode[] }
  | { readonly kind: "choice"; readonly branches: readonly RegexNode[] }
  | { readonly kind: "repeat"; readonly item: RegexNode; readonly min: number; readonly max: number };

interface Piece {
  readonly node: RegexNode;
  readonly source: string;
}

/** Why the expression is refused; caught in regex.ts. */
export class RegexStop extends Error {
  readonly help: string | null;
  constructor(message: string, help: string | null = null) {
    super(message);
    this.help = help;
  }
}

const GROUP_DEPTH_MAX = 50;
/** As in PCRE's {n,m}, but sane for one header value. */
const REPEAT_MAX = 1000;

/** @throws RegexStop with a clause that follows the quoted expression. */
export function parseRegex(text: string): Piece {
  const parser = new RegexParser(text);
  return parser.parse();
}

const letterSets: Readonly<Record<string, ByteSet>> = {
  d: digitSet,
  D: complement(digitSet),
  w: wordSet,
  W: complement(wordSet),
  s: spaceSet,
  S: complement(spaceSet),
  h: union(oneByte(0x09), oneByte(0x20)),
  N: dotSet,
};
const letterBytes: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, a: 7, e: 27, "0": 0 };
const letterAnchors: Readonly<Record<string, Piece>> = {
  b: { node: { kind: "nothing" }, source: "\\b" },
  B: { node: { kind: "nothing" }, source: "\\B" },
  A: { node: { kind: "start" }, source: "^" },
  z: { node: { kind: "end" }, source: "$" },
  Z: { node: { kind: "end" }, source: "$" },
};

class RegexParser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Piece {
    const piece = this.#choice();
    if (this.#at < this.#text.length) throw new RegexStop('has a ")" without "("');
    return piece;
  }

  #choice(): Piece {
    const branches = [this.#sequence()];
    while (this.#skip("|")) branches.push(this.#sequence());
    if (branches.length === 1) return branches[0];
    return {
      node: { kind: "choice", branches: branches.map((branch) => branch.node) },
      source: branches.map((branch) => branch.source).join("|"),
    };
  }

  #sequence(): Piece {
    const items: Piece[] = [];
    while (this.#at < this.#text.length && this.#text[this.#at] !== "|" && this.#text[this.#at] !== ")") {
      items.push(this.#quantified());
    }
    const nodes = items.map((item) => item.node);
    return {
      node: nodes.length === 1 ? nodes[0] : { kind: "sequence", items: nodes },
      source: items.map((item) => item.source).join(""),
    };
  }

  #quantified(): Piece {
    const start = this.#at;
    const piece = this.#atom();
    const bounds = this.#bounds();
    if (bounds === null) return piece;
    if (piece.node.kind === "start" || piece.node.kind === "nothing" || piece.node.kind === "end") {
      throw new RegexStop(`repeats "${this.#text.slice(start, this.#at)}", which takes no character`);
    }
    if (this.#text[this.#at] === "+") throw new RegexStop("uses a possessive quantifier", 'leave out the second "+"');
    // A lazy quantifier changes what is captured, never whether it matches.
    this.#skip("?");
    if (this.#bounds() !== null) throw new RegexStop("repeats a repetition", "put the inner one into a group");
    const [min, max] = bounds;
    return { node: { kind: "repeat", item: piece.node, min, max }, source: piece.source + quantifierSource(min, max) };
  }

  #bounds(): readonly [number, number] | null {
    if (this.#skip("*")) return [0, Number.POSITIVE_INFINITY];
    if (this.#skip("+")) return [1, Number.POSITIVE_INFINITY];
    if (this.#skip("?")) return [0, 1];
    const braces = /^\{(\d+)(,(\d*))?\}/.exec(this.#text.slice(this.#at, this.#at + 24));
    if (braces === null) return null;
    this.#at += braces[0].length;
    const min = Number(braces[1]);
    const max = braces[2] === undefined ? min : braces[3] === "" ? Number.POSITIVE_INFINITY : Number(braces[3]);
    if (min > REPEAT_MAX || (max > REPEAT_MAX && max !== Number.POSITIVE_INFINITY)) {
      throw new RegexStop(`repeats more than ${REPEAT_MAX} times`);
    }
    if (min > max) throw new RegexStop(`has "${braces[0]}", whose bounds are upside down`);
    return [min, max];
  }

  #atom(): Piece {
    const character = this.#text[this.#at];
    switch (character) {
      case "(":
        return this.#group();
      case "[":
        return this.#bracket();
      case "\\":
        return this.#escape();
      case ".":
        this.#at++;
        return setPiece(dotSet);
      case "^":
        this.#at++;
        return { node: { kind: "start" }, source: "^" };
      case "$":
        this.#at++;
        return { node: { kind: "end" }, source: "$" };
      case "*":
      case "+":
      case "?":
        throw new RegexStop(`has "${character}" with nothing to repeat`);
      default:
        return this.#literal();
    }
  }

  /** A character outside ASCII is its UTF-8 bytes, as on the wire. */
  #literal(): Piece {
    const codePoint = this.#text.codePointAt(this.#at) ?? 0;
    const character = String.fromCodePoint(codePoint);
    this.#at += character.length;
    const pieces = [...utf8(character)].map((byte) => setPiece(oneByte(byte)));
    if (pieces.length === 1) return pieces[0];
    return {
      node: { kind: "sequence", items: pieces.map((piece) => piece.node) },
      source: `(?:${pieces.map((piece) => piece.source).join("")})`,
    };
  }

  #group(): Piece {
    this.#depth++;
    if (this.#depth > GROUP_DEPTH_MAX) throw new RegexStop(`nests groups deeper than ${GROUP_DEPTH_MAX}`);
    this.#at++;
    const opening = /^\?(?::|P?<[A-Za-z_]\w*>|'[A-Za-z_]\w*')/.exec(this.#text.slice(this.#at, this.#at + 64));
    if (opening !== null) this.#at += opening[0].length;
    else if (this.#text.startsWith("?i)", this.#at))
      throw new RegexStop('uses "(?i)"', "use the flag -i before the pattern");
    else if (this.#text[this.#at] === "?")
      throw new RegexStop(
        `uses "(${this.#text.slice(this.#at, this.#at + 2)}"`,
        "look-around, atomic groups and inline flags are not taken",
      );
    const inner = this.#choice();
    if (!this.#skip(")")) throw new RegexStop('has a "(" that is never closed');
    this.#depth--;
    // Nothing is captured: only whether it matches is asked.
    return { node: inner.node, source: `(?:${inner.source})` };
  }

  #escape(): Piece {
    const next = this.#text[this.#at + 1];
    if (next === undefined) throw new RegexStop("ends with a backslash");
    if (Object.hasOwn(letterAnchors, next)) {
      this.#at += 2;
      return letterAnchors[next];
    }
    return setPiece(this.#escapedSet());
  }

  /** The bytes that an escape stands for, inside or outside a bracket expression. */
  #escapedSet(): ByteSet {
    const next = this.#text[this.#at + 1];
    if (next === undefined) throw new RegexStop("ends with a backslash");
    const hex = /^x([0-9a-fA-F]{2})/.exec(this.#text.slice(this.#at + 1, this.#at + 4));
    if (hex !== null) {
      this.#at += 4;
      return oneByte(Number.parseInt(hex[1], 16));
    }
    this.#at += 2;
    if (Object.hasOwn(letterSets, next)) return letterSets[next];
    if (Object.hasOwn(letterBytes, next)) return oneByte(letterBytes[next]);
    if (/[1-9]/.test(next)) throw new RegexStop(`uses the back-reference "\\${next}"`);
    if (/[A-Za-z]/.test(next)) throw new RegexStop(`uses "\\${next}", which is not taken`);
    if (next.charCodeAt(0) > 0x7f) throw new RegexStop("escapes a character outside ASCII");
    return oneByte(next.charCodeAt(0));
  }

  #bracket(): Piece {
    this.#at++;
    const negated = this.#skip("^");
    let set = emptySet;
    let first = true;
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) throw new RegexStop('has a "[" that is never closed');
      if (character === "]" && !first) break;
      first = false;
      set = union(set, this.#bracketItem());
    }
    this.#at++;
    const all = negated ? complement(set) : set;
    if (all === 0n) throw new RegexStop("has a bracket expression that nothing matches");
    // Written as a negation again: with -i, [^a] must not take "A".
    const source = negated ? `[^${rangesSource(set)}]` : setSource(set);
    return { node: { kind: "set", set: bothCases(all) }, source };
  }

  #bracketItem(): ByteSet {
    const posix = /^\[:(\^?)([a-z]+):\]/.exec(this.#text.slice(this.#at, this.#at + 16));
    if (posix !== null) {
      if (!Object.hasOwn(posixSets, posix[2])) throw new RegexStop(`has the unknown class "${posix[0]}"`);
      this.#at += posix[0].length;
      return posix[1] === "^" ? complement(posixSets[posix[2]]) : posixSets[posix[2]];
    }
    const low = this.#bracketCharacter();
    const isRange =
      this.#text[this.#at] === "-" && this.#text[this.#at + 1] !== "]" && this.#at + 1 < this.#text.length;
    if (!isRange || low.single === null) return low.set;
    this.#at++;
    const high = this.#bracketCharacter();
    if (high.single === null) throw new RegexStop("has a range that ends in a class");
    if (high.single < low.single) throw new RegexStop("has a range that is upside down");
    return byteRange(low.single, high.single);
  }

  #bracketCharacter(): { readonly set: ByteSet; readonly single: number | null } {
    if (this.#text[this.#at] === "\\") {
      // In brackets \b is the backspace.
      if (this.#text[this.#at + 1] === "b") {
        this.#at += 2;
        return { set: oneByte(8), single: 8 };
      }
      const set = this.#escapedSet();
      const value = set.toString(2).length - 1;
      return { set, single: set === oneByte(value) ? value : null };
    }
    const code = this.#text.charCodeAt(this.#at);
    if (code > 0x7f)
      throw new RegexStop("has a character outside ASCII in brackets", "write the alternatives as (ä|ö)");
    this.#at++;
    return { set: oneByte(code), single: code };
  }

  #skip(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }
}

function setPiece(set: ByteSet): Piece {
  return { node: { kind: "set", set: bothCases(set) }, source: setSource(set) };
}

function quantifierSource(min: number, max: number): string {
  if (min === 0 && max === 1) return "?";
  if (max === Number.POSITIVE_INFINITY) return min === 0 ? "*" : min === 1 ? "+" : `{${min},}`;
  return min === max ? `{${min}}` : `{${min},${max}}`;
}

function utf8(character: string): Uint8Array {
  return new TextEncoder().encode(character);
}
