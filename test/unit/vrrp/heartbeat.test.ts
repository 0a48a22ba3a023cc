/** The second path: what is heard there counts, who is silent where is told, and it is never a fault. */
import { expect, test } from "bun:test";
import { later, type MonoMs } from "../../../src/lib/time.ts";
import { addressBytes } from "../../../src/net/address.ts";
import type { Effect, Event, Instance, InstanceParams, LinkFact } from "../../../src/vrrp/instance.ts";
import { nextDeadline } from "../../../src/vrrp/machine.ts";
import { encodePacket, PACKET_BYTES_MAX } from "../../../src/vrrp/packet.ts";
import { receivePacket, type ReceiveView } from "../../../src/vrrp/receive.ts";
import { instanceSettings } from "../../../src/vrrp/settings.ts";
import { newStats, vrrpStatus } from "../../../src/vrrp/status.ts";
import { configWith } from "./configs.ts";
import { advert, advertsSent, drive, effectKinds, linkUp, paramsWith, running } from "./instances.ts";

const NOW = 1_000_000 as MonoMs;
const PARAMS = paramsWith({ heartbeatInterface: "eth1" });
/** Down time with priority 100 and a second's interval: 3609.375 ms. */
const DOWN_MS = 3610;
const OWN = "10.0.0.1";
const PEER = "10.0.0.2";
/** The other way round on the second path. */
const OWN_SECOND = "10.9.0.2";
const PEER_SECOND = "10.9.0.1";

const over = (source: string, priority: number): Event => advert(source, priority, 1000, "heartbeat");

function second(link: LinkFact, refusal: string | null = null): Event {
  return { kind: "heartbeat", path: { interfaceName: "eth1", link, refusal } };
}

const SECOND_UP = second({ kind: "up", address: addressBytes(OWN_SECOND) });

function node(kind: "backup" | "master", params: InstanceParams = PARAMS): Instance {
  return drive(running(params, kind, OWN, NOW), params, NOW, SECOND_UP).instance;
}

function texts(effects: readonly Effect[]): readonly string[] {
  return effects.flatMap((effect) =>
    effect.kind === "notice" ? [`${effect.level} ${effect.topic}: ${effect.text}`] : [],
  );
}

/** The event once a second, `count` times, from a second after NOW on; everything that was told. */
function beats(
  instance: Instance,
  count: number,
  ...events: readonly Event[]
): { readonly instance: Instance; readonly told: readonly string[]; readonly at: MonoMs } {
  let current = instance;
  const told: string[] = [];
  for (let beat = 1; beat <= count; beat++) {
    const result = drive(current, PARAMS, later(NOW, beat * 1000), ...events);
    current = result.instance;
    told.push(...texts(result.effects));
  }
  return { instance: current, told, at: later(NOW, count * 1000) };
}

test("step keeps a backup that hears its master on the second path only, and tells of it once", () => {
  const { instance, told, at } = beats(node("backup"), 8, over(PEER_SECOND, 101));
  expect(instance.state).toMatchObject({ kind: "backup", silentPath: "main" });
  expect(told).toEqual(["warning vrrp.heartbeat: main path silent: master 10.9.0.1 heard over eth1 only"]);
  const again = drive(instance, PARAMS, at, advert(PEER, 101));
  expect(texts(again.effects)).toEqual(["notice vrrp.heartbeat: main path: 10.0.0.2 is heard again"]);
  expect(again.instance.state).toMatchObject({ silentPath: null, master: { address: addressBytes(PEER) } });
});

test("step tells of a second path that is silent while the master is heard on the main one", () => {
  const { told } = beats(node("backup"), 8, advert(PEER, 101));
  expect(told).toEqual(["warning vrrp.heartbeat: second path silent: master 10.0.0.2 heard over eth0 only"]);
});

test("step tells nothing of silence while both paths are heard, nor without a second path, nor of one that is broken", () => {
  expect(beats(node("backup"), 20, advert(PEER, 101), over(PEER_SECOND, 101)).told).toEqual([]);
  expect(beats(running(PARAMS, "backup", OWN, NOW), 20, advert(PEER, 101)).told).toEqual([]);
  const broken = drive(node("backup"), PARAMS, NOW, second({ kind: "down" })).instance;
  expect(beats(broken, 20, advert(PEER, 101)).told).toEqual([]);
});

test("step does not take the queue of a stall for silence: the other path's adverts wait in their socket", () => {
  const heard = beats(node("backup"), 3, advert(PEER, 101), over(PEER_SECOND, 101));
  const late = later(heard.at, 20_000);
  const result = drive(heard.instance, PARAMS, late, over(PEER_SECOND, 101), over(PEER_SECOND, 101), advert(PEER, 101));
  expect(texts(result.effects)).toEqual([]);
});

test("step shows the master by its address on the main path as long as it is heard there", () => {
  const both = drive(node("backup"), PARAMS, NOW, advert(PEER, 101), over(PEER_SECOND, 101)).instance;
  expect(both.state).toMatchObject({ master: { address: addressBytes(PEER), priority: 101 } });
  const { instance } = beats(both, 6, over(PEER_SECOND, 101));
  expect(instance.state).toMatchObject({ master: { address: addressBytes(PEER_SECOND), over: "heartbeat" } });
});

test("step follows priority 0 on the second path after the skew time", () => {
  const heard = drive(node("backup"), PARAMS, NOW, advert(PEER, 200), over(PEER_SECOND, 0)).instance;
  expect(nextDeadline(heard) - NOW).toBeCloseTo(609.375, 6);
});

test("step lets a master yield to a higher one that it hears on the second path only", () => {
  const { instance, effects } = drive(node("master"), PARAMS, NOW, over(PEER_SECOND, 101));
  expect(instance.state).toMatchObject({ kind: "backup", master: { over: "heartbeat" } });
  expect(effectKinds(effects)).toEqual(["send_advert", "remove_addresses", "transition"]);
});

test("step leaves a tie to the main path as long as anybody is heard there", () => {
  // Lower on the second path, higher on the main one.
  const params = paramsWith({ heartbeatInterface: "eth1" });
  const lower = drive(running(params, "master", PEER, NOW), params, NOW, SECOND_UP).instance;
  const { instance, told } = beats(lower, 10, over("10.9.0.9", 100), advert(OWN, 50));
  expect(instance.state.kind).toBe("master");
  expect(told.some((text) => text.includes("10.9.0.9"))).toBe(false);
});

test("step decides a tie on the second path when the main one has been silent for the down time", () => {
  const higher = "10.9.0.9";
  let instance = node("master");
  for (let ms = 500; ms < 500 + DOWN_MS; ms += 500) {
    instance = drive(instance, PARAMS, later(NOW, ms), over(higher, 100)).instance;
    expect(instance.state.kind).toBe("master");
  }
  const decided = drive(instance, PARAMS, later(NOW, 1000 + DOWN_MS), over(higher, 100));
  expect(decided.instance).toMatchObject({ state: { kind: "backup" }, cause: "higher-address" });
});

test("step stands in a tie on the second path with the higher address there", () => {
  const { instance, told } = beats(node("master"), 10, over(PEER_SECOND, 100));
  expect(instance.state.kind).toBe("master");
  expect(told).toHaveLength(1);
  expect(told[0]).toContain("10.9.0.1 acts as master too");
});

test("step decides a tie on the second path when its loser goes on on the main one: it does not hear us there", () => {
  const params = paramsWith({ heartbeatInterface: "eth1" });
  const winner = drive(running(params, "master", PEER, NOW), params, NOW, SECOND_UP).instance;
  const { instance } = beats(winner, 3, advert(OWN, 100), over("10.9.0.9", 100));
  expect(instance).toMatchObject({ state: { kind: "backup" }, cause: "higher-address" });
});

test("step counts a rival that speaks on both paths once, by its address on the main one", () => {
  const { instance, told } = beats(node("master"), 3, over(PEER_SECOND, 50), advert(PEER, 50), over(PEER_SECOND, 50));
  expect(instance.state).toMatchObject({ rival: { path: "main", heard: 3 } });
  expect(told).toEqual([expect.stringContaining("10.0.0.2 acts as master too (priority 50, ours 100)")]);
});

test("step says goodbye when the main interface goes down, for the second path to carry", () => {
  const { instance, effects } = drive(node("master"), PARAMS, NOW, { kind: "link", link: { kind: "down" } });
  expect(instance.state.kind).toBe("fault");
  expect(advertsSent(effects)).toEqual([0]);
  expect(instance.node.heartbeat?.trouble).toBeNull();
});

test("step tells once that the second path is lost and once that it is back, and takes part all the while", () => {
  for (const kind of ["backup", "master"] as const) {
    const lost = drive(node(kind), PARAMS, NOW, second({ kind: "down" }), second({ kind: "down" }));
    expect(texts(lost.effects)).toEqual([
      "warning vrrp.heartbeat: second path lost: interface eth1 is down; adverts go over eth0 only",
    ]);
    const gone = drive(lost.instance, PARAMS, NOW, second({ kind: "missing" }));
    expect(texts(gone.effects)).toEqual([
      "warning vrrp.heartbeat: second path lost: interface eth1 does not exist; adverts go over eth0 only",
    ]);
    const back = drive(gone.instance, PARAMS, NOW, SECOND_UP, SECOND_UP);
    expect(texts(back.effects)).toEqual(["notice vrrp.heartbeat: second path over eth1 works again"]);
    expect(back.instance.state.kind).toBe(kind);
  }
});

test("step tells of adverts that the kernel refuses on the second path after the third in a row", () => {
  const refused: Event = { kind: "heartbeat_sent", ok: false, text: "Operation not permitted" };
  const taken: Event = { kind: "heartbeat_sent", ok: true, text: "" };
  const twice = drive(node("master"), PARAMS, NOW, refused, refused, taken, refused, refused);
  expect(texts(twice.effects)).toEqual([]);
  const lost = drive(twice.instance, PARAMS, NOW, refused, refused, SECOND_UP);
  expect(texts(lost.effects)).toEqual([
    "warning vrrp.heartbeat: second path lost: adverts cannot be sent over eth1: Operation not permitted; adverts go over eth0 only",
  ]);
  expect(lost.instance.state.kind).toBe("master");
  expect(texts(drive(lost.instance, PARAMS, NOW, taken).effects)).toHaveLength(1);
});

test("step forgets the second path that a reload takes away, without a word, and keeps state and timers", () => {
  const { instance, at } = beats(node("backup"), 6, over(PEER_SECOND, 101));
  expect(instance.state).toMatchObject({ silentPath: "main" });
  const before = nextDeadline(instance);
  const without = paramsWith();
  const result = drive(
    instance,
    without,
    at,
    { kind: "reconfigure", before: PARAMS, readings: [] },
    { kind: "heartbeat", path: null },
  );
  expect(texts(result.effects)).toEqual([]);
  expect(result.instance).toMatchObject({ state: { kind: "backup", silentPath: null }, node: { heartbeat: null } });
  expect(nextDeadline(result.instance)).toBe(before);
});

test("step gives a second path that a reload brings the down time to be heard", () => {
  const alone = beats(running(paramsWith(), "backup", OWN, NOW), 20, advert(PEER, 101));
  const added = drive(alone.instance, PARAMS, alone.at, SECOND_UP, advert(PEER, 101));
  expect(texts(added.effects)).toEqual([]);
});

test("vrrpStatus shows both paths, the silent one in words", () => {
  const heartbeat = { interface: "eth1", source: null, peers: null };
  const settings = instanceSettings(configWith({ version: 3, heartbeat }));
  const { instance, at } = beats(node("backup", settings.params), 6, over(PEER_SECOND, 101));
  const peer = { path: "heartbeat", address: addressBytes(PEER_SECOND), priority: 101, intervalMs: 1000 } as const;
  const stats = { ...newStats(0), peers: [{ ...peer, heardAt: later(at, -400) }], heartbeatReceived: 6 };
  const status = vrrpStatus(settings, instance, stats, at);
  expect(status.paths).toEqual([
    { path: "main", interface: "eth0", state: "silent", text: "nobody heard yet", advertsSent: 0, advertsReceived: 0 },
    {
      path: "heartbeat",
      interface: "eth1",
      state: "up",
      text: "heard 10.9.0.1 (priority 101) 0.4 s ago",
      advertsSent: 0,
      advertsReceived: 6,
    },
  ]);
  expect(status.why).toBe(
    "priority 100 against 101 of 10.9.0.1; main path silent: master 10.9.0.1 heard over eth1 only",
  );
  expect(status.details).toContain("second path eth1: up, heard 10.9.0.1 (priority 101) 0.4 s ago");
  const down = drive(instance, settings.params, at, linkUp(OWN), second({ kind: "down" })).instance;
  expect(vrrpStatus(settings, down, stats, at).paths?.[1]).toMatchObject({
    state: "down",
    text: "interface eth1 is down; heard 10.9.0.1 (priority 101) 0.4 s ago",
  });
  expect(vrrpStatus(instanceSettings(configWith()), instance, stats, at).paths).toEqual([]);
});

test("receivePacket refuses the node's own adverts of the other path, where both lead to one switch", () => {
  const view: ReceiveView = {
    virtualRouterId: 51,
    version: 3,
    advertIntervalMs: 1000,
    addresses: addressBytes("10.0.0.10"),
    password: null,
    ownAddress: addressBytes(OWN_SECOND),
    multicastGroup: addressBytes("224.0.0.18"),
    peers: null,
  };
  const bytes = new Uint8Array(PACKET_BYTES_MAX);
  const { virtualRouterId, addresses, multicastGroup: destination } = view;
  const sent = { version: 3, virtualRouterId, priority: 100, intervalMs: 1000, addressBytes: 4, addresses } as const;
  const length = encodePacket(bytes, { ...sent, auth: null }, { source: addressBytes(OWN), destination }, null);
  const verdict = (otherOwnAddress: Uint8Array | null): string => {
    const result = receivePacket(bytes, length, () => ({ ...view, otherOwnAddress }));
    return result.ok ? "accepted" : result.error.reason;
  };
  expect(verdict(addressBytes(OWN))).toBe("own_address");
  expect(verdict(null)).toBe("accepted");
});
