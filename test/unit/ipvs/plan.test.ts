import { expect, test } from "bun:test";
import type { MonoMs } from "../../../src/lib/time.ts";
import { type Destination, endpointText, type IpvsCommand, NO_TUNNEL } from "../../../src/ipvs/model.ts";
import { type Service, serviceKey, type ServiceState } from "../../../src/ipvs/model.ts";
import { NOTHING_OWNED, type Ownership, ownershipText, parseOwnership } from "../../../src/ipvs/ownership.ts";
import { unionOwnership } from "../../../src/ipvs/ownership.ts";
import { type DesiredService, type Draining, planTable } from "../../../src/ipvs/plan.ts";
import { destinationRule, serviceRule } from "../../../src/ipvs/rule-print.ts";
import { FakeKernel } from "./fake-kernel.ts";

const DRAIN_MS = 60_000;

function service(port: number, more: Partial<Service> = {}): Service {
  return {
    id: { kind: "address", protocol: "tcp", family: 4, address: "192.0.2.10", port },
    scheduler: "rr",
    schedulerFlags: [],
    persistence: null,
    onePacket: false,
    persistenceEngine: null,
    ...more,
  };
}

function server(last: number, weight = 1, port = 80): Destination {
  const limits = { upperThreshold: 0, lowerThreshold: 0, tunnel: NO_TUNNEL };
  return { family: 4, address: `198.51.100.${last}`, port, forward: "dr", weight, ...limits };
}

function words(command: IpvsCommand): string {
  switch (command.kind) {
    case "add_service":
    case "edit_service":
      return `${command.kind} ${serviceRule(command.service)}`;
    case "add_destination":
    case "edit_destination":
      return `${command.kind} ${destinationRule(command.id, command.destination)}`;
    case "delete_destination":
      return `delete_destination ${serviceKey(command.id)} ${endpointText(command.destination)}`;
    case "delete_service":
      return `delete_service ${serviceKey(command.id)}`;
    default:
      return command.kind;
  }
}

/** A director without its process: plans, applies, remembers. */
class World {
  readonly kernel = new FakeKernel();
  owned: Ownership = NOTHING_OWNED;
  draining: Draining = new Map();
  now = 0;

  step(desired: readonly DesiredService[]): readonly string[] {
    const plan = planTable({
      desired,
      kernel: this.kernel.table(),
      owned: this.owned,
      draining: this.draining,
      now: this.now as MonoMs,
      drainTimeoutMs: DRAIN_MS,
    });
    for (const command of plan.commands) {
      const errno = this.kernel.apply(command);
      if (errno !== 0) throw new Error(`errno ${errno}: ${words(command)}`);
    }
    this.owned = plan.owned;
    this.draining = plan.draining;
    return plan.commands.map(words);
  }
}

const web: DesiredService = { service: service(80), destinations: [server(1), server(2)], gone: [] };

test("planTable adds what is missing, service first, and then has nothing left to do", () => {
  const world = new World();
  expect(world.step([web])).toEqual([
    "add_service -A -t 192.0.2.10:80 -s rr",
    "add_destination -a -t 192.0.2.10:80 -r 198.51.100.1:80 -g -w 1",
    "add_destination -a -t 192.0.2.10:80 -r 198.51.100.2:80 -g -w 1",
  ]);
  expect(world.step([web])).toEqual([]);
});

test("planTable adopts equal entries after a crash without a command, and edits only what differs", () => {
  const world = new World();
  world.step([web]);
  world.owned = NOTHING_OWNED;
  expect(world.step([web])).toEqual([]);
  expect(world.owned.get("tcp 192.0.2.10:80")?.size).toBe(2);
  const other = { ...web, service: service(80, { scheduler: "wlc" }), destinations: [server(1, 5), server(2)] };
  expect(world.step([other])).toEqual([
    "edit_service -A -t 192.0.2.10:80 -s wlc",
    "edit_destination -a -t 192.0.2.10:80 -r 198.51.100.1:80 -g -w 5",
  ]);
});

test("planTable drains a destination that left the configuration until its connections have ended", () => {
  const world = new World();
  world.step([web]);
  world.kernel.connect("tcp 192.0.2.10:80", "198.51.100.2:80", 3);
  const smaller = { ...web, destinations: [server(1)] };
  expect(world.step([smaller])).toEqual(["edit_destination -a -t 192.0.2.10:80 -r 198.51.100.2:80 -g -w 0"]);
  expect(world.step([smaller])).toEqual([]);
  world.kernel.connect("tcp 192.0.2.10:80", "198.51.100.2:80", 0);
  expect(world.step([smaller])).toEqual(["delete_destination tcp 192.0.2.10:80 198.51.100.2:80"]);
  expect(world.step([smaller])).toEqual([]);
});

test("planTable deletes a draining destination with connections when its time is over", () => {
  const world = new World();
  world.step([web]);
  world.kernel.connect("tcp 192.0.2.10:80", "198.51.100.2:80", 3);
  const smaller = { ...web, destinations: [server(1)] };
  world.step([smaller]);
  world.now = DRAIN_MS - 1;
  expect(world.step([smaller])).toEqual([]);
  world.now = DRAIN_MS;
  expect(world.step([smaller])).toEqual(["delete_destination tcp 192.0.2.10:80 198.51.100.2:80"]);
});

test("planTable deletes a server that is down at once, after the others are there", () => {
  const world = new World();
  world.step([web]);
  world.kernel.connect("tcp 192.0.2.10:80", "198.51.100.1:80", 9);
  const sorry = { service: service(80), destinations: [server(200)], gone: [server(1), server(2)] };
  expect(world.step([sorry])).toEqual([
    "add_destination -a -t 192.0.2.10:80 -r 198.51.100.200:80 -g -w 1",
    "delete_destination tcp 192.0.2.10:80 198.51.100.1:80",
    "delete_destination tcp 192.0.2.10:80 198.51.100.2:80",
  ]);
});

test("planTable leaves foreign services alone and takes new connections from foreign destinations only", () => {
  const world = new World();
  world.kernel.apply({ kind: "add_service", service: service(443) });
  world.kernel.apply({ kind: "add_destination", id: service(443).id, destination: server(9, 7) });
  world.step([web]);
  world.kernel.apply({ kind: "add_destination", id: web.service.id, destination: server(77) });
  expect(world.step([web])).toEqual(["edit_destination -a -t 192.0.2.10:80 -r 198.51.100.77:80 -g -w 0"]);
  expect(world.step([web])).toEqual([]);
  expect(world.step([])).toEqual([
    "delete_destination tcp 192.0.2.10:80 198.51.100.1:80",
    "delete_destination tcp 192.0.2.10:80 198.51.100.2:80",
  ]);
  const left = world.kernel.table().map((state) => [serviceKey(state.id), state.destinations.map(endpointText)]);
  expect(left).toEqual([
    ["tcp 192.0.2.10:443", ["198.51.100.9:80"]],
    ["tcp 192.0.2.10:80", ["198.51.100.77:80"]],
  ]);
});

test("planTable ends a service by one command when nothing is left in it", () => {
  const world = new World();
  world.step([web]);
  expect(world.step([])).toEqual(["delete_service tcp 192.0.2.10:80"]);
  expect([...world.owned]).toEqual([]);
});

test("planTable takes a destination that is the node itself as it was set", () => {
  const world = new World();
  world.step([web]);
  const local = world.kernel.table();
  const kernel = local.map((state) => ({
    ...state,
    destinations: state.destinations.map((each) => ({ ...each, forward: "local" as const })),
  }));
  const input = {
    desired: [web],
    kernel,
    owned: world.owned,
    draining: new Map(),
    now: 0 as MonoMs,
    drainTimeoutMs: 1,
  };
  expect(planTable(input).commands).toEqual([]);
});

test("parseOwnership reads what ownershipText wrote, also before the rest of a longer text", () => {
  const owned: Ownership = new Map([["tcp 192.0.2.10:80", new Set(["198.51.100.1:80"])]]);
  const text = ownershipText(owned);
  expect(parseOwnership(text)).toEqual(owned);
  expect(parseOwnership(`${text}":["x"]}}`)).toEqual(owned);
  expect(parseOwnership("")).toEqual(new Map());
  for (const broken of ["{", "[]\n", '{"version":2,"services":{}}\n', '{"version":1,"services":{"a":[1]}}\n']) {
    expect(parseOwnership(broken)).toBeNull();
  }
});

/** Mulberry32: a small seeded generator. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function randomDesired(random: () => number, ports: readonly number[]): readonly DesiredService[] {
  return ports
    .filter(() => random() < 0.7)
    .map((port) => {
      const all = [1, 2, 3, 4, 5].filter(() => random() < 0.7).map((last) => server(last, Math.floor(random() * 4)));
      const isDown = all.map(() => random() < 0.2);
      const scheduler = random() < 0.5 ? "rr" : "wlc";
      return {
        service: service(port, {
          scheduler,
          persistence: random() < 0.2 ? { timeoutSeconds: 60, netmask: "255.255.255.0" } : null,
        }),
        destinations: all.filter((_, i) => !isDown[i]),
        gone: all.filter((_, i) => isDown[i]),
      };
    });
}

/** Our part of the table, without draining and foreign destinations. */
function ourPart(table: readonly ServiceState[], desired: readonly DesiredService[]): unknown {
  return desired.map(({ service: wanted, destinations }) => {
    const state = table.find((each) => serviceKey(each.id) === serviceKey(wanted.id));
    const found = destinations.map((each) => {
      const match = state?.destinations.find((other) => endpointText(other) === endpointText(each));
      return match === undefined ? null : destinationRule(wanted.id, match);
    });
    return [state === undefined ? null : serviceRule(state), found];
  });
}

function wantedPart(desired: readonly DesiredService[]): unknown {
  return desired.map(({ service: wanted, destinations }) => [
    serviceRule(wanted),
    destinations.map((each) => destinationRule(wanted.id, each)),
  ]);
}

test("planTable reaches every desired table from every other, needs nothing then, and never touches what is foreign", () => {
  const seed = Number(process.env["BALLAST_SEED"] ?? 20261120);
  const random = generator(seed);
  for (let round = 0; round < 300; round++) {
    const world = new World();
    const foreign = service(9999);
    world.kernel.apply({ kind: "add_service", service: foreign });
    world.kernel.apply({ kind: "add_destination", id: foreign.id, destination: server(99, 3) });
    const before = JSON.stringify(world.kernel.table());
    let desired: readonly DesiredService[] = [];
    for (let change = 0; change < 6; change++) {
      desired = randomDesired(random, [80, 81, 82]);
      for (const state of world.kernel.table()) {
        if (serviceKey(state.id) === serviceKey(foreign.id)) continue;
        for (const each of state.destinations) {
          world.kernel.connect(serviceKey(state.id), endpointText(each), Math.floor(random() * 3));
        }
      }
      const commands = world.step(desired);
      const context = `seed ${seed} round ${round} change ${change}`;
      expect([context, ourPart(world.kernel.table(), desired)]).toEqual([context, wantedPart(desired)]);
      expect([context, world.step(desired)]).toEqual([context, []]);
      // Minimal: no object is named twice.
      const targets = commands.map((line) => line.replace(/ -s .*| -g .*/, "").replace(/^\w+ (?:-a )?/, ""));
      expect([context, new Set(targets).size]).toEqual([context, targets.length]);
    }
    for (const state of world.kernel.table()) {
      for (const each of state.destinations) {
        if (serviceKey(state.id) !== serviceKey(foreign.id)) {
          world.kernel.connect(serviceKey(state.id), endpointText(each), 0);
        }
      }
    }
    world.step(desired);
    world.step([]);
    world.step([]);
    expect(JSON.stringify(world.kernel.table())).toBe(before);
  }
});

test("unionOwnership has what either has", () => {
  const a: Ownership = new Map([["x", new Set(["1"])]]);
  const b: Ownership = new Map([
    ["x", new Set(["2"])],
    ["y", new Set<string>()],
  ]);
  expect([...unionOwnership(a, b)].map(([key, values]) => [key, [...values]])).toEqual([
    ["x", ["1", "2"]],
    ["y", []],
  ]);
});
