/**
 * The kinds of values that a key can have. A type checks one TOML value, reports what is wrong with it, and answers
 * it decoded: durations in milliseconds, items with the path they came from.
 */
import { didYouMean } from "../lib/suggest.ts";
import { parseDurationMs } from "../lib/units.ts";
import { formatDurationMs } from "../lib/units.ts";
import type { IssueSink, Path } from "./schema-issue.ts";
import { formatPath } from "./schema-issue.ts";

export interface Type<T> {
  /** What the value is, for messages and the manual: `a duration such as "2s"`. */
  readonly words: string;
  /** Decoded value; undefined when it is wrong, which has then been reported. */
  readonly decode: (value: unknown, at: Path, sink: IssueSink) => T | undefined;
  /** Rows of the table that the value is or holds: sections of the manual. */
  readonly sections: readonly Section[];
}

/** A decoded item with the place it came from. */
export interface At<T> {
  readonly at: Path;
  readonly value: T;
}

export interface NamedAt<T> extends At<T> {
  readonly name: string;
}

export interface Row<T> {
  readonly type: Type<T>;
  /** As one would write it; undefined when there is none. */
  readonly default?: unknown;
  /** In words, where the default depends on something else. */
  readonly defaultWords?: string;
  readonly doc: string;
  readonly since: "supported" | "not supported yet";
  readonly required?: true;
  /** HAProxy's and keepalived's words for it, for "did you mean". */
  readonly was?: readonly string[];
}

export type Rows = Readonly<Record<string, Row<unknown>>>;

export interface Section {
  readonly name: string;
  readonly rows: Rows;
}

export type Decoded<R extends Rows> = {
  readonly [K in keyof R]?: R[K] extends Row<infer T> ? T : never;
};

/** A value as it would stand in the file, for messages. */
export function describe(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (value instanceof Date) return "a date";
  if (typeof value === "object" && value !== null) return "a table";
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

export function mismatch(words: string, value: unknown, at: Path, sink: IssueSink, help?: string): undefined {
  const found = describe(value);
  const details = { found, wanted: words, ...(help === undefined ? {} : { help }) };
  sink.error(at, `must be ${words}, found ${found}`, details);
  return undefined;
}

export function text(words = "a string", form: RegExp = /[^]/): Type<string> {
  return {
    words,
    sections: [],
    decode: (value, at, sink) => {
      if (typeof value !== "string" || !form.test(value)) return mismatch(words, value, at, sink);
      return value;
    },
  };
}

export const boolean: Type<boolean> = {
  words: "true or false",
  sections: [],
  decode: (value, at, sink) => {
    if (typeof value === "boolean") return value;
    const help = typeof value === "string" ? "without quotes" : undefined;
    return mismatch(boolean.words, value, at, sink, help);
  },
};

export function integer(low: number, high: number): Type<number> {
  const words = `a whole number, ${low}–${high}`;
  return {
    words,
    sections: [],
    decode: (value, at, sink) => {
      if (typeof value !== "number" || !Number.isInteger(value)) return mismatch(words, value, at, sink);
      if (value >= low && value <= high) return value;
      sink.error(at, `${value} is outside ${low}–${high}`, { found: String(value), wanted: words });
      return undefined;
    },
  };
}

/** Milliseconds from `lowMs` to `highMs`. */
export function duration(lowMs: number, highMs: number): Type<number> {
  const words = 'a duration such as "2s"';
  return {
    words,
    sections: [],
    decode: (value, at, sink) => {
      if (typeof value === "number" && value >= 0) {
        return mismatch(words, value, at, sink, `write "${value}ms" or "${value}s"`);
      }
      if (typeof value !== "string") return mismatch(words, value, at, sink);
      const parsed = parseDurationMs(value);
      if (!parsed.ok) {
        sink.error(at, `"${value}" ${parsed.error}`, { found: value, wanted: words });
        return undefined;
      }
      if (parsed.value >= lowMs && parsed.value <= highMs) return parsed.value;
      const range = `${formatDurationMs(lowMs)}–${formatDurationMs(highMs)}`;
      sink.error(at, `"${value}" is outside ${range}`, { found: value, wanted: range });
      return undefined;
    },
  };
}

/** One of some words; `later` are known words that nothing implements yet, matched without what is in parentheses. */
export function choice<const T extends string>(now: readonly T[], later: readonly string[] = []): Type<T> {
  const words = `one of ${now.map((word) => `"${word}"`).join(", ")}`;
  return {
    words,
    sections: [],
    decode: (value, at, sink) => {
      const found = now.find((word) => word === value);
      if (found !== undefined) return found;
      if (typeof value !== "string") return mismatch(words, value, at, sink);
      if (later.includes(value.replace(/\(.*\)$/s, ""))) {
        sink.error(at, `"${value}" is not supported yet`, {
          found: value,
          wanted: words,
          help: `now: ${now.join(", ")}`,
        });
        return undefined;
      }
      const hint = didYouMean(value, [...now, ...later]);
      sink.error(at, `"${value}" is not ${words}${hint}`, { found: value, wanted: words });
      return undefined;
    },
  };
}

/** Only this value works today; any other right one is "not supported yet". */
export function only<T>(allowed: T, type: Type<T>): Type<T> {
  return {
    ...type,
    decode: (value, at, sink) => {
      const decoded = type.decode(value, at, sink);
      if (decoded === undefined || decoded === allowed) return decoded;
      sink.error(at, `${formatPath(at.slice(-1))} = ${describe(value)} is not supported yet`);
      return undefined;
    },
  };
}

/** An array; wrong items are reported and left out. */
export function list<T>(item: Type<T>, countMax = 10_000): Type<readonly At<T>[]> {
  const words = `an array, each item ${item.words}`;
  return {
    words,
    sections: item.sections,
    decode: (value, at, sink) => {
      if (!Array.isArray(value)) return mismatch(words, value, at, sink, "put it in [ ]");
      if (value.length > countMax) {
        sink.error(at, `has ${value.length} items; at most ${countMax} are taken`);
        return undefined;
      }
      const items: At<T>[] = [];
      for (const [index, raw] of value.entries()) {
        const place = [...at, index];
        const decoded = item.decode(raw, place, sink);
        if (decoded !== undefined) items.push({ at: place, value: decoded });
      }
      return items;
    },
  };
}

/** An array, or one item without the brackets. */
export function oneOrList<T>(item: Type<T>, countMax = 10_000): Type<readonly At<T>[]> {
  const several = list(item, countMax);
  return {
    words: `${item.words}, or an array of them`,
    sections: item.sections,
    decode: (value, at, sink) => {
      if (Array.isArray(value)) return several.decode(value, at, sink);
      const decoded = item.decode(value, at, sink);
      return decoded === undefined ? undefined : [{ at, value: decoded }];
    },
  };
}

export function booleanOr<T>(other: Type<T>): Type<boolean | T> {
  return {
    words: `true, false, or ${other.words}`,
    sections: other.sections,
    decode: (value, at, sink) => (typeof value === "boolean" ? value : other.decode(value, at, sink)),
  };
}
