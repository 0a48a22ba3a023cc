/** The names that ipvsadm gives to the three flags which each scheduler defines for itself. */
import { err, ok, type Result } from "../lib/result.ts";
import { didYouMean } from "../lib/suggest.ts";
import { schedulerFlagBit } from "./constants.ts";
import type { SchedulerFlag } from "./model.ts";

const flagNames = Object.keys(schedulerFlagBit) as readonly SchedulerFlag[];

/** net/netfilter/ipvs/ip_vs_sh.c and ip_vs_mh.c: flag-1 falls back to another server, flag-2 hashes the port, too. */
const spoken: Readonly<Record<string, Partial<Readonly<Record<SchedulerFlag, string>>>>> = {
  sh: { "flag-1": "sh-fallback", "flag-2": "sh-port" },
  mh: { "flag-1": "mh-fallback", "flag-2": "mh-port" },
};

/** "sh-fallback,flag-3" → flags in ascending order. Error: what is wrong, as a sentence's end. */
export function schedulerFlagsOf(scheduler: string, text: string): Result<readonly SchedulerFlag[], string> {
  const names = Object.entries(spoken[scheduler] ?? {});
  const found = new Set<SchedulerFlag>();
  for (const word of text.split(",").filter((part) => part !== "")) {
    const flag = flagNames.find((name) => name === word) ?? names.find(([, name]) => name === word)?.[0];
    if (flag === undefined) {
      const possible = [...names.map(([, name]) => name), ...flagNames];
      return err(`scheduler ${scheduler} has no flag "${word}"${didYouMean(word, possible)}`);
    }
    found.add(flag as SchedulerFlag);
  }
  return ok(flagNames.filter((name) => found.has(name)));
}

/** As ipvsadm prints them: "sh-fallback,sh-port". */
export function schedulerFlagsText(scheduler: string, flags: readonly SchedulerFlag[]): string {
  return flags.map((flag) => spoken[scheduler]?.[flag] ?? flag).join(",");
}
