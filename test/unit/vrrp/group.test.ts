import { expect, test } from "bun:test";
import { later, type MonoMs } from "../../../src/lib/time.ts";
import { groupOrder, type Member } from "../../../src/vrrp/group.ts";
import type { Effect, Event, InstanceParams } from "../../../src/vrrp/instance.ts";
import { nextDeadline, step } from "../../../src/vrrp/machine.ts";
import { advert, advertsSent, linkUp, paramsWith, running } from "./instances.ts";

const NOW = 1_000_000 as MonoMs;
const SELF = "10.0.0.1";
const PEER = "10.0.0.2";

/** Members of one group that were started together. */
class Group {
  now: MonoMs = NOW;
  readonly effects: Effect[] = [];
  private members: Member[];
  private readonly params: InstanceParams = paramsWith({ grouped: true });

  constructor(...names: readonly string[]) {
    this.members = names.map((name) => ({ name, instance: running(this.params, "backup", SELF, NOW) }));
  }

  states(): string {
    return this.members.map(({ instance }) => instance.state.kind).join(" ");
  }

  hand(name: string, event: Event): this {
    this.one(name, event);
    for (let order = groupOrder(this.members); order !== null; order = groupOrder(this.members)) {
      this.one(order.name, order.event);
    }
    return this;
  }

  /** Every member's next deadline comes. */
  expire(...names: readonly string[]): this {
    for (const name of names) {
      const { instance } = this.members.find((member) => member.name === name)!;
      this.now = Math.max(this.now, nextDeadline(instance)) as MonoMs;
      this.hand(name, { kind: "tick" });
    }
    return this;
  }

  private one(name: string, event: Event): void {
    this.members = this.members.map((member) => {
      if (member.name !== name) return member;
      const result = step(member.instance, event, this.params, this.now);
      this.effects.push(...result.effects);
      return { name, instance: result.instance };
    });
  }
}

test("groupOrder lets the members lead when the last of them wants to", () => {
  const group = new Group("inner", "outer", "third");
  expect(group.expire("inner").states()).toBe("backup backup backup");
  expect(group.expire("outer").states()).toBe("backup backup backup");
  expect(group.expire("third").states()).toBe("master master master");
});

test("groupOrder holds a member that wants to lead while another hears its master", () => {
  const group = new Group("inner", "outer");
  group.expire("inner");
  group.hand("outer", advert(PEER, 200));
  expect(group.states()).toBe("backup backup");
  group.hand("inner", advert(PEER, 200)).expire("outer");
  expect(group.states()).toBe("backup backup");
});

test("groupOrder takes every member into fault with one, priority 0 from all, and back", () => {
  const group = new Group("inner", "outer").expire("inner", "outer");
  group.effects.length = 0;
  group.hand("inner", { kind: "link", link: { kind: "down" } });
  expect(group.states()).toBe("fault fault");
  expect(advertsSent(group.effects)).toEqual([0, 0]);
  expect(group.effects.filter((effect) => effect.kind === "transition").map((effect) => effect.text)).toEqual([
    "interface eth0 is down",
    "inner of its group is in fault",
  ]);
  group.hand("inner", linkUp(SELF));
  expect(group.states()).toBe("backup backup");
});

test("groupOrder makes every member follow when one yields to a better node", () => {
  const group = new Group("inner", "outer").expire("inner", "outer");
  group.effects.length = 0;
  group.hand("outer", advert(PEER, 200));
  expect(group.states()).toBe("backup backup");
  // The one that heard the better node answers it; the other says goodbye.
  expect(advertsSent(group.effects)).toEqual([100, 0]);
});

test("groupOrder with members in fault for their own reasons waits for the last of them", () => {
  const group = new Group("inner", "outer");
  group.hand("inner", { kind: "link", link: { kind: "down" } });
  group.hand("outer", { kind: "link", link: { kind: "missing" } });
  group.hand("inner", linkUp(SELF));
  expect(group.states()).toBe("fault fault");
  group.hand("outer", linkUp(SELF));
  expect(group.states()).toBe("backup backup");
});

test("an instance that leaves its group while it waits for it leads at its next look", () => {
  const grouped = paramsWith({ grouped: true });
  const alone = paramsWith();
  const backup = running(grouped, "backup", SELF, NOW);
  const at = later(NOW, 10_000);
  const waits = step(backup, { kind: "tick" }, grouped, at).instance;
  const left = step(waits, { kind: "reconfigure", before: grouped, readings: [] }, alone, at).instance;
  expect(step(left, { kind: "tick" }, alone, nextDeadline(left)).instance.state.kind).toBe("master");
});
