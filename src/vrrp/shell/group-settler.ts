/** Tells instances things together, and then brings their groups to one state (`group.ts`). */
import { assert } from "../../lib/result.ts";
import { type GroupOrder, groupOrder } from "../group.ts";
import type { Mover } from "./mover.ts";
import type { Runner } from "./runner.ts";

/** Orders to a group until it is at one with itself: two for each member settle the worst case; more is a bug. */
const GROUP_ORDERS_MAX = 1024;

export class GroupSettler {
  private readonly mover: Mover;
  private readonly runners: () => readonly Runner[];
  /** Several instances are being told something: their groups are looked at when all have heard it. */
  private telling = false;

  constructor(mover: Mover, runners: () => readonly Runner[]) {
    this.mover = mover;
    this.runners = runners;
  }

  /** Hands something to several instances, then looks at their groups: what all are told is no reason to fall out. */
  tell(handOut: () => void): void {
    const outermost = !this.telling;
    this.telling = true;
    this.mover.gather(handOut);
    if (!outermost) return;
    this.telling = false;
    for (const group of new Set(this.runners().map((runner) => runner.settings.group))) this.settle(group);
  }

  /** A member of the group has done with an event. Null: it is in no group. */
  settle(group: string | null): void {
    if (group === null || this.telling) return;
    const members = this.runners().filter((runner) => runner.settings.group === group);
    this.telling = true;
    let count = 0;
    const nextOrder = (): GroupOrder | null => {
      assert(count++ < GROUP_ORDERS_MAX, `vrrp: group ${group} does not settle`);
      return groupOrder(members.map((runner) => runner.member));
    };
    // The kernel's answers may make another order necessary.
    for (let first = nextOrder(); first !== null; first = nextOrder()) {
      this.mover.gather(() => {
        for (let order: GroupOrder | null = first; order !== null; order = nextOrder()) {
          const { name, event } = order;
          const runner = members.find((member) => member.name === name);
          // It could not do anything with a second order before the kernel has answered the first.
          if (runner?.isMoving === true) return;
          runner?.handle(event);
        }
      });
    }
    this.telling = false;
  }
}
