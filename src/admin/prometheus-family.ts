/** What a family of Prometheus's text format is made of. */
import type { Snapshot } from "./api.ts";

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  /** `_bucket` or `_count` of a histogram; empty for everything else. */
  readonly suffix: string;
  readonly labels: Labels;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: "gauge" | "counter" | "histogram";
  readonly help: string;
  readonly samples: (snapshot: SharedView) => readonly Sample[];
}

/** What is the same for every caller. */
export type SharedView = Omit<Snapshot, "mayWrite" | "user">;

export function gauge(name: string, help: string, samples: Family["samples"]): Family {
  return { name, type: "gauge", help, samples };
}

export function counter(name: string, help: string, samples: Family["samples"]): Family {
  return { name, type: "counter", help, samples };
}

export function sample(labels: Labels, value: number): Sample {
  return { suffix: "", labels, value };
}

export function flag(condition: boolean): number {
  return condition ? 1 : 0;
}
