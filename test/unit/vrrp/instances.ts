/** Instances in given states for the tests of the machine. */
import { assert } from "../../../src/lib/result.ts";
import { later, type MonoMs, NEVER } from "../../../src/lib/time.ts";
import { addressBytes } from "../../../src/net/address.ts";
import {
  type Effect,
  type Event,
  type Instance,
  type InstanceParams,
  newInstance,
  type Step,
} from "../../../src/vrrp/instance.ts";
import { nextDeadline, step } from "../../../src/vrrp/machine.ts";
import type { PathName } from "../../../src/vrrp/paths.ts";

export function paramsWith(changes: Partial<InstanceParams> = {}): InstanceParams {
  return {
    name: "VI_1",
    interfaceName: "eth0",
    version: 3,
    basePriority: 100,
    advertIntervalMs: 1000,
    startAsMaster: false,
    preempt: true,
    preemptDelayMs: 0,
    garp: { delayMs: 5000, repeat: 5, refreshMs: 0, lowerPriorityRepeat: 5 },
    tracks: [],
    grouped: false,
    startupDelayMs: 0,
    linkUpDelayMs: 0,
    ...changes,
  };
}

/** Hands the events in one after the other at the same instant; answers the last instance and all effects. */
export function drive(instance: Instance, params: InstanceParams, now: MonoMs, ...events: readonly Event[]): Step {
  let current = instance;
  const effects: Effect[] = [];
  for (const event of events) {
    const result = step(current, event, params, now);
    current = result.instance;
    effects.push(...result.effects);
  }
  return { instance: current, effects };
}

export function linkUp(address: string): Event {
  return { kind: "link", link: { kind: "up", address: addressBytes(address) } };
}

export function advert(source: string, priority: number, intervalMs = 1000, path: PathName = "main"): Event {
  return { kind: "advert", path, source: addressBytes(source), priority, intervalMs };
}

/** An instance that is backup since `now`, or became master then by its timer and sent its last advert a beat ago. */
export function running(params: InstanceParams, kind: "backup" | "master", address: string, now: MonoMs): Instance {
  const readings = params.tracks.map(() => true);
  const startAt = later(now, kind === "backup" ? 0 : -10_000);
  const started = drive(
    newInstance(params),
    params,
    startAt,
    linkUp(address),
    { kind: "tracks", readings },
    { kind: "start" },
  );
  if (kind === "backup" || started.instance.state.kind === "master") return started.instance;
  const led = drive(started.instance, params, nextDeadline(started.instance), { kind: "tick" });
  const { state } = led.instance;
  assert(state.kind === "master", "the instance leads");
  const beat = {
    advertAt: now,
    burstAt: NEVER,
    advertSentAt: later(now, -params.advertIntervalMs),
    burstSentAt: later(now, -60_000),
  };
  return { ...led.instance, state: { ...state, ...beat } };
}

export function effectKinds(effects: readonly Effect[]): readonly string[] {
  return effects.map((effect) => effect.kind);
}

export function advertsSent(effects: readonly Effect[]): readonly number[] {
  return effects.flatMap((effect) => (effect.kind === "send_advert" ? [effect.priority] : []));
}
