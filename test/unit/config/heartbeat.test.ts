import { expect, test } from "bun:test";
import { lintFailover } from "../../../src/config/lint-failover.ts";
import { parseConfig } from "../../../src/config/parse.ts";
import { IssueSink } from "../../../src/config/schema-issue.ts";
import { testEnvironment } from "./test-environment.ts";

interface Instance {
  readonly on?: string;
  readonly vrid?: number;
  readonly vip: string;
  readonly more?: string;
}

function text(instances: readonly Instance[]): string {
  return instances
    .map(
      ({ on = "eth0", vrid = 51, vip, more = "" }, at) =>
        `[vrrp.v${at}]\ninterface = "${on}"\nvirtual_router_id = ${vrid}\nversion = 3\naddresses = ["${vip}"]\n${more}\n`,
    )
    .join("");
}

function errors(...instances: readonly Instance[]): readonly string[] {
  return parseConfig(text(instances), testEnvironment())
    .issues.filter(({ severity }) => severity === "error")
    .map(({ message }) => message);
}

const OVER_ETH1 = 'heartbeat = { interface = "eth1" }';

test("heartbeat takes an interface, a source and peers", () => {
  const more = 'heartbeat = { interface = "eth1", source = "10.9.0.1", peers = ["10.9.0.2"] }';
  const { config } = parseConfig(text([{ vip: "192.0.2.10", more }]), testEnvironment());
  expect(config?.vrrp[0]?.heartbeat).toEqual({ interface: "eth1", source: "10.9.0.1", peers: ["10.9.0.2"] });
});

test("heartbeat refuses the instance's own interface, addresses of the other family and authentication headers", () => {
  expect(errors({ vip: "192.0.2.10", more: 'heartbeat = { interface = "eth0" }' })).toEqual([
    "eth0 is the instance's own interface",
  ]);
  expect(errors({ vip: "192.0.2.10", more: 'heartbeat = { interface = "eth1", source = "fe80::1" }' })).toEqual([
    "fe80::1 does not fit the instance, whose addresses are IPv4",
  ]);
});

test("heartbeat refuses the VRID that an instance of the same family has on that interface", () => {
  const own = { vip: "192.0.2.10", more: OVER_ETH1 };
  expect(errors(own, { on: "eth1", vip: "192.0.2.11" })).toEqual([
    "virtual_router_id 51 is already used on eth1 by vrrp.v1: their adverts cannot be told apart",
  ]);
  expect(errors(own, { on: "eth1", vrid: 52, vip: "192.0.2.11" })).toEqual([]);
  expect(errors(own, { on: "eth1", vip: "2001:db8::11" })).toEqual([]);
});

test("heartbeat refuses the VRID that another heartbeat has on that interface", () => {
  const own = { vip: "192.0.2.10", more: OVER_ETH1 };
  expect(errors(own, { on: "eth2", vip: "192.0.2.11", more: OVER_ETH1 })).toEqual([
    "virtual_router_id 51 is already used on eth1 by the heartbeat of vrrp.v0: their adverts cannot be told apart",
  ]);
  expect(errors(own, { on: "eth2", vrid: 52, vip: "192.0.2.11", more: OVER_ETH1 })).toEqual([]);
});

test("heartbeat warns of a second path over the same cable", () => {
  const more = 'heartbeat = { interface = "eth0.5" }';
  const { issues } = parseConfig(text([{ vip: "192.0.2.10", more }]), testEnvironment());
  expect(issues.map(({ message }) => message)).toContain(
    "eth0.5 and eth0 share one cable: what breaks one breaks both",
  );
});

test("lintFailover warns of a second path that only one of the nodes has", () => {
  const config = (more: string): NonNullable<ReturnType<typeof parseConfig>["config"]> =>
    parseConfig(text([{ vip: "192.0.2.10", more }]), testEnvironment()).config!;
  const warnings = (own: string, other: string): readonly string[] => {
    const sink = new IssueSink();
    lintFailover(config(own), config(other), () => ["vrrp", "v0"], sink);
    return sink.drafts.map(({ message }) => message).filter((message) => message.includes("second path"));
  };
  expect(warnings(OVER_ETH1, "")).toEqual(["only one of the nodes has a second path: neither is heard there"]);
  expect(warnings(OVER_ETH1, OVER_ETH1)).toEqual([]);
});
