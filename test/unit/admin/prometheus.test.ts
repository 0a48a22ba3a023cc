import { expect, test } from "bun:test";
import { Appliance } from "../../../src/admin/appliance.ts";
import { CounterFigures } from "../../../src/admin/figures.ts";
import { prometheusText } from "../../../src/admin/prometheus.ts";
import { buildSnapshot } from "../../../src/admin/snapshot.ts";
import type { Config } from "../../../src/config/types.ts";
import { COUNTER_MAX, frontendCounters } from "../../../src/stats/layout.ts";
import { backendConfig, serverConfig, serverState, testAssignment, testConfig } from "../../support/admin-config.ts";

function page(config: Config = testConfig(), change: (appliance: Appliance, worker: Float64Array) => void = () => {}) {
  const worker = new Float64Array(COUNTER_MAX * 512);
  const idle = new Float64Array(COUNTER_MAX * 512);
  const memory = { header: new Int32Array(1024), worker: (index: number) => (index === 0 ? worker : idle) };
  const assignment = testAssignment(config);
  const appliance = new Appliance(assignment);
  change(appliance, worker);
  const figures = new CounterFigures(memory, config, assignment.objects);
  return prometheusText(buildSnapshot({ appliance, figures, version: "1.2.3", wallMs: 1, seen: new Map() }).snapshot);
}

test("prometheusText keeps to the exposition format", () => {
  const text = page();
  const declared = new Set<string>();
  let family = "";
  const seen = new Set<string>();
  for (const line of text.trimEnd().split("\n")) {
    const type = /^# TYPE ([a-z_]+) (gauge|counter|histogram)$/.exec(line);
    if (type !== null) {
      family = type[1]!;
      expect(declared.has(family)).toBe(false);
      declared.add(family);
      expect(family.endsWith("_total")).toBe(type[2] === "counter");
      continue;
    }
    if (line.startsWith("# HELP ")) continue;
    const found = /^([a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+]+$/.exec(line);
    expect([line, found?.[1]?.startsWith(family)]).toEqual([line, true]);
    const series = line.slice(0, line.lastIndexOf(" "));
    expect(seen.has(series)).toBe(false);
    seen.add(series);
  }
  expect(text).toEndWith("\n");
  expect(declared.size).toBeGreaterThan(20);
});

test("prometheusText gives counters, cumulative buckets in seconds and one state a server", () => {
  const text = page(testConfig(), (appliance, worker) => {
    worker[frontendCounters.responses2xx] = 7;
    worker[frontendCounters.latency] = 3;
    worker[frontendCounters.latency + 11] = 4;
    appliance.setServer(serverState("app", "web1", { health: "down", admin: "drain", checkDurationMs: 250 }));
  });
  expect(text).toContain('ballast_frontend_requests_total{frontend="web",code="2xx"} 7\n');
  expect(text).toContain('ballast_request_duration_seconds_bucket{frontend="web",le="0.001"} 3\n');
  expect(text).toContain('ballast_request_duration_seconds_bucket{frontend="web",le="+Inf"} 7\n');
  expect(text).toContain('ballast_request_duration_seconds_count{frontend="web"} 7\n');
  expect(text).toContain('ballast_server_state{backend="app",server="web1",state="down"} 1\n');
  expect(text).toContain('ballast_server_state{backend="app",server="web1",state="drain"} 1\n');
  expect(text).toContain('ballast_server_state{backend="app",server="web1",state="up"} 0\n');
  expect(text).toContain('ballast_server_check_duration_seconds{backend="app",server="web1"} 0.25\n');
  expect(text).toContain('ballast_backend_servers{backend="app",state="active"} 1\n');
});

test("prometheusText escapes label values", () => {
  const text = page(testConfig({ backends: [backendConfig('a"b\\c\nd', [serverConfig("s")])] }));
  expect(text).toContain('ballast_backend_queue{backend="a\\"b\\\\c\\nd"} 0\n');
});
