/**
 * Which object counts where: name → index in the counter file, the same over reloads while the name exists.
 * A freed index rests as long as possible before it is given to somebody else, since sessions of the old
 * configuration may still count there.
 */
import type { Config } from "../config/types.ts";
import { err, ok, type Result } from "../lib/result.ts";
import { OBJECT_MAX, objectKey, type ObjectKind } from "./layout.ts";

export interface Registry {
  /** Key → index of the objects that exist. */
  readonly objects: Readonly<Record<string, number>>;
  /** What stands, or stood last, at each index that was ever given out. */
  readonly kinds: readonly ObjectKind[];
  /** Indexes without an object, longest free first. */
  readonly free: readonly number[];
}

export const EMPTY_REGISTRY: Registry = { objects: {}, kinds: [], free: [] };

export interface Registration {
  readonly registry: Registry;
  /** Indexes that had an earlier owner: their counters must be cleared before the new one counts. */
  readonly reused: readonly number[];
}

/** Key of a server: its name is unique in its backend only. */
export function serverKey(backend: string, server: string): string {
  return objectKey("server", `${backend}/${server}`);
}

/** Every object of the configuration that counts, in file order. */
export function objectKeys(config: Pick<Config, "frontends" | "backends">): readonly string[] {
  return [
    ...config.frontends.map(({ name }) => objectKey("frontend", name)),
    ...config.backends.flatMap(({ name, servers }) => [
      objectKey("backend", name),
      ...servers.map((server) => serverKey(name, server.name)),
    ]),
  ];
}

function kindOf(key: string): ObjectKind {
  return key.slice(0, key.indexOf("/")) as ObjectKind;
}

/** The registry for these keys. The previous one stays valid, so that a refused reload changes nothing. */
export function register(previous: Registry, keys: readonly string[]): Result<Registration, string> {
  if (keys.length > OBJECT_MAX) {
    return err(`${keys.length} frontends, backends and servers; the counter file holds ${OBJECT_MAX}`);
  }
  const wanted = new Set(keys);
  const kinds = [...previous.kinds];
  const waiting = [...previous.free];
  const justFreed = Object.entries(previous.objects)
    .filter(([key]) => !wanted.has(key))
    .map(([, index]) => index);
  const objects: Record<string, number> = {};
  const reused: number[] = [];
  for (const key of wanted) {
    const kept = previous.objects[key];
    if (kept !== undefined) {
      objects[key] = kept;
      continue;
    }
    const index = kinds.length < OBJECT_MAX ? kinds.length : (waiting.shift() ?? justFreed.shift()!);
    if (index < kinds.length) reused.push(index);
    kinds[index] = kindOf(key);
    objects[key] = index;
  }
  return ok({ registry: { objects, kinds, free: [...waiting, ...justFreed] }, reused });
}
