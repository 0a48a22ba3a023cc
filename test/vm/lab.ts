/** The host's side of the kernel lab: one machine that performs scenarios, and their results as they come. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GUEST_RESULTS } from "../../scripts/vm/initramfs.ts";
import { type Machine, prepareMachine, startMachine, vmFolder } from "../../scripts/vm/machine.ts";
import { projectRoot } from "../support/binary.ts";
import { waitFor } from "../support/wait.ts";
import type { CheckResult } from "./guest/scenario.ts";

/** All scenarios take some five minutes on two cores, seven where others work on them; `npm test` gives the lab fourteen. */
export const LAB_LIMIT_MS = 720_000;

/** Not loaded on demand: scenarios use the devices and receivers that come with them. */
const MODULES = "ip_vs ipip ip_gre fou sctp 8021q";

export interface Lab {
  /** Waits for a check's result; fails with its detail and the console's end. */
  readonly expectPassed: (scenario: string, check: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Folders of runs that were cut short. */
function removeStale(): void {
  if (!existsSync(vmFolder)) return;
  for (const name of readdirSync(vmFolder)) {
    const owner = /^lab-(\d+)$/.exec(name)?.[1];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) rmSync(join(vmFolder, name), { recursive: true });
  }
}

/** Boots a machine that performs these scenarios in order; answers what is missing when there can be none. */
export async function openLab(scenarios: readonly string[]): Promise<Lab | { readonly missing: string }> {
  mkdirSync(vmFolder, { recursive: true });
  removeStale();
  const name = `lab-${process.pid}`;
  const main = `test/vm/guest/main.ts ${GUEST_RESULTS}/results.jsonl ${scenarios.join(" ")}`;
  const other = process.env["BALLAST_VM_BINARY"];
  const replace = other === undefined ? "" : `mount --bind "${other}" "${projectRoot}/dist/ballast"\n`;
  const script = `${replace}cd "${projectRoot}"\nmodprobe -a ${MODULES}\nNO_COLOR=1 exec "${process.execPath}" ${main}\n`;
  const prepared = await prepareMachine(name, script);
  if ("missing" in prepared) return prepared;
  const resultsFile = join(prepared.resultsPath, "results.jsonl");
  writeFileSync(resultsFile, "");
  const machine = startMachine(prepared, LAB_LIMIT_MS);
  let ended = false;
  void machine.exited.then(() => (ended = true));
  return {
    expectPassed: async (scenario, check) => {
      const find = (): CheckResult | undefined =>
        resultsOf(resultsFile).find((result) => result.scenario === scenario && result.check === check);
      await waitFor(`${scenario}: ${check}`, () => find() !== undefined || ended, LAB_LIMIT_MS);
      verify(find(), machine);
    },
    close: async () => {
      await machine.stop();
      rmSync(join(vmFolder, name), { recursive: true, force: true });
    },
  };
}

function verify(result: CheckResult | undefined, machine: Machine): void {
  if (result === undefined) {
    throw new Error(`the machine ended before this check; its console ends with:\n${machine.consoleTail()}`);
  }
  if (!result.passed) throw new Error(`${result.detail}\nThe machine's console ends with:\n${machine.consoleTail()}`);
}

function resultsOf(path: string): CheckResult[] {
  const whole = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return whole.map((line) => JSON.parse(line) as CheckResult);
}
