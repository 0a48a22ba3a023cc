/** The second path as this node has it: its interface, and what the kernel makes of adverts there. Never a fault. */
import {
  type Effect,
  type Event,
  type HeartbeatFacts,
  type Instance,
  type InstanceParams,
  notice,
  type Step,
} from "./instance.ts";
import { faultText } from "./transition.ts";

type HeartbeatEvent = Extract<Event, { kind: "heartbeat" | "heartbeat_sent" }>;

/** Adverts that the kernel refused in a row before the operator is told: one may have met a full queue. */
const REFUSALS_MAX = 3;

export function heartbeatStep(instance: Instance, event: HeartbeatEvent, params: InstanceParams): Step {
  const before = instance.node.heartbeat;
  const heartbeat = event.kind === "heartbeat" ? looked(before, event) : sent(before, event);
  const known = { ...instance, node: { ...instance.node, heartbeat } };
  return {
    instance: isUsable(before) === isUsable(heartbeat) ? known : listenAnew(known),
    effects: told(before, heartbeat, params),
  };
}

/** The node's address on the second path; null while it cannot be used. */
export function heartbeatAddress(instance: Instance): Uint8Array | null {
  const link = instance.node.heartbeat?.link;
  return link?.kind === "up" ? link.address : null;
}

/** Whether adverts can be expected on the second path. */
export function isUsable(heartbeat: HeartbeatFacts | null): boolean {
  return heartbeat !== null && heartbeat.trouble === null;
}

function looked(
  before: HeartbeatFacts | null,
  event: Extract<HeartbeatEvent, { kind: "heartbeat" }>,
): HeartbeatFacts | null {
  const { path } = event;
  if (path === null) return null;
  const { interfaceName, link, refusal } = path;
  if (link.kind !== "up") {
    const trouble = faultText({ kind: `interface_${link.kind}` }, interfaceName);
    return { interfaceName, link, refusals: 0, trouble };
  }
  const isSame = before?.interfaceName === interfaceName && before.link.kind === "up";
  const refusals = isSame ? before.refusals : 0;
  const lasting = isSame && refusals >= REFUSALS_MAX ? before.trouble : null;
  return { interfaceName, link, refusals, trouble: refusal ?? lasting };
}

function sent(
  before: HeartbeatFacts | null,
  event: Extract<HeartbeatEvent, { kind: "heartbeat_sent" }>,
): HeartbeatFacts | null {
  // The answer to an advert of before a reload, or from before the link went down.
  if (before === null || before.link.kind !== "up") return before;
  if (event.ok) return { ...before, refusals: 0, trouble: null };
  const refusals = before.refusals + 1;
  if (refusals < REFUSALS_MAX) return { ...before, refusals };
  return { ...before, refusals, trouble: `adverts cannot be sent over ${before.interfaceName}: ${event.text}` };
}

/** Silence from before counts neither for nor against a path that has come, come back or gone. */
function listenAnew(instance: Instance): Instance {
  const { state } = instance;
  if (state.kind === "backup") return { ...instance, state: { ...state, alone: null, silentPath: null } };
  if (state.kind === "master") return { ...instance, state: { ...state, alone: null } };
  return instance;
}

/** One line when it breaks, or breaks in another way, and one when it is well again. */
function told(
  before: HeartbeatFacts | null,
  after: HeartbeatFacts | null,
  { interfaceName }: InstanceParams,
): readonly Effect[] {
  if (after === null || after.trouble === (before?.trouble ?? null)) return [];
  return after.trouble === null
    ? [notice("notice", "vrrp.heartbeat", `second path over ${after.interfaceName} works again`)]
    : [
        notice(
          "warning",
          "vrrp.heartbeat",
          `second path lost: ${after.trouble}; adverts go over ${interfaceName} only`,
        ),
      ];
}
