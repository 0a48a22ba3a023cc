/** LVS in the snapshot: the director's word, problems with their order, Prometheus's text. */
import { expect, test } from "bun:test";
import { Appliance } from "../../../src/admin/appliance.ts";
import { CounterFigures } from "../../../src/admin/figures.ts";
import { prometheusText } from "../../../src/admin/prometheus.ts";
import { buildSnapshot, type SharedSnapshot } from "../../../src/admin/snapshot.ts";
import type { LvsStatus } from "../../../src/admin/api.ts";
import type { Config } from "../../../src/config/types.ts";
import { COUNTER_MAX } from "../../../src/stats/layout.ts";
import { testAssignment, testConfig } from "../../support/admin-config.ts";
import { fakeLvs, fakeReal, fakeVirtual } from "../../support/fake-lvs.ts";

const director: Config = {
  ...testConfig(),
  lvs: {
    virtualServers: [],
    sync: null,
    timeouts: { tcpSeconds: 0, tcpFinSeconds: 0, udpSeconds: 0 },
    onStop: "keep",
    drainTimeoutMs: 0,
  },
};

function take(lvs: LvsStatus | null, config: Config = director): SharedSnapshot {
  const assignment = testAssignment(config);
  const appliance = new Appliance(assignment);
  appliance.lvs = lvs;
  const memory = { header: new Int32Array(1024), worker: () => new Float64Array(COUNTER_MAX * 512) };
  const figures = new CounterFigures(memory, config, assignment.objects);
  return buildSnapshot({ appliance, figures, version: "1", wallMs: 10_000, seen: new Map() }).snapshot;
}

test("buildSnapshot has LVS when the configuration has it, before and after the director's first word", () => {
  expect(take(null).lvs).toEqual({ troubles: [], virtualServers: [] });
  expect(take(fakeLvs()).lvs).toEqual(fakeLvs());
  expect("lvs" in take(fakeLvs(), testConfig())).toBe(false);
});

test("buildSnapshot takes escape sequences out of what a checked server said", () => {
  const real = fakeReal("10.0.0.1:80", { checkInfo: "L7STS \u001b[2J" });
  const { lvs } = take({ troubles: [], virtualServers: [fakeVirtual("a", { realServers: [real] })] });
  expect(lvs?.virtualServers[0]?.realServers[0]?.checkInfo).not.toContain("\u001b");
});

test("findProblems names a table that cannot be kept, a lost quorum and real servers that are down", () => {
  const { problems } = take({ ...fakeLvs(), troubles: ["no scheduler mh"] });
  expect(problems.map(({ text }) => text)).toEqual([
    "LVS: no scheduler mh",
    "virtual server dns has no quorum: weight 0 of 1; 10.0.0.99:53 answers",
    "real server farm/10.0.0.23:80 is DOWN: L4CON Connection refused",
    "real server dns/10.0.0.31:53 is DOWN: L7TOUT Layer7 timeout",
  ]);
});

test("prometheusText has families of LVS where there is LVS", () => {
  const text = prometheusText(take(fakeLvs()));
  for (const line of [
    "ballast_lvs_table_trouble 0",
    'ballast_lvs_virtual_quorum{virtual="farm"} 1',
    'ballast_lvs_virtual_quorum{virtual="dns"} 0',
    'ballast_lvs_virtual_connections_total{virtual="farm"} 90210',
    'ballast_lvs_real_state{virtual="farm",real="10.0.0.23:80",state="down"} 1',
    'ballast_lvs_real_state{virtual="farm",real="10.0.0.22:80",state="drain"} 1',
    'ballast_lvs_real_weight{virtual="farm",real="10.0.0.21:80"} 3',
    'ballast_lvs_real_connections{virtual="farm",real="10.0.0.22:80",kind="active"} 7',
  ]) {
    expect(text).toContain(`${line}\n`);
  }
  expect(text).not.toContain('ballast_lvs_real_weight{virtual="farm",real="10.0.0.23:80"}');
  expect(prometheusText(take(null, testConfig()))).not.toContain("ballast_lvs");
});
