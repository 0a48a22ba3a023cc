/** Runs in the machine: `main.ts RESULTS SCENARIO…` performs scenarios and appends one JSON line for each check to RESULTS. */
import { appendFileSync } from "node:fs";
import { allScenarios } from "../scenarios.ts";

const [resultsPath, ...names] = process.argv.slice(2);
for (const name of names) {
  const chosen = allScenarios.find((candidate) => candidate.name === name);
  if (chosen === undefined) throw new Error(`no scenario ${name}`);
  await chosen.perform((result) => {
    appendFileSync(resultsPath!, `${JSON.stringify(result)}\n`);
    const outcome = result.passed ? "ok" : "FAILED";
    console.log(`${result.scenario}: ${outcome} ${result.check} (${result.durationMs.toFixed(0)} ms)`);
  });
}
// Children that a scenario could not end go with the machine.
process.exit(0);
