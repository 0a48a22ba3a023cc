/**
 * The verdict on a check script from its runs (keepalived vrrp_script: rise, fall, init_fail). The counter goes from 0 to
 * rise + fall − 1 and is well from `rise` on: one good run keeps a script that is well at the top, one bad run keeps a
 * failed one at the bottom.
 */
import type { VrrpScriptConfig } from "../config/types-vrrp.ts";

export interface ScriptVerdict {
  readonly count: number;
  /** No run has ended yet and nothing was assumed: instances that follow it wait. */
  readonly known: boolean;
  readonly well: boolean;
}

/** Without init_fail the very first run decides, whatever `rise` and `fall` are (keepalived starts at rise − 1). */
export function firstVerdict(script: VrrpScriptConfig): ScriptVerdict {
  return script.initFail
    ? { count: 0, known: true, well: false }
    : { count: script.rise - 1, known: false, well: false };
}

/** The verdict under other values or another command: a reload proves nothing, only the next runs change it (keepalived). */
export function keptVerdict(verdict: ScriptVerdict, script: VrrpScriptConfig): ScriptVerdict {
  if (!verdict.known) return firstVerdict(script);
  const top = script.rise + script.fall - 1;
  const count = verdict.well
    ? Math.min(Math.max(verdict.count, script.rise), top)
    : Math.min(verdict.count, script.rise - 1);
  return { ...verdict, count };
}

export function afterRun(verdict: ScriptVerdict, script: VrrpScriptConfig, good: boolean): ScriptVerdict {
  const top = script.rise + script.fall - 1;
  const { count } = verdict;
  if (good) {
    const next = count >= script.rise - 1 ? top : count + 1;
    return { count: next, known: true, well: next >= script.rise };
  }
  const next = count > script.rise ? count - 1 : 0;
  return { count: next, known: true, well: next >= script.rise };
}
