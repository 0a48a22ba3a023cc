/**
 * The two-phase reload (pure). A configuration becomes the running one only when every process has prepared it.
 *
 *            begin                all prepared → commit
 *   idle ───────────▶ preparing ─────────────────────────▶ idle
 *                          │   refused, exited, too late → abort
 *                          └─────────────────────────────▶ idle
 */
import { unreachable } from "../lib/result.ts";

export type ReloadState =
  | { readonly kind: "idle" }
  | { readonly kind: "preparing"; readonly generation: number; readonly waiting: ReadonlySet<string> };

export type ReloadEvent =
  /** `processes` were sent `prepare`. */
  | { readonly kind: "begin"; readonly generation: number; readonly processes: readonly string[] }
  | { readonly kind: "prepared"; readonly process: string; readonly generation: number }
  | {
      readonly kind: "refused";
      readonly process: string;
      readonly generation: number;
      readonly reasons: readonly string[];
    }
  | { readonly kind: "exited"; readonly process: string }
  | { readonly kind: "late" };

export type ReloadEffect =
  | { readonly kind: "commit"; readonly generation: number }
  | { readonly kind: "abort"; readonly generation: number; readonly reasons: readonly string[] };

export interface ReloadStep {
  readonly state: ReloadState;
  readonly effects: readonly ReloadEffect[];
}

export function stepReload(state: ReloadState, event: ReloadEvent): ReloadStep {
  switch (event.kind) {
    case "begin":
      return settle({ kind: "preparing", generation: event.generation, waiting: new Set(event.processes) });
    case "prepared": {
      // An answer to a reload that was aborted meanwhile: nothing happens.
      if (state.kind === "idle" || state.generation !== event.generation) return { state, effects: [] };
      const waiting = new Set(state.waiting);
      waiting.delete(event.process);
      return settle({ ...state, waiting });
    }
    case "refused":
      if (state.kind === "idle" || state.generation !== event.generation) return { state, effects: [] };
      return abort(
        state,
        event.reasons.map((reason) => `${event.process}: ${reason}`),
      );
    case "exited":
      // A process that had prepared and then ended comes back with the old configuration: the new one cannot be whole.
      if (state.kind === "idle") return { state, effects: [] };
      return abort(state, [`${event.process} ended while it prepared`]);
    case "late":
      if (state.kind === "idle") return { state, effects: [] };
      return abort(state, [`no answer in time from ${[...state.waiting].join(", ")}`]);
    default:
      return unreachable(event);
  }
}

function settle(state: Extract<ReloadState, { kind: "preparing" }>): ReloadStep {
  if (state.waiting.size > 0) return { state, effects: [] };
  return { state: { kind: "idle" }, effects: [{ kind: "commit", generation: state.generation }] };
}

function abort(state: Extract<ReloadState, { kind: "preparing" }>, reasons: readonly string[]): ReloadStep {
  return { state: { kind: "idle" }, effects: [{ kind: "abort", generation: state.generation, reasons }] };
}
