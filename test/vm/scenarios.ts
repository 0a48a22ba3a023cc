/** All scenarios of the kernel lab, in the order in which they run, and what can be asked for besides. */
import type { Scenario } from "./guest/scenario.ts";
import { ballastDirector, ballastTable } from "./guest/ballast.ts";
import { keepalived } from "./guest/keepalived.ts";
import { ipvsadm } from "./guest/table-tool.ts";
import { acceptScenario } from "./scenarios/accept.ts";
import { directorScenario } from "./scenarios/director.ts";
import { doctorScenario } from "./scenarios/doctor.ts";
import { drScenario } from "./scenarios/dr.ts";
import { forwardingScenario } from "./scenarios/forwarding.ts";
import { lvsCommandScenario } from "./scenarios/lvs-command.ts";
import { lvsHooksScenario } from "./scenarios/lvs-hooks.ts";
import { realServerScenario } from "./scenarios/real-server.ts";
import { schedulingScenario } from "./scenarios/scheduling.ts";
import { thousandScenario } from "./scenarios/thousand.ts";
import { twoTierScenario } from "./scenarios/two-tier.ts";
import { vlanScenario } from "./scenarios/vlan.ts";

export const scenarios: readonly Scenario[] = [
  drScenario("dr-keepalived", keepalived),
  lvsCommandScenario,
  forwardingScenario("forwarding", ballastTable),
  schedulingScenario("scheduling", ballastTable),
  drScenario("dr", ballastDirector),
  drScenario("dr-beside-keepalived", ballastDirector, keepalived),
  directorScenario,
  acceptScenario,
  lvsHooksScenario,
  thousandScenario,
  realServerScenario,
  doctorScenario,
  twoTierScenario,
  vlanScenario,
];

/**
 * The same checks with tables that ipvsadm filled, run when they are named: they tell a fault of Ballast from a kernel
 * that behaves otherwise. `lvs-command` shows every time that both fill a table alike.
 */
export const references: readonly Scenario[] = [
  forwardingScenario("forwarding-ipvsadm", ipvsadm),
  schedulingScenario("scheduling-ipvsadm", ipvsadm),
];

export const allScenarios: readonly Scenario[] = [...scenarios, ...references];
