/** The demo's play: what happens to which backend and when, and what the audience is told. */
import type { Mood } from "./moods.ts";

export const toyNames = ["one", "two", "three"] as const;
export type ToyName = (typeof toyNames)[number];

export type Cue =
  | { readonly kind: "kill"; readonly toy: ToyName }
  | { readonly kind: "start"; readonly toy: ToyName }
  | { readonly kind: "mood"; readonly toy: ToyName; readonly mood: Mood }
  /** An order through the command line, as an operator gives it. */
  | { readonly kind: "order"; readonly order: "drain" | "ready"; readonly toy: ToyName };

export interface Scene {
  readonly atMs: number;
  readonly cue: Cue;
  /** Said before the cue. */
  readonly says: string;
  /** The health that the toy's server shows afterwards; null: its verdict does not change. */
  readonly expect: "up" | "down" | null;
}

/** One act. Checks run every 500 ms with fall 2 and rise 2, so each verdict falls well before the next scene. */
export const scenes: readonly Scene[] = [
  { atMs: 2_000, cue: { kind: "kill", toy: "two" }, says: "killing backend two (SIGKILL)", expect: "down" },
  { atMs: 5_500, cue: { kind: "start", toy: "two" }, says: "starting backend two again", expect: "up" },
  {
    atMs: 8_000,
    cue: { kind: "order", order: "drain", toy: "one" },
    says: "maintenance: ballast server drain app/one",
    expect: null,
  },
  {
    atMs: 10_000,
    cue: { kind: "order", order: "ready", toy: "one" },
    says: "done: ballast server ready app/one",
    expect: null,
  },
  {
    atMs: 12_000,
    cue: { kind: "mood", toy: "three", mood: "error" },
    says: "backend three answers 500 to everything; requests that meet it before its check does see that",
    expect: "down",
  },
  { atMs: 15_000, cue: { kind: "mood", toy: "three", mood: "good" }, says: "backend three recovers", expect: "up" },
];

/** On a terminal the play repeats until somebody leaves, with more ways to misbehave. */
export const encore: readonly Scene[] = [
  { atMs: 4_000, cue: { kind: "mood", toy: "two", mood: "hang" }, says: "backend two hangs", expect: "down" },
  { atMs: 10_000, cue: { kind: "mood", toy: "two", mood: "good" }, says: "backend two answers again", expect: "up" },
  {
    atMs: 14_000,
    cue: { kind: "mood", toy: "one", mood: "garbage" },
    says: "backend one talks garbage",
    expect: "down",
  },
  {
    atMs: 19_000,
    cue: { kind: "mood", toy: "one", mood: "good" },
    says: "backend one speaks HTTP again",
    expect: "up",
  },
  { atMs: 23_000, cue: { kind: "mood", toy: "three", mood: "slow" }, says: "backend three is slow", expect: null },
  {
    atMs: 28_000,
    cue: { kind: "mood", toy: "three", mood: "good" },
    says: "backend three is fast again",
    expect: null,
  },
];

/** How long one pass of the play takes. */
export const ACT_MS = 18_000;
export const ENCORE_MS = 31_000;
