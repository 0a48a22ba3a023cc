import { expect, test } from "bun:test";
import { later, type MonoMs, NEVER } from "../../../src/lib/time.ts";
import { type Event, newInstance } from "../../../src/vrrp/instance.ts";
import { nextDeadline, step } from "../../../src/vrrp/machine.ts";
import { downMs, skewMs } from "../../../src/vrrp/timing.ts";
import { advert, advertsSent, drive, effectKinds, linkUp, paramsWith, running } from "./instances.ts";

const NOW = 1_000_000 as MonoMs;
const SELF = "10.0.0.1";
const PEER = "10.0.0.2";

test("step start becomes backup for the down time", () => {
  const params = paramsWith();
  const started = drive(newInstance(params), params, NOW, linkUp(SELF), { kind: "start" });
  expect(started.instance.state.kind).toBe("backup");
  expect(nextDeadline(started.instance)).toBe(later(NOW, downMs(3, 100, 1000)));
});

test("step start with state master waits one interval and the skew only", () => {
  const params = paramsWith({ startAsMaster: true });
  const started = drive(newInstance(params), params, NOW, linkUp(SELF), { kind: "start" });
  expect(nextDeadline(started.instance)).toBe(later(NOW, 1000 + skewMs(3, 100, 1000)));
});

test("step start of the address owner leads at once", () => {
  const params = paramsWith({ basePriority: 255 });
  const started = drive(newInstance(params), params, NOW, linkUp(SELF), { kind: "start" });
  expect(effectKinds(started.effects)).toEqual(["send_advert", "add_addresses", "announce", "transition"]);
  expect(advertsSent(started.effects)).toEqual([255]);
});

test("step tick takes over with advert, addresses, announcement and report in this order", () => {
  const params = paramsWith();
  const backup = running(params, "backup", SELF, NOW);
  const at = nextDeadline(backup);
  expect(step(backup, { kind: "tick" }, params, later(at, -1)).effects).toEqual([]);
  const led = step(backup, { kind: "tick" }, params, at);
  expect(effectKinds(led.effects)).toEqual(["send_advert", "add_addresses", "announce", "transition"]);
  expect(led.effects[3]).toMatchObject({ from: "backup", to: "master", cause: "master-down-timer" });
});

test("step tick as master keeps the beat although it fires late", () => {
  const params = paramsWith();
  const master = running(params, "master", SELF, NOW);
  const late = step(master, { kind: "tick" }, params, later(NOW, 7));
  expect(effectKinds(late.effects)).toEqual(["send_advert"]);
  expect(nextDeadline(late.instance)).toBe(later(NOW, 1000));
});

test("step tick announces a second time after the delay and never again without refresh", () => {
  const params = paramsWith();
  const backup = running(params, "backup", SELF, NOW);
  const led = step(backup, { kind: "tick" }, params, nextDeadline(backup));
  let instance = led.instance;
  const bursts: number[] = [];
  for (let turn = 0; turn < 60; turn++) {
    const at = nextDeadline(instance);
    const next = step(instance, { kind: "tick" }, params, at);
    for (const effect of next.effects) if (effect.kind === "announce") bursts.push(at - nextDeadline(backup));
    instance = next.instance;
  }
  expect(bursts).toEqual([5000]);
});

test("step tick refreshes the announcement at its interval", () => {
  const params = paramsWith({ garp: { delayMs: 0, repeat: 5, refreshMs: 2500, lowerPriorityRepeat: 5 } });
  const backup = running(params, "backup", SELF, NOW);
  let instance = step(backup, { kind: "tick" }, params, nextDeadline(backup)).instance;
  const repeats: number[] = [];
  for (let turn = 0; turn < 20; turn++) {
    const next = step(instance, { kind: "tick" }, params, nextDeadline(instance));
    for (const effect of next.effects) if (effect.kind === "announce") repeats.push(effect.repeat);
    instance = next.instance;
  }
  expect(repeats.length).toBeGreaterThan(3);
  expect(new Set(repeats)).toEqual(new Set([1]));
});

test("step advert as backup restarts the down time for an equal or higher priority", () => {
  const params = paramsWith();
  const backup = running(params, "backup", SELF, NOW);
  for (const priority of [100, 200]) {
    const heard = step(backup, advert(PEER, priority), params, later(NOW, 2000));
    expect(nextDeadline(heard.instance)).toBe(later(NOW, 2000 + downMs(3, 100, 1000)));
  }
});

test("step advert as backup without preemption follows a lower master", () => {
  const params = paramsWith({ preempt: false });
  const backup = running(params, "backup", SELF, NOW);
  const heard = step(backup, advert(PEER, 50), params, later(NOW, 2000));
  expect(nextDeadline(heard.instance)).toBe(later(NOW, 2000 + downMs(3, 100, 1000)));
});

// keepalived's own example: interval 1, priority 128, delay 2: takeover after about 5.5 s.
test("step advert with preempt_delay follows the lower master until the delay has passed", () => {
  const params = paramsWith({ basePriority: 128, preemptDelayMs: 2000 });
  let instance = running(params, "backup", SELF, NOW);
  for (const atMs of [0, 1000, 2000, 3000, 4000]) {
    instance = step(instance, advert(PEER, 50), params, later(NOW, atMs)).instance;
  }
  expect(nextDeadline(instance)).toBe(later(NOW, 1000 + downMs(3, 128, 1000)));
});

test("step advert of an equal priority cancels the preempt delay", () => {
  const params = paramsWith({ preemptDelayMs: 2000 });
  const backup = running(params, "backup", SELF, NOW);
  const heard = drive(backup, params, NOW, advert(PEER, 50), advert(PEER, 100));
  expect(heard.instance.state).toMatchObject({ preemptAt: null });
});

test("step advert of priority 0 leaves the skew, and the takeover says why", () => {
  const params = paramsWith();
  const backup = drive(running(params, "backup", SELF, NOW), params, NOW, advert(PEER, 200)).instance;
  const resigned = step(backup, advert(PEER, 0), params, later(NOW, 100));
  const at = nextDeadline(resigned.instance);
  expect(at).toBe(later(NOW, 100 + skewMs(3, 100, 1000)));
  const led = step(resigned.instance, { kind: "tick" }, params, at);
  expect(led.effects.at(-1)).toMatchObject({ kind: "transition", cause: "priority-zero" });
});

test("step advert of a higher priority makes a master backup: a last advert, addresses away, then the report", () => {
  const params = paramsWith();
  const yielded = step(running(params, "master", SELF, NOW), advert(PEER, 101, 2000), params, NOW);
  expect(effectKinds(yielded.effects)).toEqual(["send_advert", "remove_addresses", "transition"]);
  expect(yielded.instance.state).toMatchObject({ kind: "backup", masterIntervalMs: 2000 });
});

test("step advert of a lower master is answered with an advert and announcement, a flood is not", () => {
  const params = paramsWith();
  let instance = running(params, "master", SELF, NOW);
  const kinds: string[] = [];
  for (let i = 0; i < 1000; i++) {
    const heard = step(instance, advert(PEER, 50), params, later(NOW, i / 20));
    kinds.push(...effectKinds(heard.effects));
    instance = heard.instance;
  }
  expect(kinds.filter((kind) => kind === "send_advert").length).toBe(1);
  expect(kinds.filter((kind) => kind === "announce").length).toBe(1);
});

test("step advert tells of a split once when a lower master does not give way", () => {
  const params = paramsWith();
  let instance = running(params, "master", SELF, NOW);
  const notices: string[] = [];
  for (let i = 0; i < 10; i++) {
    const heard = step(instance, advert(PEER, 50), params, later(NOW, i * 1000));
    for (const effect of heard.effects) if (effect.kind === "notice") notices.push(effect.topic);
    instance = heard.instance;
  }
  expect(notices).toEqual(["vrrp.split_brain"]);
});

test("step advert takes the adverts that queued up during a standstill for one, not for a split", () => {
  const params = paramsWith();
  const queued = Array.from({ length: 20 }, () => advert(PEER, 50));
  const woken = drive(running(params, "master", SELF, NOW), params, later(NOW, 10_000), ...queued);
  expect(effectKinds(woken.effects)).not.toContain("notice");
});

test("step stop resigns before the addresses go", () => {
  const params = paramsWith();
  const stopped = step(running(params, "master", SELF, NOW), { kind: "stop" }, params, NOW);
  expect(effectKinds(stopped.effects)).toEqual(["send_advert", "remove_addresses", "transition"]);
  expect(advertsSent(stopped.effects)).toEqual([0]);
  expect(nextDeadline(stopped.instance)).toBe(NEVER);
});

test("step stop of a backup sends nothing", () => {
  const params = paramsWith();
  const stopped = step(running(params, "backup", SELF, NOW), { kind: "stop" }, params, NOW);
  expect(effectKinds(stopped.effects)).toEqual(["transition"]);
});

test("step tracks with weight 0 makes a master fault with priority 0, and backup when it is well again", () => {
  const params = paramsWith({ tracks: [{ kind: "proxy", weight: 0 }] });
  const failed = step(running(params, "master", SELF, NOW), { kind: "tracks", readings: [false] }, params, NOW);
  expect(failed.instance.state).toMatchObject({ kind: "fault", cause: { kind: "track", name: "proxy" } });
  expect(advertsSent(failed.effects)).toEqual([0]);
  expect(step(failed.instance, { kind: "tracks", readings: [false] }, params, NOW).effects).toEqual([]);
  const well = step(failed.instance, { kind: "tracks", readings: [true] }, params, NOW);
  expect(well.instance.state.kind).toBe("backup");
});

test("step tracks moves a backup's running down time by the change of its skew", () => {
  const params = paramsWith({ tracks: [{ kind: "proxy", weight: 50 }] });
  const backup = running(params, "backup", SELF, NOW);
  const failed = step(backup, { kind: "tracks", readings: [false] }, params, later(NOW, 500));
  expect(nextDeadline(failed.instance) - nextDeadline(backup)).toBe(skewMs(3, 100, 1000) - skewMs(3, 150, 1000));
});

test("step order failover says goodbye, serves until another node leads, and does not preempt it until resume", () => {
  const params = paramsWith();
  const given = step(running(params, "master", SELF, NOW), { kind: "order", order: "failover" }, params, NOW);
  expect(advertsSent(given.effects)).toEqual([0]);
  expect(effectKinds(given.effects)).toEqual(["send_advert", "notice"]);
  expect(given.instance.state.kind).toBe("master");
  // No advert of its own meanwhile: it would take the goodbye back.
  const beat = step(given.instance, { kind: "tick" }, params, later(NOW, 999));
  expect(beat.effects).toEqual([]);
  const follows = step(beat.instance, advert(PEER, 50), params, later(NOW, 1000));
  expect(effectKinds(follows.effects)).toEqual(["remove_addresses", "transition"]);
  expect(nextDeadline(follows.instance)).toBe(later(NOW, 1000 + downMs(3, 100, 1000)));
  const resumed = drive(
    follows.instance,
    params,
    later(NOW, 2000),
    { kind: "order", order: "resume" },
    advert(PEER, 50),
  );
  expect(nextDeadline(resumed.instance)).toBe(nextDeadline(follows.instance));
});

test("step order failover without another node never takes the VIPs away", () => {
  const params = paramsWith();
  const given = step(running(params, "master", SELF, NOW), { kind: "order", order: "failover" }, params, NOW);
  const back = step(given.instance, { kind: "tick" }, params, nextDeadline(given.instance));
  expect(back.instance.state.kind).toBe("master");
  expect(effectKinds(back.effects)).toEqual(["send_advert", "add_addresses", "announce", "notice"]);
  expect(advertsSent(back.effects)).toEqual([100]);
  expect(back.instance.node.yielded).toBe(false);
});

test("step order resume in the middle of a hand-over leads on, stop in it does not say goodbye twice", () => {
  const params = paramsWith();
  const given = step(running(params, "master", SELF, NOW), { kind: "order", order: "failover" }, params, NOW).instance;
  const resumed = step(given, { kind: "order", order: "resume" }, params, later(NOW, 100));
  expect(advertsSent(resumed.effects)).toEqual([100]);
  expect(nextDeadline(resumed.instance)).toBe(later(NOW, 1100));
  const stopped = step(given, { kind: "stop" }, params, later(NOW, 100));
  expect(effectKinds(stopped.effects)).toEqual(["remove_addresses", "transition"]);
});

test("step that ends a hand-over to nobody sets and announces what a reload brought in it", () => {
  const before = paramsWith();
  const after = paramsWith({ garp: { ...before.garp, refreshMs: 5000 } });
  const given = step(running(before, "master", SELF, NOW), { kind: "order", order: "failover" }, before, NOW);
  const reloaded = step(given.instance, { kind: "reconfigure", before, readings: [] }, after, later(NOW, 100));
  expect(reloaded.effects).toEqual([]);
  const ends: readonly Event[] = [{ kind: "tick" }, { kind: "order", order: "resume" }];
  for (const event of ends) {
    const at = nextDeadline(reloaded.instance);
    const led = step(reloaded.instance, event, after, at);
    expect(effectKinds(led.effects)).toContain("add_addresses");
    expect(effectKinds(led.effects)).toContain("announce");
    expect(led.instance.state).toMatchObject({ kind: "master", handOverUntil: null, refreshAt: later(at, 5000) });
  }
});

test("step order failover of a backup only says that there is nothing to hand over", () => {
  const params = paramsWith();
  const given = step(running(params, "backup", SELF, NOW), { kind: "order", order: "failover" }, params, NOW);
  expect(effectKinds(given.effects)).toEqual(["notice"]);
  expect(given.instance.state.kind).toBe("backup");
});

test("step order maint hands over, or leaves without a taker, and ignores everything but resume", () => {
  const params = paramsWith({ tracks: [{ kind: "proxy", weight: 0 }] });
  const given = step(running(params, "master", SELF, NOW), { kind: "order", order: "maint" }, params, NOW);
  expect(effectKinds(given.effects)).toEqual(["send_advert", "notice"]);
  const alone = step(given.instance, { kind: "tick" }, params, nextDeadline(given.instance));
  expect(alone.instance.state.kind).toBe("maint");
  const maint = step(given.instance, advert(PEER, 50), params, later(NOW, 300));
  expect(maint.instance.state.kind).toBe("maint");
  expect(effectKinds(maint.effects)).toEqual(["remove_addresses", "transition"]);
  const others: readonly Event[] = [
    { kind: "tracks", readings: [false] },
    { kind: "link", link: { kind: "down" } },
    advert(PEER, 0),
    { kind: "tick" },
    linkUp(SELF),
    { kind: "tracks", readings: [true] },
  ];
  expect(drive(maint.instance, params, later(NOW, 9000), ...others)).toMatchObject({
    instance: { state: { kind: "maint" } },
    effects: [],
  });
  const resumed = step(maint.instance, { kind: "order", order: "resume" }, params, NOW);
  expect(resumed.instance.state.kind).toBe("backup");
});

test("step order maint before the start keeps the instance out from the first moment", () => {
  const params = paramsWith();
  const started = drive(newInstance(params), params, NOW, { kind: "order", order: "maint" }, linkUp(SELF), {
    kind: "start",
  });
  expect(started.instance.state.kind).toBe("maint");
});

test("step reconfigure keeps a master's state and its beat", () => {
  const before = paramsWith();
  const after = paramsWith({ basePriority: 90 });
  const master = step(running(before, "master", SELF, NOW), { kind: "tick" }, before, NOW).instance;
  const changed = step(master, { kind: "reconfigure", before, readings: [] }, after, later(NOW, 300));
  expect(changed.instance.state.kind).toBe("master");
  expect(nextDeadline(changed.instance)).toBe(nextDeadline(master));
  expect(effectKinds(changed.effects)).toEqual(["notice", "add_addresses", "announce"]);
});

test("step checked in a fault of the kernel's says nothing while it is the same, and ends it when it is gone", () => {
  const params = paramsWith();
  const foreign = (last: number) => ({ kind: "foreign_address", address: `10.0.0.${last}/24` }) as const;
  let { instance } = step(running(params, "backup", SELF, NOW), { kind: "trouble", trouble: foreign(10) }, params, NOW);
  for (let tries = 0; tries < 5; tries++) {
    const at = nextDeadline(instance);
    const retried = drive(instance, params, at, { kind: "tick" }, { kind: "checked", trouble: foreign(10) });
    expect(effectKinds(retried.effects)).toEqual(["check"]);
    expect(retried.instance.state.kind).toBe("fault");
    expect(nextDeadline(retried.instance)).toBe(later(at, 10_000));
    instance = retried.instance;
  }
  const other = step(instance, { kind: "checked", trouble: foreign(11) }, params, NOW);
  expect(effectKinds(other.effects)).toEqual(["transition"]);
  expect(other.instance.state).toMatchObject({ cause: { trouble: { address: "10.0.0.11/24" } } });
  const well = step(other.instance, { kind: "checked", trouble: null }, params, NOW);
  expect(well.instance.state.kind).toBe("backup");
  // An answer that comes when it is over already.
  expect(step(well.instance, { kind: "checked", trouble: foreign(10) }, params, NOW).effects).toEqual([]);
});

test("step reconfigure in a fault of the kernel's tries again at once", () => {
  const params = paramsWith();
  const trouble = { kind: "address", address: "10.0.0.10/24", text: "interface nodev does not exist" } as const;
  const failed = step(running(params, "master", SELF, NOW), { kind: "trouble", trouble }, params, NOW).instance;
  const before = paramsWith({ basePriority: 90 });
  const changed = step(failed, { kind: "reconfigure", before, readings: [] }, params, later(NOW, 300));
  expect(effectKinds(changed.effects)).toEqual(["notice", "check"]);
  const well = step(changed.instance, { kind: "checked", trouble: null }, params, later(NOW, 300));
  expect(well.instance.state.kind).toBe("backup");
});

test("step reconfigure to a shorter interval brings the next advert forward", () => {
  const before = paramsWith();
  const master = step(running(before, "master", SELF, NOW), { kind: "tick" }, before, NOW).instance;
  const after = paramsWith({ advertIntervalMs: 100 });
  const changed = step(master, { kind: "reconfigure", before, readings: [] }, after, later(NOW, 10));
  expect(nextDeadline(changed.instance)).toBe(later(NOW, 110));
});

test("step link with a new address keeps the state", () => {
  const params = paramsWith();
  const moved = step(running(params, "master", SELF, NOW), linkUp("10.0.0.9"), params, NOW);
  expect(moved.instance.state.kind).toBe("master");
  expect(moved.effects).toEqual([]);
});

test("step tick of a backup tells a silent master from one that it preempts", () => {
  const takeover = (heard: number, preempt: boolean): unknown => {
    const params = paramsWith({ preempt });
    const backup = drive(running(params, "backup", "10.0.0.1", NOW), params, NOW, advert("10.0.0.2", heard)).instance;
    const { effects } = drive(backup, params, nextDeadline(backup), { kind: "tick" });
    return effects.find((effect) => effect.kind === "transition")?.text;
  };
  expect(takeover(200, true)).toBe("10.0.0.2 (priority 200) not heard in time; leading with priority 100");
  expect(takeover(90, true)).toBe("preempting 10.0.0.2 (priority 90); leading with priority 100");
  expect(takeover(90, false)).toBe("10.0.0.2 (priority 90) not heard in time; leading with priority 100");
});

const WITNESS = { kind: "witness", address: "10.0.0.254", intervalMs: 200, weight: 0 } as const;

test.each([{ kind: "paused" }, { kind: "slept", forMs: 2000 }] satisfies Event[])(
  "step $kind gives a backup's witness the time to be missed, before this node leads",
  (event) => {
    const params = paramsWith({ tracks: [WITNESS] });
    const backup = running(params, "backup", SELF, NOW);
    const woken = later(nextDeadline(backup), -10);
    const waits = step(backup, event, params, woken);
    expect(waits.effects).toEqual([]);
    expect(step(waits.instance, { kind: "tick" }, params, later(woken, 10)).instance.state.kind).toBe("backup");
    expect(nextDeadline(waits.instance)).toBe(later(woken, downMs(3, 100, 1000)));
    // A second pause right after it starts the time anew; an earlier one never shortens it.
    expect(nextDeadline(step(waits.instance, event, params, later(NOW, 0)).instance)).toBe(
      nextDeadline(waits.instance),
    );
  },
);

test("step paused changes nothing without a witness that forbids to lead, after a goodbye, and for a master", () => {
  for (const tracks of [[], [{ ...WITNESS, weight: -50 }], [{ ...WITNESS, reverse: true }]]) {
    const params = paramsWith({ tracks });
    const backup = running(params, "backup", SELF, NOW);
    expect(step(backup, { kind: "paused" }, params, later(NOW, 500)).instance).toEqual(backup);
  }
  const params = paramsWith({ tracks: [WITNESS] });
  const backup = running(params, "backup", SELF, NOW);
  const { instance: resigned } = step(backup, advert(PEER, 0), params, later(NOW, 500));
  expect(step(resigned, { kind: "paused" }, params, later(NOW, 500)).instance).toEqual(resigned);
  const master = running(params, "master", SELF, NOW);
  expect(step(master, { kind: "paused" }, params, later(NOW, 500))).toEqual({ instance: master, effects: [] });
});
