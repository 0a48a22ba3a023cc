/**
 * What only a kernel with IPVS can show: every check of `scenarios.ts`, performed in one virtual machine (see lab.ts).
 * BALLAST_VM=dr,nat chooses scenarios; `npm run test:vm -- dr nat` sets it.
 */
import { afterAll, describe, test } from "bun:test";
import { LAB_LIMIT_MS, openLab } from "./lab.ts";
import { allScenarios, scenarios } from "./scenarios.ts";

const asked = process.env["BALLAST_VM"]?.split(",") ?? [];
const chosen = asked.length === 0 ? scenarios : allScenarios.filter((scenario) => asked.includes(scenario.name));
const lab = await openLab(chosen.map((scenario) => scenario.name));

if ("missing" in lab) {
  test.skip(`the kernel lab cannot run: ${lab.missing}`, () => undefined);
} else {
  afterAll(lab.close);
  for (const scenario of chosen) {
    describe(`vm ${scenario.name}`, () => {
      for (const check of scenario.checks) {
        test(check, () => lab.expectPassed(scenario.name, check), LAB_LIMIT_MS);
      }
    });
  }
}
