/** What every step of normalisation shares. */
import { assert } from "../lib/result.ts";
import type { ConfigEnvironment } from "./environment.ts";
import type { Document } from "./schema.ts";
import { IssueSink } from "./schema-issue.ts";
import type { Path } from "./schema-issue.ts";
import { isTable } from "./schema-table.ts";
import type { Row } from "./schema-type.ts";

export interface NormaliseContext {
  readonly document: Document;
  /** The same before decoding: what was written, right or wrong. */
  readonly raw: Readonly<Record<string, unknown>>;
  readonly environment: ConfigEnvironment;
  readonly sink: IssueSink;
  /** Where each object of the result came from. */
  readonly origins: Map<object, Path>;
  /** Names that use_backend and nbsrv() may mean: backends and listens. */
  readonly backendNames: readonly string[];
  /** Addresses that belong to a VRRP instance. */
  readonly virtualAddresses: ReadonlySet<string>;
}

/** The first value that was written, most specific first; else the default of the key. */
export function pick<T>(entry: Row<T>, ...written: readonly (T | undefined)[]): T {
  const found = written.find((value) => value !== undefined);
  if (found !== undefined) return found;
  const sink = new IssueSink();
  const value = entry.default === undefined ? undefined : entry.type.decode(entry.default, [], sink);
  assert(value !== undefined, `the schema row "${entry.doc}" has no usable default`);
  return value;
}

/** Whether the file has this key at all, right or wrong: a wrong value is not also reported as missing. */
export function isWritten(context: NormaliseContext, path: Path): boolean {
  let value: unknown = context.raw;
  for (const step of path) {
    if (Array.isArray(value) && typeof step === "number") value = value[step];
    else if (isTable(value) && typeof step === "string" && Object.hasOwn(value, step)) value = value[step];
    else return false;
  }
  return value !== undefined;
}
