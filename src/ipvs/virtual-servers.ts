/**
 * The director's mind: what checks, operators and the configuration say of every virtual server, and the table that
 * follows from it. A core: results go in, events and the desired table come out.
 *
 *   a real server is     alive      down                             drained by the operator
 *   in the table         weight     weight 0 (inhibit_on_failure)    weight 0
 *                                   or removed at once
 *
 *   quorum   gained when the weights of the living reach quorum + hysteresis, lost below quorum - hysteresis or at
 *            none (keepalived, check_api.c). Without it the sorry server answers alone, if there is one; if there is
 *            none, the last real server that lived keeps its place: a flap of all checks never empties a service.
 *
 *   hold     after a restart a real server stays as the kernel has it until a check passes or two have ended: what ran
 *            before is not cut by a director that knows nothing yet.
 */
import type {
  LvsConfig,
  LvsServerAddress,
  LvsServiceAddress,
  RealServerConfig,
  VirtualServerConfig,
} from "../config/types-lvs.ts";
import type { Destination, DestinationId, Service } from "./model.ts";
import type { DesiredService } from "./plan.ts";

/** Checks that must have ended before a failure counts after a restart. */
const HOLD_RESULTS = 2;
const SORRY_WEIGHT = 1;

/** As the kernel has it: its weight, or not there. */
export type Held = number | "absent";

interface Real {
  config: RealServerConfig;
  alive: boolean;
  /** Checks that have ended. */
  results: number;
  /** From the check itself (keepalived: misc_dynamic); null: the configured one. */
  weight: number | null;
  drained: boolean;
  hold: Held | null;
}

interface Virtual {
  config: VirtualServerConfig;
  readonly reals: Map<string, Real>;
  hasQuorum: boolean;
  /** The last real server that went down. */
  lastAlive: string | null;
}

export type LvsEvent =
  | { readonly kind: "real"; readonly virtual: string; readonly real: string; readonly up: boolean }
  | { readonly kind: "quorum"; readonly virtual: string; readonly up: boolean; readonly weight: number };

/** One check that has ended. `up` null: it failed and will be tried again before it counts. */
export interface RealResult {
  readonly virtual: string;
  readonly real: string;
  readonly up: boolean | null;
  readonly weight: number | null;
}

export interface RealStatus {
  readonly virtual: string;
  readonly real: string;
  readonly alive: boolean;
  readonly drained: boolean;
  readonly weight: number;
}

export interface QuorumStatus {
  readonly virtual: string;
  readonly hasQuorum: boolean;
  /** Of the living that are not drained. */
  readonly weight: number;
}

export class VirtualServers {
  private virtuals = new Map<string, Virtual>();

  /**
   * Takes over a configuration: what stays keeps its state. `held`: how the kernel has a real server that is new here,
   * in a service that was ours; null: the service was not.
   */
  configure(
    lvs: LvsConfig,
    held: (virtual: VirtualServerConfig, real: RealServerConfig) => Held | null,
  ): readonly LvsEvent[] {
    const before = this.virtuals;
    this.virtuals = new Map();
    const events: LvsEvent[] = [];
    for (const config of lvs.virtualServers) {
      const old = before.get(config.name);
      const reals = new Map<string, Real>();
      for (const real of config.realServers) {
        const known = old?.reals.get(real.name);
        reals.set(real.name, known === undefined ? newReal(config, real, held(config, real)) : kept(known, real));
      }
      const virtual: Virtual = {
        config,
        reals,
        hasQuorum: old?.hasQuorum ?? !config.alpha,
        lastAlive: old?.lastAlive ?? null,
      };
      this.virtuals.set(config.name, virtual);
      events.push(...updateQuorum(virtual));
    }
    return events;
  }

  /** Takes in a result; it may be of a real server that a reload has removed meanwhile. */
  result({ virtual: name, real: realName, up, weight }: RealResult): readonly LvsEvent[] {
    const virtual = this.virtuals.get(name);
    const real = virtual?.reals.get(realName);
    if (virtual === undefined || real === undefined) return [];
    real.results++;
    if (up === true || real.results >= HOLD_RESULTS) real.hold = null;
    if (up === null) return [];
    real.weight = up ? weight : null;
    const changed = real.alive !== up;
    real.alive = up;
    if (changed && !up) virtual.lastAlive = realName;
    const events: readonly LvsEvent[] = changed ? [{ kind: "real", virtual: name, real: realName, up }] : [];
    return [...events, ...updateQuorum(virtual)];
  }

  /** The operator's order; false when there is no such real server. */
  drain(name: string, realName: string, drained: boolean): boolean {
    const real = this.virtuals.get(name)?.reals.get(realName);
    if (real === undefined) return false;
    real.drained = drained;
    return true;
  }

  desired(): readonly DesiredService[] {
    return [...this.virtuals.values()].flatMap((virtual) =>
      virtual.config.services.map((service) => desiredService(virtual, service)),
    );
  }

  status(): readonly RealStatus[] {
    return [...this.virtuals.values()].flatMap(({ config, reals }) =>
      [...reals.values()].map((real) => ({
        virtual: config.name,
        real: real.config.name,
        alive: real.alive,
        drained: real.drained,
        weight: weightOf(real),
      })),
    );
  }

  quorums(): readonly QuorumStatus[] {
    return [...this.virtuals.values()].map((virtual) => ({
      virtual: virtual.config.name,
      hasQuorum: virtual.hasQuorum,
      weight: livingWeight(virtual),
    }));
  }
}

function newReal(virtual: VirtualServerConfig, config: RealServerConfig, held: Held | null): Real {
  const unchecked = config.check === null;
  const alive = unchecked || (held === null ? !virtual.alpha : held !== "absent" && held > 0);
  return { config, alive, results: 0, weight: null, drained: false, hold: unchecked ? null : held };
}

/** A real server that is no longer checked counts as alive. */
function kept(known: Real, config: RealServerConfig): Real {
  const real = { ...known, config };
  return config.check === null ? { ...real, alive: true, weight: null, hold: null } : real;
}

function weightOf(real: Real): number {
  return real.weight ?? real.config.weight;
}

function livingWeight({ reals }: Virtual): number {
  return [...reals.values()].reduce((sum, real) => sum + (real.alive && !real.drained ? weightOf(real) : 0), 0);
}

function updateQuorum(virtual: Virtual): readonly LvsEvent[] {
  const { name, quorum, hysteresis } = virtual.config;
  const weight = livingWeight(virtual);
  const up = virtual.hasQuorum ? weight > 0 && weight >= quorum - hysteresis : weight >= quorum + hysteresis;
  if (up === virtual.hasQuorum) return [];
  virtual.hasQuorum = up;
  return [{ kind: "quorum", virtual: name, up, weight }];
}

function desiredService(virtual: Virtual, address: LvsServiceAddress): DesiredService {
  const { config } = virtual;
  const destinations: Destination[] = [];
  const gone: DestinationId[] = [];
  const sorry = virtual.hasQuorum ? null : config.sorryServer;
  if (sorry !== null) destinations.push(destinationOf(config, address, sorry, SORRY_WEIGHT, null));
  for (const real of virtual.reals.values()) {
    const weight = wantedWeight(virtual, real, sorry !== null);
    const destination = destinationOf(config, address, real.config.address, weight ?? 0, real.config);
    if (weight !== null) destinations.push(destination);
    else if (real.hold === null) gone.push(destination);
  }
  return { service: serviceOf(config, address), destinations, gone };
}

/** Null: not in the table. */
function wantedWeight(virtual: Virtual, real: Real, sorryAnswers: boolean): number | null {
  const { config } = virtual;
  if (real.drained) return 0;
  if (real.hold !== null) return real.hold === "absent" ? null : real.hold;
  if (sorryAnswers) return config.sorryServerInhibit || (config.inhibitOnFailure && !real.alive) ? 0 : null;
  if (real.alive) return weightOf(real);
  const isLast = virtual.lastAlive === real.config.name && livingCount(virtual) === 0 && config.sorryServer === null;
  if (isLast) return real.config.weight;
  return config.inhibitOnFailure ? 0 : null;
}

function livingCount({ reals }: Virtual): number {
  return [...reals.values()].filter((real) => real.alive).length;
}

function serviceOf(config: VirtualServerConfig, id: LvsServiceAddress): Service {
  const { scheduler, schedulerFlags, persistence, onePacket } = config;
  return { id, scheduler, schedulerFlags, persistence, onePacket, persistenceEngine: null };
}

/** Only masquerading can change a port; direct and tunnelled packets keep the service's. */
function destinationOf(
  config: VirtualServerConfig,
  service: LvsServiceAddress,
  server: LvsServerAddress,
  weight: number,
  real: RealServerConfig | null,
): Destination {
  const servicePort = service.kind === "address" ? service.port : 0;
  const port = config.forward === "nat" ? (server.port ?? servicePort) : servicePort;
  return {
    family: server.family,
    address: server.address,
    port,
    forward: config.forward,
    weight,
    upperThreshold: real?.upperThreshold ?? 0,
    lowerThreshold: real?.lowerThreshold ?? 0,
    tunnel: config.tunnel,
  };
}

/** The destinations that a real server has in the services of its virtual server. */
export function destinationsOf(
  virtual: VirtualServerConfig,
  real: RealServerConfig,
): readonly (readonly [LvsServiceAddress, Destination])[] {
  return virtual.services.map(
    (service) => [service, destinationOf(virtual, service, real.address, real.weight, real)] as const,
  );
}
