/**
 * Where each key and each value of a TOML text stands. smol-toml has already accepted the text (its own errors
 * carry line and column), so this scanner follows valid TOML and never has to explain itself: on anything it does
 * not know it stops, and what is not located is reported at its nearest located parent.
 */
import { formatPath } from "./schema-issue.ts";
import type { Path } from "./schema-issue.ts";
import { scanString } from "./toml-string.ts";

export interface Extent {
  /** Offsets into the text, end excluded. */
  readonly start: number;
  readonly end: number;
}

export interface Location {
  /** The key, or the header of its table; for an array's item, the item itself. */
  readonly key: Extent;
  readonly value: Extent;
}

export interface Locations {
  readonly text: string;
  readonly find: (path: Path) => Location | null;
  /** Every located path, in the order of the text. */
  readonly paths: () => readonly Path[];
}

export interface Place {
  /** From 1, in characters. */
  readonly line: number;
  readonly column: number;
  readonly sourceLine: string;
}

/** Scans the whole text once. */
export function locateToml(text: string): Locations {
  const scanner = new Scanner(text);
  scanner.run();
  const found = scanner.found;
  return {
    text,
    find: (path) => found.get(formatPath(path))?.location ?? null,
    paths: () => [...found.values()].map((entry) => entry.path),
  };
}

/** Line and column of an offset, with the line's text. */
export function placeAt(text: string, offset: number): Place {
  const lineStart = lineStartOf(text, offset);
  const lineEnd = text.indexOf("\n", lineStart);
  const sourceLine = text.slice(lineStart, lineEnd === -1 ? text.length : lineEnd).replace(/\r$/, "");
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < lineStart; at = text.indexOf("\n", at + 1)) line++;
  return { line, column: characterCount(text.slice(lineStart, offset)) + 1, sourceLine };
}

/** Offset of the first character of the line that holds this offset. */
export function lineStartOf(text: string, offset: number): number {
  // lastIndexOf takes a negative start for 0.
  return offset === 0 ? 0 : text.lastIndexOf("\n", offset - 1) + 1;
}

class Scanner {
  readonly found = new Map<string, { readonly path: Path; readonly location: Location }>();
  readonly #text: string;
  readonly #arrayCounts = new Map<string, number>();
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  run(): void {
    if (this.#text.charCodeAt(0) === 0xfeff) this.#at = 1;
    let table: Path = [];
    for (;;) {
      this.#skipBlank(true);
      if (this.#at >= this.#text.length) return;
      const before = this.#at;
      if (this.#text[this.#at] === "[") table = this.#header();
      else this.#pair(table);
      if (this.#at === before) return;
    }
  }

  /** `[a.b]` and `[[a.b]]`: answers the path of the table that the next lines fill. */
  #header(): Path {
    const start = this.#at;
    const isArray = this.#text.startsWith("[[", this.#at);
    this.#at += isArray ? 2 : 1;
    const keys = this.#keys();
    this.#skipBlank(false);
    this.#at += isArray ? 2 : 1;
    const extent = { start, end: this.#at };
    let path: Path = [];
    for (const [i, key] of keys.entries()) {
      path = [...path, key.name];
      const isLast = i === keys.length - 1;
      const counter = formatPath(path);
      const count = this.#arrayCounts.get(counter);
      if (isLast && isArray) {
        this.#arrayCounts.set(counter, (count ?? 0) + 1);
        this.#record(path, { key: key.extent, value: extent });
        path = [...path, count ?? 0];
        this.#record(path, { key: extent, value: extent });
      } else {
        this.#record(path, { key: key.extent, value: isLast ? extent : key.extent });
        // A header below an array of tables means its latest element.
        if (count !== undefined) path = [...path, count - 1];
      }
    }
    return path;
  }

  #pair(table: Path): void {
    const keys = this.#keys();
    if (keys.length === 0) return;
    this.#skipBlank(false);
    if (this.#text[this.#at] !== "=") return;
    this.#at++;
    this.#skipBlank(true);
    const valueStart = this.#at;
    const path = [...table, ...keys.map((key) => key.name)];
    // Reserved first, so that a parent comes before what it holds.
    for (let i = 0; i < keys.length; i++) {
      const extent = keys[i].extent;
      this.#record(path.slice(0, table.length + i + 1), { key: extent, value: extent });
    }
    this.#value(path);
    const value = { start: valueStart, end: this.#at };
    this.#replace(path, { key: keys[keys.length - 1].extent, value });
  }

  #keys(): { readonly name: string; readonly extent: Extent }[] {
    const keys: { name: string; extent: Extent }[] = [];
    for (;;) {
      this.#skipBlank(false);
      const start = this.#at;
      const character = this.#text[start];
      let name: string;
      if (character === '"' || character === "'") {
        const scanned = scanString(this.#text, start);
        name = scanned.value;
        this.#at = scanned.end;
      } else {
        while (/[A-Za-z0-9_-]/.test(this.#text[this.#at] ?? "")) this.#at++;
        name = this.#text.slice(start, this.#at);
      }
      if (this.#at === start) return keys;
      keys.push({ name, extent: { start, end: this.#at } });
      this.#skipBlank(false);
      if (this.#text[this.#at] !== ".") return keys;
      this.#at++;
    }
  }

  #value(path: Path): void {
    switch (this.#text[this.#at]) {
      case '"':
      case "'":
        this.#at = scanString(this.#text, this.#at).end;
        return;
      case "[":
        this.#array(path);
        return;
      case "{":
        this.#inlineTable(path);
        return;
      default:
        this.#bareValue();
    }
  }

  /** A number, boolean or date: up to what ends a value, without the blanks before that. */
  #bareValue(): void {
    const start = this.#at;
    while (this.#at < this.#text.length && !/[,\]}#\r\n]/.test(this.#text[this.#at])) this.#at++;
    while (this.#at > start && /[ \t]/.test(this.#text[this.#at - 1])) this.#at--;
  }

  #array(path: Path): void {
    this.#at++;
    for (let index = 0; ; index++) {
      this.#skipBlank(true);
      if (this.#at >= this.#text.length) return;
      if (this.#text[this.#at] === "]") break;
      const start = this.#at;
      const item = [...path, index];
      this.#record(item, { key: { start, end: start }, value: { start, end: start } });
      this.#value(item);
      if (this.#at === start) return;
      const extent = { start, end: this.#at };
      this.#replace(item, { key: extent, value: extent });
      this.#skipBlank(true);
      if (this.#text[this.#at] === ",") this.#at++;
    }
    this.#at++;
  }

  /** TOML 1.1 allows line breaks, comments and a last comma in it. */
  #inlineTable(path: Path): void {
    this.#at++;
    for (;;) {
      this.#skipBlank(true);
      if (this.#at >= this.#text.length) return;
      if (this.#text[this.#at] === "}") break;
      const start = this.#at;
      this.#pair(path);
      if (this.#at === start) return;
      this.#skipBlank(true);
      if (this.#text[this.#at] === ",") this.#at++;
    }
    this.#at++;
  }

  /** The first place counts: `[frontend.web]` and then `[frontend.api]` both pass over "frontend". */
  #record(path: Path, location: Location): void {
    const key = formatPath(path);
    if (!this.found.has(key)) this.found.set(key, { path, location });
  }

  #replace(path: Path, location: Location): void {
    this.found.set(formatPath(path), { path, location });
  }

  /** Spaces and tabs; over lines also line breaks and comments. */
  #skipBlank(overLines: boolean): void {
    for (;;) {
      const character = this.#text[this.#at];
      if (character === " " || character === "\t") this.#at++;
      else if (overLines && (character === "\n" || character === "\r")) this.#at++;
      else if (overLines && character === "#") {
        const end = this.#text.indexOf("\n", this.#at);
        this.#at = end === -1 ? this.#text.length : end;
      } else return;
    }
  }
}

/** Code points: what an editor counts as columns. */
export function characterCount(text: string): number {
  return Array.from(text).length;
}
