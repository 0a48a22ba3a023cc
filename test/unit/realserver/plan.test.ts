import { expect, test } from "bun:test";
import {
  arpSettings,
  type ArpSetting,
  type NodeFacts,
  planDown,
  planUp,
  type RealserverPlan,
  type Saved,
  statusLines,
  stepCommand,
} from "../../../src/realserver/plan.ts";
import { parseSaved, savedText } from "../../../src/realserver/saved.ts";

/** A machine that does what it is told. */
class Machine {
  readonly sysctls = new Map<string, number>();
  readonly addresses = new Set<string>();
  saved: Saved | null = null;

  constructor(values: Readonly<Record<string, number>> = {}) {
    for (const scope of ["all", "eth0"])
      for (const name of Object.keys(arpSettings)) this.sysctls.set(`${scope} ${name}`, 0);
    for (const [key, value] of Object.entries(values)) this.sysctls.set(key, value);
  }

  facts(): NodeFacts {
    const sysctls = [...this.sysctls].map(([key, value]) => {
      const [scope = "", name = ""] = key.split(" ");
      return { scope, name: name as ArpSetting, value };
    });
    return { present: this.addresses, sysctls };
  }

  perform(plan: RealserverPlan): readonly string[] {
    for (const step of plan.steps) {
      if (step.kind === "sysctl") this.sysctls.set(`${step.scope} ${step.name}`, step.value);
      else if (step.kind === "add") this.addresses.add(step.address);
      else this.addresses.delete(step.address);
    }
    this.saved = plan.saved;
    return plan.steps.map(stepCommand);
  }

  up(...vips: readonly string[]): readonly string[] {
    return this.perform(planUp(vips, "lo", this.facts(), this.saved));
  }

  down(...vips: readonly string[]): readonly string[] {
    return this.perform(planDown(vips, "lo", this.facts(), this.saved));
  }

  state(): string {
    return JSON.stringify([[...this.sysctls], [...this.addresses]]);
  }
}

const VIP = "192.0.2.10";

test("planUp silences ARP before it adds the address, and planDown goes back the other way", () => {
  const machine = new Machine({ "eth0 arp_announce": 1 });
  const before = machine.state();
  expect(machine.up(VIP, "2001:db8::10")).toEqual([
    "sysctl -qw net/ipv4/conf/all/arp_ignore=1",
    "sysctl -qw net/ipv4/conf/all/arp_announce=2",
    "sysctl -qw net/ipv4/conf/eth0/arp_ignore=1",
    "sysctl -qw net/ipv4/conf/eth0/arp_announce=2",
    "ip address add 192.0.2.10/32 dev lo",
    "ip address add 2001:db8::10/128 dev lo nodad",
  ]);
  expect(machine.up(VIP, "2001:db8::10")).toEqual([]);
  expect(machine.down(VIP, "2001:db8::10").slice(0, 2)).toEqual([
    "ip address del 192.0.2.10/32 dev lo",
    "ip address del 2001:db8::10/128 dev lo",
  ]);
  expect([machine.state(), machine.saved]).toEqual([before, null]);
  expect(machine.down(VIP)).toEqual([]);
});

test("planUp sets again what somebody turned back, and planDown still returns to the value from before", () => {
  const machine = new Machine({ "all arp_announce": 1 });
  const before = machine.state();
  machine.up(VIP);
  machine.sysctls.set("all arp_announce", 0);
  machine.sysctls.set("eth0 arp_announce", 0);
  expect(machine.up(VIP)).toHaveLength(2);
  machine.down(VIP);
  expect(machine.state()).toBe(before);
});

test("planDown keeps what somebody else has set or put there meanwhile", () => {
  const machine = new Machine();
  machine.addresses.add("192.0.2.99");
  machine.up(VIP, "192.0.2.99");
  machine.sysctls.set("all arp_ignore", 8);
  const plan = planDown([VIP, "192.0.2.99"], "lo", machine.facts(), machine.saved);
  expect(plan.notes).toEqual([
    '192.0.2.99 was on lo before "up": it stays',
    "net/ipv4/conf/all/arp_ignore is 8, which somebody else set: it stays",
  ]);
  machine.perform(plan);
  expect([machine.sysctls.get("all arp_ignore"), machine.sysctls.get("eth0 arp_ignore")]).toEqual([8, 0]);
});

test("planDown of one of two addresses leaves ARP silent for the other", () => {
  const machine = new Machine();
  machine.up(VIP, "192.0.2.11");
  expect(machine.down(VIP)).toEqual(["ip address del 192.0.2.10/32 dev lo"]);
  expect(machine.down("192.0.2.11")).toHaveLength(5);
});

test("planDown without a saved state removes the address and no more", () => {
  const machine = new Machine({ "all arp_ignore": 1 });
  machine.addresses.add(VIP);
  expect(machine.down(VIP)).toEqual(["ip address del 192.0.2.10/32 dev lo"]);
});

test("planUp leaves values that are silent already, and corrects 3, which would answer for a VIP", () => {
  const silent = { "all arp_ignore": 2, "all arp_announce": 2, "eth0 arp_ignore": 8, "eth0 arp_announce": 2 };
  expect(new Machine(silent).up(VIP)).toEqual(["ip address add 192.0.2.10/32 dev lo"]);
  expect(new Machine({ ...silent, "eth0 arp_ignore": 3 }).up(VIP)[0]).toBe(
    "sysctl -qw net/ipv4/conf/eth0/arp_ignore=1",
  );
  expect(new Machine().up("2001:db8::10")).toEqual(["ip address add 2001:db8::10/128 dev lo nodad"]);
});

test("statusLines judges the larger value of all and the interface", () => {
  const machine = new Machine({ "all arp_ignore": 1, "eth0 arp_announce": 2 });
  machine.addresses.add(VIP);
  const said = (): readonly string[] =>
    statusLines([VIP], "lo", machine.facts()).map(({ ok, text }) => `${ok} ${text}`);
  expect(said()).toEqual([
    "true 192.0.2.10 is on lo",
    "true arp_ignore of eth0 is effectively 1",
    "true arp_announce of eth0 is effectively 2",
  ]);
  machine.sysctls.set("eth0 arp_ignore", 3);
  machine.addresses.clear();
  expect(said().slice(0, 2)).toEqual(["false 192.0.2.10 is not on lo", "false arp_ignore of eth0 is effectively 3"]);
});

test("parseSaved reads what savedText wrote and nothing else", () => {
  const machine = new Machine();
  machine.up(VIP);
  const text = savedText(machine.saved!);
  expect(parseSaved(text)).toEqual(machine.saved);
  const others = ["", "{}", "[]", text.replace("arp_ignore", "ip_forward"), text.replace('"all"', '"../all"')];
  for (const other of others) expect(parseSaved(other)).toBeNull();
});
