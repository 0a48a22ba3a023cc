/** Types of TOML tables: one with fixed keys, one written as a string in short, one with keys of the user's choice. */
import { didYouMean, suggest } from "../lib/suggest.ts";
import type { IssueSink, Path } from "./schema-issue.ts";
import type { At, Decoded, NamedAt, Row, Rows, Type } from "./schema-type.ts";
import { mismatch } from "./schema-type.ts";

/** Names of sections and ACLs: HAProxy's set of characters. */
export const nameForm = /^[A-Za-z0-9_.:-]+$/;

/** A row of the schema. */
export function row<T>(type: Type<T>, doc: string, more: Omit<Row<T>, "type" | "doc" | "since"> = {}): Row<T> {
  return { type, doc, since: "supported", ...more };
}

/** A row of the schema that is refused as "not supported yet". */
export function later<T>(type: Type<T>, doc: string): Row<T> {
  return { type, doc, since: "not supported yet" };
}

export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** A table with these keys. Always answers a value: what is wrong in it is left out. */
export function table<R extends Rows>(name: string, rows: R): Type<Decoded<R>> {
  const words = `a table { ${keysInShort(rows)} }`;
  const inner = Object.values(rows).flatMap((entry) => entry.type.sections);
  return {
    words,
    sections: [{ name, rows }, ...inner],
    decode: (value, at, sink) => {
      if (!isTable(value)) {
        mismatch(words, value, at, sink);
        return {};
      }
      return decodeRows(rows, value, at, sink);
    },
  };
}

/** What somebody would write first: the keys that must be there, else the first of all. */
function keysInShort(rows: Rows): string {
  const keys = Object.keys(rows).filter((key) => rows[key].since === "supported");
  const required = keys.filter((key) => rows[key].required === true);
  const shown = (required.length > 0 ? required : keys).slice(0, 2).map((key) => `${key} = …`);
  return [...shown, ...(keys.length > shown.length ? ["…"] : [])].join(", ");
}

function decodeRows<R extends Rows>(
  rows: R,
  value: Readonly<Record<string, unknown>>,
  at: Path,
  sink: IssueSink,
): Decoded<R> {
  const decoded: Record<string, unknown> = {};
  const meant: string[] = [];
  for (const [key, raw] of Object.entries(value)) {
    const place = [...at, key];
    if (!Object.hasOwn(rows, key)) {
      sink.error(place, unknownKey(key, rows, at), { mark: "key", show: at, found: key });
      meant.push(formerly(key, rows) ?? suggest(key, Object.keys(rows)) ?? "");
    } else if (rows[key].since !== "supported") {
      const what = at.length === 0 ? "section" : "key";
      sink.error(place, `${what} "${key}" is not supported yet`, { mark: "key", show: at });
    } else {
      const result = rows[key].type.decode(raw, place, sink);
      if (result !== undefined) decoded[key] = result;
    }
  }
  for (const [key, entry] of Object.entries(rows)) {
    // A misspelt key is reported as such, not also as missing.
    if (entry.required === true && !Object.hasOwn(value, key) && !meant.includes(key)) {
      sink.error(at, `"${key}" is missing: ${entry.doc}`, { mark: "key", wanted: key });
    }
  }
  return decoded as Decoded<R>;
}

function unknownKey(key: string, rows: Rows, at: Path): string {
  const what = at.length === 0 ? "section" : "key";
  const name = formerly(key, rows);
  if (name !== null) return `unknown ${what} "${key}"; here it is "${name}"`;
  return `unknown ${what} "${key}"${didYouMean(key, Object.keys(rows))}`;
}

/** The key that HAProxy or keepalived call so. */
function formerly(key: string, rows: Rows): string | null {
  const word = key.toLowerCase().replaceAll("-", "_");
  return Object.keys(rows).find((name) => rows[name].was?.includes(word) === true) ?? null;
}

/** A table that can be written as a string when only `key` matters: "10.0.0.1:80" for { address = "10.0.0.1:80" }. */
export function shorthand<R extends Rows, K extends keyof R & string>(name: string, key: K, rows: R): Type<Decoded<R>> {
  const full = table(name, rows);
  return {
    words: `${rows[key].type.words}, or a table with "${key}"`,
    sections: full.sections,
    decode: (value, at, sink) => {
      if (typeof value !== "string") {
        return isTable(value)
          ? full.decode(value, at, sink)
          : mismatch(`a string or a table with "${key}"`, value, at, sink);
      }
      const decoded = rows[key].type.decode(value, at, sink);
      return decoded === undefined ? undefined : ({ [key]: decoded } as Decoded<R>);
    },
  };
}

/** A table whose keys are names that the user chooses; every name is kept, so that references to it resolve. */
export function named<T>(item: Type<T>): Type<readonly NamedAt<T>[]> {
  const words = "a table of named tables";
  return {
    words,
    sections: item.sections,
    decode: (value, at, sink) => {
      if (!isTable(value)) return mismatch(words, value, at, sink);
      const items: NamedAt<T>[] = [];
      for (const [name, raw] of Object.entries(value)) {
        const place = [...at, name];
        if (!nameForm.test(name)) {
          sink.error(place, `name "${name}" may have letters, digits and - _ . : only`, { mark: "key" });
        }
        const decoded = item.decode(raw, place, sink);
        if (decoded !== undefined) items.push({ name, at: place, value: decoded });
      }
      return items;
    },
  };
}

/** A table from free keys to values, in the order of the file. */
export function pairs<T>(item: Type<T>): Type<readonly NamedAt<T>[]> {
  const words = `a table, each value ${item.words}`;
  return {
    words,
    sections: item.sections,
    decode: (value, at, sink) => {
      if (!isTable(value)) return mismatch(words, value, at, sink);
      const items: NamedAt<T>[] = [];
      for (const [name, raw] of Object.entries(value)) {
        const place = [...at, name];
        const decoded = item.decode(raw, place, sink);
        if (decoded !== undefined) items.push({ name, at: place, value: decoded });
      }
      return items;
    },
  };
}

/** Values without their places. */
export function plain<T>(items: readonly At<T>[] | undefined): readonly T[] {
  return (items ?? []).map((item) => item.value);
}
