/**
 * The two ways that adverts go: over the instance's own interface, and over a second network (`heartbeat`) by which the
 * nodes still hear each other when the first is cut. An advert counts the same on both. What differs:
 *
 *   tie of two masters        decided on the main path; on the second when nothing else was heard for a down time,
 *                             since the addresses of the two paths may stand in opposite order
 *   backup hears one only     it stays backup and the operator is told: clients may not reach the VIP
 */
import { later, type MonoMs } from "../lib/time.ts";

export type PathName = "main" | "heartbeat";

/** Adverts came over this path alone since then, the last at `heardAt`. One that comes over the other begins anew. */
export interface Alone {
  readonly path: PathName;
  readonly since: MonoMs;
  readonly heardAt: MonoMs;
}

/**
 * After an advert over `path`. When it was silent itself for longer than `forMs` nothing is known of the other one either:
 * after a stall of this node the other path's adverts may still wait in their socket.
 */
export function hear(before: Alone | null, path: PathName, forMs: number, now: MonoMs): Alone {
  const goesOn = before?.path === path && now <= later(before.heardAt, forMs);
  return { path, since: goesOn ? before.since : now, heardAt: now };
}

/** Whether for longer than `forMs` nothing was heard on `path` though it was on the other. */
export function isSilent(alone: Alone | null, path: PathName, forMs: number, now: MonoMs): boolean {
  return alone !== null && alone.path !== path && now > later(alone.since, forMs);
}

export function otherPath(path: PathName): PathName {
  return path === "main" ? "heartbeat" : "main";
}

/** As operators read it. */
export const pathWords: Readonly<Record<PathName, string>> = { main: "main path", heartbeat: "second path" };
