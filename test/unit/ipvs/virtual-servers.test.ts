import { expect, test } from "bun:test";
import type { LvsConfig, VirtualServerConfig } from "../../../src/config/types-lvs.ts";
import { parseConfig } from "../../../src/config/parse.ts";
import { endpointText } from "../../../src/ipvs/model.ts";
import { type Held, type LvsEvent, VirtualServers } from "../../../src/ipvs/virtual-servers.ts";
import { testEnvironment } from "../config/test-environment.ts";

/** [virtual_server.web] with two checked real servers of weight 1 and 2, and what else is written. */
function lvs(more = "", real = '["192.0.2.11:80", { address = "192.0.2.12:80", weight = 2 }]'): LvsConfig {
  const text = `[virtual_server.web]\naddress = "192.0.2.10:80"\ncheck = true\nreal_servers = ${real}\n${more}\n`;
  const { config, issues } = parseConfig(text, testEnvironment());
  if (config?.lvs === undefined) throw new Error(issues.map((issue) => issue.message).join("\n"));
  return config.lvs;
}

const nothingHeld = (): null => null;

class World {
  readonly virtuals = new VirtualServers();
  readonly events: string[] = [];

  constructor(
    config: LvsConfig,
    held: (virtual: VirtualServerConfig, real: { name: string }) => Held | null = nothingHeld,
  ) {
    this.configure(config, held);
  }

  configure(
    config: LvsConfig,
    held: (virtual: VirtualServerConfig, real: { name: string }) => Held | null = nothingHeld,
  ): void {
    this.tell(this.virtuals.configure(config, held));
  }

  check(last: number, up: boolean | null, weight: number | null = null): this {
    this.tell(this.virtuals.result({ virtual: "web", real: `192.0.2.${last}:80`, up, weight }));
    return this;
  }

  /** Last octet of each destination with its weight; `!` for one that is removed at once. */
  table(): string {
    const [service] = this.virtuals.desired();
    if (service === undefined) return "";
    const last = (text: string): string => /(\d+):\d+$/.exec(text)?.[1] ?? text;
    const here = service.destinations.map((each) => `${last(endpointText(each))}=${each.weight}`);
    return [...here, ...service.gone.map((each) => `!${last(endpointText(each))}`)].join(" ");
  }

  private tell(events: readonly LvsEvent[]): void {
    for (const event of events) {
      const to = event.up ? "up" : "down";
      this.events.push(event.kind === "real" ? `${event.real} ${to}` : `quorum ${to} ${event.weight}`);
    }
  }
}

test("VirtualServers begins with all real servers up, and with alpha with none", () => {
  expect(new World(lvs()).table()).toBe("11=1 12=2");
  const alpha = new World(lvs("alpha = true"));
  expect([alpha.table(), alpha.events]).toEqual(["!11 !12", []]);
  alpha.check(12, true);
  expect([alpha.table(), alpha.events]).toEqual(["12=2 !11", ["192.0.2.12:80 up", "quorum up 2"]]);
});

test("VirtualServers removes a real server that is down, or quiesces it with inhibit_on_failure", () => {
  const removed = new World(lvs()).check(11, null);
  expect([removed.table(), removed.events]).toEqual(["11=1 12=2", []]);
  expect(removed.check(11, false).table()).toBe("12=2 !11");
  expect(removed.check(11, true).table()).toBe("11=1 12=2");
  expect(removed.events).toEqual(["192.0.2.11:80 down", "192.0.2.11:80 up"]);
  expect(new World(lvs("inhibit_on_failure = true")).check(11, false).table()).toBe("11=0 12=2");
});

test("VirtualServers lets the sorry server answer alone without a quorum", () => {
  const world = new World(lvs('sorry_server = "192.0.2.200:80"\nquorum = 2'));
  expect(world.check(12, false).table()).toBe("200=1 !11 !12");
  expect(world.check(12, true).table()).toBe("11=1 12=2");
  expect(world.events).toEqual(["192.0.2.12:80 down", "quorum down 1", "192.0.2.12:80 up", "quorum up 3"]);
  const inhibited = new World(lvs('sorry_server = "192.0.2.200:80"\nquorum = 2\nsorry_server_inhibit = true'));
  expect(inhibited.check(12, false).table()).toBe("200=1 11=0 12=0");
});

test("VirtualServers keeps the last real server that lived when all are down and nobody says sorry", () => {
  const world = new World(lvs()).check(11, false).check(12, false);
  expect(world.table()).toBe("12=2 !11");
  expect(world.events).toEqual(["192.0.2.11:80 down", "192.0.2.12:80 down", "quorum down 0"]);
  expect(world.check(11, true).table()).toBe("11=1 !12");
  expect(new World(lvs("inhibit_on_failure = true")).check(12, false).check(11, false).table()).toBe("11=1 12=0");
});

test("VirtualServers gains and loses the quorum with hysteresis", () => {
  const four = '["192.0.2.11:80", "192.0.2.12:80", "192.0.2.13:80", "192.0.2.14:80"]';
  const world = new World(lvs("quorum = 2\nhysteresis = 1", four));
  world.check(11, false).check(12, false).check(13, false);
  expect(world.events.filter((event) => event.startsWith("quorum"))).toEqual([]);
  world.check(14, false);
  world.check(11, true).check(12, true);
  expect(world.events.filter((event) => event.startsWith("quorum"))).toEqual(["quorum down 0"]);
  world.check(13, true);
  expect(world.events.filter((event) => event.startsWith("quorum"))).toEqual(["quorum down 0", "quorum up 3"]);
});

test("VirtualServers takes the weight of a dynamic check until the server goes down", () => {
  const world = new World(lvs()).check(11, true, 7);
  expect(world.table()).toBe("11=7 12=2");
  expect(world.check(11, true).table()).toBe("11=1 12=2");
});

test("VirtualServers keeps what the kernel has after a restart until a check passes or two have ended", () => {
  const held = (_virtual: VirtualServerConfig, real: { name: string }): Held =>
    real.name.includes("11") ? 9 : "absent";
  const world = new World(lvs(), held);
  expect(world.table()).toBe("11=9");
  world.check(11, false);
  expect(world.table()).toBe("11=9");
  world.check(11, false);
  expect(world.table()).toBe("11=1");
  world.check(12, true);
  expect(world.table()).toBe("12=2 !11");
});

test("VirtualServers drains by order whatever the checks say", () => {
  const world = new World(lvs());
  expect(world.virtuals.drain("web", "192.0.2.11:80", true)).toBe(true);
  expect(world.check(11, true).table()).toBe("11=0 12=2");
  world.configure(lvs("quorum = 1"));
  expect(world.table()).toBe("11=0 12=2");
  world.virtuals.drain("web", "192.0.2.11:80", false);
  expect(world.table()).toBe("11=1 12=2");
  expect(world.virtuals.drain("web", "nobody", true)).toBe(false);
});

test("VirtualServers keeps the state of what stays over a reload and forgets what leaves", () => {
  const world = new World(lvs()).check(11, false);
  world.configure(lvs("", '["192.0.2.11:80", "192.0.2.13:80"]'));
  expect(world.table()).toBe("13=1 !11");
  expect(world.check(12, true).table()).toBe("13=1 !11");
});

test("VirtualServers gives every address a service of its own, with the port that packets keep", () => {
  const text = `[virtual_server.web]
addresses = ["192.0.2.10:80", "192.0.2.10:8080"]
forward = "nat"
check = true
real_servers = ["192.0.2.11", "192.0.2.12:9090"]
[virtual_server.marked]
fwmark = 5
check = { port = 80 }
real_servers = ["192.0.2.11"]
`;
  const { config } = parseConfig(text, testEnvironment());
  const virtuals = new VirtualServers();
  virtuals.configure(config!.lvs!, nothingHeld);
  expect(virtuals.desired().map(({ destinations }) => destinations.map(endpointText))).toEqual([
    ["192.0.2.11:80", "192.0.2.12:9090"],
    ["192.0.2.11:8080", "192.0.2.12:9090"],
    ["192.0.2.11:0"],
  ]);
});
