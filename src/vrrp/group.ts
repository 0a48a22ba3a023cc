/**
 * Groups of instances that change state together (keepalived vrrp_sync_group, vrrp_sync.c): all lead or none does. A
 * firewall that holds the inner VIP on one node and the outer on the other forwards nothing.
 *
 * The members are ordinary machines; here stands what the group makes of their states. Ask again after every answer: one
 * order at a time, until there is none.
 */
import type { Event, Instance } from "./instance.ts";

export interface Member {
  readonly name: string;
  readonly instance: Instance;
}

export interface GroupOrder {
  readonly name: string;
  readonly event: Extract<Event, { kind: "group_fault" | "group_lead" | "group_yield" }>;
}

/** The next thing to tell a member; null: the group is at one with itself. */
export function groupOrder(members: readonly Member[]): GroupOrder | null {
  for (const { name, instance } of members) {
    const member = members.find((other) => other.name !== name && hasOwnFault(other))?.name ?? null;
    if (member !== instance.node.groupFault) return { name, event: { kind: "group_fault", member } };
  }
  const follower = members.find((member) => !leads(member) && !wantsToLead(member));
  if (follower === undefined) {
    const next = members.find((member) => !leads(member));
    return next === undefined ? null : { name: next.name, event: { kind: "group_lead" } };
  }
  const leader = members.find(leads);
  return leader === undefined ? null : { name: leader.name, event: { kind: "group_yield", member: follower.name } };
}

function leads({ instance }: Member): boolean {
  return instance.state.kind === "master";
}

function wantsToLead({ instance }: Member): boolean {
  return instance.state.kind === "backup" && instance.state.wantsToLead;
}

/** In fault for a reason of its own, not because another member pulls it along. */
function hasOwnFault({ instance }: Member): boolean {
  return instance.state.kind === "fault" && instance.state.cause.kind !== "group";
}
