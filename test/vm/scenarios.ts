/** All scenarios of the kernel lab, in the order in which they run. */
import type { Scenario } from "./guest/scenario.ts";
import { keepalived } from "./guest/keepalived.ts";
import { drScenario } from "./scenarios/dr.ts";

export const scenarios: readonly Scenario[] = [drScenario("dr-keepalived", keepalived)];
