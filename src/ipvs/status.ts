/** What people are told of LVS: the configuration, the director's mind and the kernel's table in one. A core. */
import type { LvsStatus, RealServerStatus, VirtualServerStatus } from "../admin/api.ts";
import type { LvsConfig, LvsServerAddress, RealServerConfig, VirtualServerConfig } from "../config/types-lvs.ts";
import { type DestinationState, endpointText, serviceKey, type ServiceState } from "./model.ts";
import { destinationsOf, type QuorumStatus, type RealStatus } from "./virtual-servers.ts";

export interface StatusInput {
  readonly lvs: LvsConfig;
  readonly reals: readonly RealStatus[];
  readonly quorums: readonly QuorumStatus[];
  /** Null: the kernel has not shown it. */
  readonly table: readonly ServiceState[] | null;
  readonly troubles: readonly string[];
  readonly isSuspended: (virtual: VirtualServerConfig) => boolean;
  /** When `VIRTUAL` or `VIRTUAL/REAL` came into its state. */
  readonly sinceWallMs: (object: string) => number;
  /** Words of the last check of `VIRTUAL/REAL`. */
  readonly checkInfo: (object: string) => string;
}

/** The table by name: a thousand real servers are looked up every two seconds. */
interface Index {
  readonly services: ReadonlyMap<string, ServiceState>;
  /** serviceKey → endpointText → destination. */
  readonly destinations: ReadonlyMap<string, ReadonlyMap<string, DestinationState>>;
  readonly reals: ReadonlyMap<string, RealStatus>;
}

export function lvsStatus(input: StatusInput): LvsStatus {
  const table = input.table ?? [];
  const index: Index = {
    services: new Map(table.map((state) => [serviceKey(state.id), state])),
    destinations: new Map(
      table.map(({ id, destinations }) => [
        serviceKey(id),
        new Map(destinations.map((each) => [endpointText(each), each])),
      ]),
    ),
    reals: new Map(input.reals.map((status) => [`${status.virtual}/${status.real}`, status])),
  };
  return {
    troubles: input.troubles,
    virtualServers: input.lvs.virtualServers.map((virtual) => virtualStatus(virtual, index, input)),
  };
}

function virtualStatus(virtual: VirtualServerConfig, index: Index, input: StatusInput): VirtualServerStatus {
  const keys = virtual.services.map(serviceKey);
  const states = keys.flatMap((key) => index.services.get(key) ?? []);
  const total = (figure: (state: ServiceState) => number): number => sum(states.map(figure));
  const quorum = input.quorums.find((status) => status.virtual === virtual.name);
  return {
    name: virtual.name,
    services: keys,
    scheduler: virtual.scheduler,
    forward: virtual.forward,
    quorum: virtual.quorum,
    hasQuorum: quorum?.hasQuorum ?? false,
    weight: quorum?.weight ?? 0,
    sorryServer: virtual.sorryServer === null ? null : addressText(virtual.sorryServer),
    suspended: input.isSuspended(virtual),
    sinceWallMs: input.sinceWallMs(virtual.name),
    connectionsTotal: total(({ stats }) => stats.connections),
    receivedBytes: total(({ stats }) => stats.inBytes),
    sentBytes: total(({ stats }) => stats.outBytes),
    connectionsPerSecond: total(({ stats }) => stats.connectionsPerSecond),
    realServers: virtual.realServers.map((real) => realStatus(virtual, real, index, input)),
  };
}

function realStatus(
  virtual: VirtualServerConfig,
  real: RealServerConfig,
  index: Index,
  input: StatusInput,
): RealServerStatus {
  const object = `${virtual.name}/${real.name}`;
  const status = index.reals.get(object);
  const states = destinationsOf(virtual, real).flatMap(
    ([service, destination]) => index.destinations.get(serviceKey(service))?.get(endpointText(destination)) ?? [],
  );
  const total = (figure: (state: DestinationState) => number): number => sum(states.map(figure));
  return {
    name: real.name,
    address: addressText(real.address),
    health: real.check === null ? "unchecked" : (status?.alive ?? false) ? "up" : "down",
    admin: status?.drained === true ? "drain" : "ready",
    weight: status?.weight ?? real.weight,
    tableWeight: states[0]?.weight ?? null,
    activeConnections: total((state) => state.activeConnections),
    inactiveConnections: total((state) => state.inactiveConnections),
    persistentConnections: total((state) => state.persistentConnections),
    connectionsTotal: total(({ stats }) => stats.connections),
    receivedBytes: total(({ stats }) => stats.inBytes),
    sentBytes: total(({ stats }) => stats.outBytes),
    checkInfo: input.checkInfo(object),
    sinceWallMs: input.sinceWallMs(object),
  };
}

function sum(figures: readonly number[]): number {
  return figures.reduce((all, figure) => all + figure, 0);
}

function addressText({ family, address, port }: LvsServerAddress): string {
  const host = family === 6 ? `[${address}]` : address;
  return port === null ? host : `${host}:${port}`;
}
