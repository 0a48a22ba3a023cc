/**
 * Entering a state: the only writers of a changed `state.kind`, and the place where the order of effects stands.
 * Becoming master: advert first, so that the others stay quiet; then addresses; then gratuitous ARP; then the report.
 * Leaving it: addresses go before the report; where the others may take over at once (resignation), priority 0 first.
 */
import { later, type MonoMs, NEVER } from "../lib/time.ts";
import { unreachable } from "../lib/result.ts";
import { addressText } from "../net/address.ts";
import {
  type Effect,
  type FaultCause,
  type Instance,
  type InstanceParams,
  type InstanceState,
  type MasterState,
  ownPriority,
  type Peer,
  type Step,
  type TransitionCause,
} from "./instance.ts";
import { priority } from "./wire.ts";

export function enterMaster(instance: Instance, params: InstanceParams, now: MonoMs, cause: TransitionCause): Step {
  const own = ownPriority(instance, params);
  const { garp } = params;
  const state: InstanceState = {
    kind: "master",
    advertAt: later(now, params.advertIntervalMs),
    advertSentAt: now,
    burstAt: garp.delayMs > 0 && garp.repeat > 0 ? later(now, garp.delayMs) : NEVER,
    refreshAt: garp.refreshMs > 0 ? later(now, garp.refreshMs) : NEVER,
    burstSentAt: now,
    sendFailures: 0,
    handOverUntil: null,
    rival: null,
    alone: null,
  };
  const effects: Effect[] = [{ kind: "send_advert", priority: own }, { kind: "add_addresses" }];
  if (garp.repeat > 0) effects.push({ kind: "announce", repeat: garp.repeat });
  effects.push(transition(instance, state, cause, masterText(instance, cause, own)));
  // Leading again ends what a failover order began.
  return { instance: { state, node: { ...instance.node, yielded: false }, cause }, effects };
}

function masterText({ state }: Instance, cause: TransitionCause, own: number): string {
  if (cause === "owner") return "this node owns the addresses (priority 255)";
  if (cause === "priority-zero") return `the master resigned; leading with priority ${own}`;
  const master = state.kind === "backup" ? state.master : null;
  if (master === null) return `no master heard in time; leading with priority ${own}`;
  const who = `${addressText(master.address)} (priority ${master.priority})`;
  return master.outranked === true
    ? `preempting ${who}; leading with priority ${own}`
    : `${who} not heard in time; leading with priority ${own}`;
}

/** Ends a hand-over to nobody: this node says that it leads after all. What a reload brought meanwhile is set now. */
export function leadOn(instance: Instance, state: MasterState, params: InstanceParams, now: MonoMs): Step {
  const { garp } = params;
  const led: MasterState = {
    ...state,
    handOverUntil: null,
    advertAt: later(now, params.advertIntervalMs),
    advertSentAt: now,
    refreshAt: garp.refreshMs > 0 ? later(now, garp.refreshMs) : NEVER,
  };
  const effects: Effect[] = [
    { kind: "send_advert", priority: ownPriority(instance, params) },
    { kind: "add_addresses" },
  ];
  if (garp.repeat > 0) effects.push({ kind: "announce", repeat: garp.repeat });
  return { instance: { ...instance, state: led, node: { ...instance.node, yielded: false } }, effects };
}

export interface BackupEntry {
  readonly masterIntervalMs: number;
  /** Until this node takes over if nobody is heard. */
  readonly waitMs: number;
  readonly master: Peer | null;
  /** The node had the VIPs. */
  readonly remove: boolean;
  /** Why, where the cause alone does not say it. */
  readonly text?: string;
}

export function enterBackup(
  instance: Instance,
  params: InstanceParams,
  now: MonoMs,
  cause: TransitionCause,
  entry: BackupEntry,
): Step {
  const state: InstanceState = {
    kind: "backup",
    downAt: later(now, entry.waitMs),
    resigned: false,
    masterIntervalMs: entry.masterIntervalMs,
    master: entry.master,
    preemptAt: null,
    wantsToLead: false,
    alone: null,
    silentPath: null,
  };
  const effects: Effect[] = entry.remove ? [{ kind: "remove_addresses" }] : [];
  effects.push(transition(instance, state, cause, entry.text ?? backupText(instance, params, cause, entry)));
  return { instance: { ...instance, state, cause }, effects };
}

function backupText(instance: Instance, params: InstanceParams, cause: TransitionCause, entry: BackupEntry): string {
  const own = ownPriority(instance, params);
  if (entry.master !== null) {
    const { address } = entry.master;
    return cause === "higher-address"
      ? `${addressText(address)} has the same priority ${own} and the higher address`
      : `${addressText(address)} leads with priority ${entry.master.priority}, ours is ${own}`;
  }
  return `listening with priority ${own}`;
}

/** Fault: resign if this node leads, take the VIPs away, report. */
export function enterFault(instance: Instance, params: InstanceParams, fault: FaultCause, retryAt: MonoMs): Step {
  const state: InstanceState = { kind: "fault", cause: fault, retryAt };
  return {
    instance: { ...instance, state, cause: "fault" },
    effects: [...resignation(instance), transition(instance, state, "fault", faultText(fault, params.interfaceName))],
  };
}

/** Out of the game on order or at the end. */
export function enterQuiet(instance: Instance, kind: "init" | "maint", cause: TransitionCause, text: string): Step {
  const state: InstanceState = kind === "init" ? { kind, startAt: NEVER } : { kind };
  const effects: Effect[] = [...resignation(instance)];
  if (instance.state.kind !== kind) effects.push(transition(instance, state, cause, text));
  return { instance: { ...instance, state, cause }, effects };
}

/** What a master owes the others when it goes; a node that does not lead owes nothing. */
export function resignation(instance: Instance): readonly Effect[] {
  const { state } = instance;
  if (state.kind !== "master") return [];
  const remove = { kind: "remove_addresses" } as const;
  return state.handOverUntil === null ? [{ kind: "send_advert", priority: priority.resign }, remove] : [remove];
}

export function faultText(fault: FaultCause, interfaceName: string): string {
  switch (fault.kind) {
    case "interface_missing":
      return `interface ${interfaceName} does not exist`;
    case "interface_down":
      return `interface ${interfaceName} is down`;
    case "interface_no_address":
      return `interface ${interfaceName} has no address to send from`;
    case "interface_settling":
      return `interface ${interfaceName} came up a moment ago`;
    case "track":
      return fault.name === "proxy" ? "the proxy of this node does not serve" : `tracked ${fault.name} is not well`;
    case "group":
      return `${fault.member} of its group is in fault`;
    case "trouble":
      return troubleText(fault.trouble);
    default:
      return unreachable(fault);
  }
}

function troubleText(trouble: Extract<FaultCause, { kind: "trouble" }>["trouble"]): string {
  switch (trouble.kind) {
    case "send":
      return `adverts cannot be sent: ${trouble.text}`;
    case "address":
      return `${trouble.address} cannot be set: ${trouble.text}`;
    case "route":
      return `${trouble.route} cannot be set: ${trouble.text}`;
    case "foreign_address":
      return `${trouble.address} is on the interface already and Ballast did not set it; remove it there or from the configuration`;
    default:
      return unreachable(trouble);
  }
}

function transition(instance: Instance, to: InstanceState, cause: TransitionCause, text: string): Effect {
  return { kind: "transition", from: instance.state.kind, to: to.kind, cause, text };
}
