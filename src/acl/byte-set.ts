/** Sets of byte values as bit masks: what one step of a regular expression can take. */
declare const setBrand: unique symbol;
export type ByteSet = bigint & { readonly [setBrand]: true };

export const emptySet = 0n as ByteSet;
export const fullSet = ((1n << 256n) - 1n) as ByteSet;

export function byteRange(low: number, high: number): ByteSet {
  return (((1n << BigInt(high - low + 1)) - 1n) << BigInt(low)) as ByteSet;
}

export function oneByte(value: number): ByteSet {
  return byteRange(value, value);
}

export function union(...sets: readonly ByteSet[]): ByteSet {
  return sets.reduce((all, set) => (all | set) as ByteSet, emptySet);
}

export function complement(set: ByteSet): ByteSet {
  return (fullSet & ~set) as ByteSet;
}

export function overlaps(a: ByteSet, b: ByteSet): boolean {
  return (a & b) !== 0n;
}

const upperToLower = 32n;
const upperCase = byteRange(0x41, 0x5a);
const lowerCase = (upperCase << upperToLower) as ByteSet;

/** With every ASCII letter in both cases. */
export function bothCases(set: ByteSet): ByteSet {
  const upper = set & upperCase;
  const lower = set & lowerCase;
  return (set | (upper << upperToLower) | (lower >> upperToLower)) as ByteSet;
}

export const digitSet = byteRange(0x30, 0x39);
export const wordSet = union(digitSet, upperCase, lowerCase, oneByte(0x5f));
/** \t \n \v \f \r and space; JavaScript's \s would add U+00A0, a byte of UTF-8 here. */
export const spaceSet = union(byteRange(0x09, 0x0d), oneByte(0x20));
export const dotSet = complement(oneByte(0x0a));

/** POSIX class names of a bracket expression, for ASCII. */
export const posixSets: Readonly<Record<string, ByteSet>> = {
  alpha: union(upperCase, lowerCase),
  digit: digitSet,
  alnum: union(digitSet, upperCase, lowerCase),
  upper: upperCase,
  lower: lowerCase,
  space: spaceSet,
  blank: union(oneByte(0x09), oneByte(0x20)),
  punct: union(byteRange(0x21, 0x2f), byteRange(0x3a, 0x40), byteRange(0x5b, 0x60), byteRange(0x7b, 0x7e)),
  print: byteRange(0x20, 0x7e),
  graph: byteRange(0x21, 0x7e),
  cntrl: union(byteRange(0x00, 0x1f), oneByte(0x7f)),
  xdigit: union(digitSet, byteRange(0x41, 0x46), byteRange(0x61, 0x66)),
  word: wordSet,
};

/** The set as a JavaScript class, "[a-z]", or one escaped character. */
export function setSource(set: ByteSet): string {
  const ranges = rangesSource(set);
  return (set & (set - 1n)) === 0n ? ranges : `[${ranges}]`;
}

/** What stands between the brackets of a class. */
export function rangesSource(set: ByteSet): string {
  let source = "";
  for (let low = 0; low < 256; low++) {
    if (!hasByte(set, low)) continue;
    let high = low;
    while (high < 255 && hasByte(set, high + 1)) high++;
    source += high === low ? byteSource(low) : `${byteSource(low)}-${byteSource(high)}`;
    low = high;
  }
  return source;
}

function hasByte(set: ByteSet, value: number): boolean {
  return ((set >> BigInt(value)) & 1n) === 1n;
}

/** Letters, digits and what is plain everywhere stand for themselves; the rest is escaped. */
function byteSource(value: number): string {
  const character = String.fromCharCode(value);
  if (/[A-Za-z0-9_%&~:;,<>=@!"'`# ]/.test(character)) return character;
  if (value > 0x20 && value < 0x7f) return `\\${character}`;
  return `\\x${value.toString(16).padStart(2, "0")}`;
}
