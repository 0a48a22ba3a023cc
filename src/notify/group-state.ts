/**
 * What the members' states make of a group (pure; keepalived: vrrp_sync_group). Members change state together, one
 * shortly after the other; the group's change is told when the last of them has followed:
 *
 *   all lead ──▶ master      all in fault ──▶ fault      all are backups ──▶ backup      all have ended ──▶ init
 *
 * While they differ, the group is what it was. One member in fault pulls the others along, one that does not lead makes
 * the others yield (src/vrrp/group.ts): they do not differ for longer than the kernel needs to answer. A member in
 * maintenance takes no part; the group is in maintenance when all are.
 */
import type { VrrpStateName } from "../admin/api.ts";

/** An instance and the name of its group. */
export interface Membership {
  readonly name: string;
  readonly group: string | null;
}

export interface GroupChange {
  readonly group: string;
  readonly from: VrrpStateName;
  readonly to: VrrpStateName;
}

export class GroupStates {
  private memberships: readonly Membership[] = [];
  /** Of instances; one that has said nothing yet is not in it. */
  private states = new Map<string, VrrpStateName>();
  /** What each group was told to be last; none: init. */
  private told = new Map<string, VrrpStateName>();

  /** All instances from now on. Answers the end of groups that are gone, and what the others are by their new members. */
  configure(memberships: readonly Membership[]): readonly GroupChange[] {
    const groups = new Set(memberships.flatMap(({ group }) => group ?? []));
    const gone = [...this.told.keys()].filter((group) => !groups.has(group));
    const ends = gone.flatMap((group) => this.enter(group, "init"));
    for (const group of gone) this.told.delete(group);
    const names = new Set(memberships.map(({ name }) => name));
    this.states = new Map([...this.states].filter(([name]) => names.has(name)));
    this.memberships = memberships;
    return [...ends, ...[...groups].flatMap((group) => this.settle(group))];
  }

  /** An instance changed its state. */
  change(instance: string, to: VrrpStateName): readonly GroupChange[] {
    const membership = this.memberships.find(({ name }) => name === instance);
    if (membership === undefined) return [];
    this.states.set(instance, to);
    return membership.group === null ? [] : this.settle(membership.group);
  }

  private settle(group: string): readonly GroupChange[] {
    const members = this.memberships.filter((membership) => membership.group === group);
    const states = members.map(({ name }) => this.states.get(name) ?? null);
    const [state = "maint", ...others] = states.filter((each) => each !== "maint");
    return state !== null && others.every((other) => other === state) ? this.enter(group, state) : [];
  }

  private enter(group: string, to: VrrpStateName): readonly GroupChange[] {
    const from = this.told.get(group) ?? "init";
    if (from === to) return [];
    this.told.set(group, to);
    return [{ group, from, to }];
  }
}
