/** One word and one tone for the state of a virtual server of LVS, the same in `status`, `ls` and the TUI. */
import type { StateWord } from "./state-words.ts";

export interface VirtualFacts {
  readonly hasQuorum: boolean;
  readonly sorryServer: string | null;
  readonly suspended: boolean;
}

/** Suspended comes last: what was known when the address left still holds. */
export function virtualWord({ hasQuorum, sorryServer, suspended }: VirtualFacts): StateWord {
  if (!hasQuorum && sorryServer !== null) return { word: "SORRY", sign: "changing", tone: "warn" };
  if (!hasQuorum) return { word: "NO QUORUM", sign: "down", tone: "bad" };
  if (suspended) return { word: "suspended", sign: "idle", tone: "quiet" };
  return { word: "UP", sign: "up", tone: "good" };
}
