/**
 * From what should be to what the kernel has: the smallest list of commands, in an order that never leaves a service
 * without a destination that it could have.
 *
 *   kernel has it   desired   owned        then
 *   service   no    yes       –            add
 *             yes   yes       any          edit when it differs; from now on it is ours
 *             yes   no        yes          its destinations drain, then it is deleted
 *             yes   no        no           not touched, not even looked into
 *   destination (of a service that is ours)
 *             no    yes       –            add
 *             yes   yes       any          edit when it differs
 *             yes   gone      any          delete at once: it is down, nobody is served by it
 *             yes   no        yes          weight 0; deleted when its connections have ended or its time is over
 *             yes   no        no           weight 0 and left: somebody added it by hand, its connections are not ours to cut
 */
import { later, type MonoMs } from "../lib/time.ts";
import {
  type Destination,
  type DestinationId,
  type DestinationState,
  destinationOf,
  endpointText,
  type IpvsCommand,
  sameDestination,
  sameService,
  type Service,
  serviceKey,
  serviceOf,
  type ServiceState,
} from "./model.ts";
import type { Ownership } from "./ownership.ts";

export interface DesiredService {
  readonly service: Service;
  readonly destinations: readonly Destination[];
  /** Down and to be removed at once. */
  readonly gone: readonly DestinationId[];
}

/** `serviceKey destination` → when it is deleted even with connections. */
export type Draining = ReadonlyMap<string, MonoMs>;

export interface PlanInput {
  readonly desired: readonly DesiredService[];
  readonly kernel: readonly ServiceState[];
  readonly owned: Ownership;
  readonly draining: Draining;
  readonly now: MonoMs;
  readonly drainTimeoutMs: number;
}

export interface Plan {
  readonly commands: readonly IpvsCommand[];
  /** What is ours when the commands have run. */
  readonly owned: Ownership;
  /** What still drains then. */
  readonly draining: Draining;
  /** Destinations of others in services of ours, now without new connections. */
  readonly foreign: readonly { readonly service: string; readonly destination: string }[];
}

/** Commands by what they do to capacity: it comes before it goes. */
interface Steps {
  readonly services: IpvsCommand[];
  readonly more: IpvsCommand[];
  readonly less: IpvsCommand[];
  readonly deletions: IpvsCommand[];
  readonly endings: IpvsCommand[];
}

interface Work extends PlanInput {
  readonly steps: Steps;
  readonly ours: Map<string, ReadonlySet<string>>;
  readonly still: Map<string, MonoMs>;
  readonly foreign: { readonly service: string; readonly destination: string }[];
}

export function planTable(input: PlanInput): Plan {
  const steps: Steps = { services: [], more: [], less: [], deletions: [], endings: [] };
  const work: Work = { ...input, steps, ours: new Map(), still: new Map(), foreign: [] };
  const existing = new Map(input.kernel.map((state) => [serviceKey(state.id), state] as const));
  const wanted = new Set(input.desired.map(({ service }) => serviceKey(service.id)));
  for (const desired of input.desired) planService(work, desired, existing.get(serviceKey(desired.service.id)) ?? null);
  for (const [key, owned] of input.owned) {
    const state = existing.get(key);
    if (!wanted.has(key) && state !== undefined) planLeaving(work, state, owned);
  }
  return {
    commands: [...steps.services, ...steps.more, ...steps.less, ...steps.deletions, ...steps.endings],
    owned: work.ours,
    draining: work.still,
    foreign: work.foreign,
  };
}

function planService(work: Work, { service, destinations, gone }: DesiredService, state: ServiceState | null): void {
  const key = serviceKey(service.id);
  if (state === null) work.steps.services.push({ kind: "add_service", service: serviceOf(service) });
  else if (!sameService(state, service))
    work.steps.services.push({ kind: "edit_service", service: serviceOf(service) });

  const existing = new Map((state?.destinations ?? []).map((each) => [endpointText(each), each] as const));
  const ours = new Set<string>();
  for (const destination of destinations) {
    const name = endpointText(destination);
    ours.add(name);
    planDestination(work, service, destination, existing.get(name) ?? null);
    existing.delete(name);
  }
  const downNow = new Set(gone.map(endpointText));
  for (const [name, left] of existing) {
    if (downNow.has(name)) work.steps.deletions.push(deletion(service, left));
    else if (work.owned.get(key)?.has(name) === true) {
      if (planDrain(work, service, left)) ours.add(name);
    } else {
      work.foreign.push({ service: key, destination: name });
      if (left.weight !== 0) work.steps.less.push(quiesce(service, left));
    }
  }
  work.ours.set(key, ours);
}

function planDestination(work: Work, service: Service, wanted: Destination, state: DestinationState | null): void {
  const { id } = service;
  const destination = destinationOf(wanted);
  if (state === null) {
    work.steps.more.push({ kind: "add_destination", id, destination });
    return;
  }
  // The kernel makes "local" of a destination that is the node itself, however it was set.
  const seen = state.forward === "local" ? { ...state, forward: wanted.forward } : state;
  if (sameDestination(seen, wanted)) return;
  const steps = wanted.weight >= state.weight ? work.steps.more : work.steps.less;
  steps.push({ kind: "edit_destination", id, destination });
}

/** A service that the configuration no longer names. With destinations of others in it, it stays and is theirs. */
function planLeaving(work: Work, state: ServiceState, owned: ReadonlySet<string>): void {
  const key = serviceKey(state.id);
  const ours = state.destinations.filter((each) => owned.has(endpointText(each)));
  const deletionsBefore = work.steps.deletions.length;
  const still = ours.filter((destination) => planDrain(work, state, destination));
  if (still.length > 0) work.ours.set(key, new Set(still.map(endpointText)));
  else if (ours.length === state.destinations.length) {
    // Its destinations go with it.
    work.steps.deletions.length = deletionsBefore;
    work.steps.endings.push({ kind: "delete_service", id: serviceOf(state).id });
  }
}

/** True while it has to stay. */
function planDrain(work: Work, service: Service, state: DestinationState): boolean {
  const key = drainKey(service, state);
  const untilMs = work.draining.get(key) ?? later(work.now, work.drainTimeoutMs);
  if (isIdle(state) || untilMs <= work.now) {
    work.steps.deletions.push(deletion(service, state));
    return false;
  }
  work.still.set(key, untilMs);
  if (state.weight !== 0) work.steps.less.push(quiesce(service, state));
  return true;
}

/** Nobody is connected, and nobody is bound to come back. */
export function isIdle(state: DestinationState): boolean {
  return state.activeConnections + state.inactiveConnections + state.persistentConnections === 0;
}

function drainKey(service: Service, destination: DestinationId): string {
  return `${serviceKey(service.id)} ${endpointText(destination)}`;
}

function quiesce(service: Service, state: DestinationState): IpvsCommand {
  const { id } = serviceOf(service);
  return { kind: "edit_destination", id, destination: { ...destinationOf(state), weight: 0 } };
}

function deletion(service: Service, { family, address, port }: DestinationId): IpvsCommand {
  return { kind: "delete_destination", id: serviceOf(service).id, destination: { family, address, port } };
}
