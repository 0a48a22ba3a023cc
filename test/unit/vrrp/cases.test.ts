/**
 * The case collection (test/golden/vrrp/vrrp_cases.json). Packets go through the receive checks and, where they are
 * accepted, through the machine. Situations are tested in `situations.test.ts`; the ones that are not are named there.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { MonoMs } from "../../../src/lib/time.ts";
import { addressBytes } from "../../../src/net/address.ts";
import { encodeIpv4 } from "../../../src/net/ipv4.ts";
import { nextDeadline } from "../../../src/vrrp/machine.ts";
import {
  passwordBytes,
  type ReceiveNote,
  receiveAdvert,
  receivePacket,
  type ReceiveReason,
  type ReceiveView,
} from "../../../src/vrrp/receive.ts";
import { downMs } from "../../../src/vrrp/timing.ts";
import { drive, effectKinds, paramsWith, running } from "./instances.ts";

interface PacketCase {
  readonly id: string;
  readonly type: string;
  readonly local: string;
  readonly state: "backup" | "active";
  readonly ip_src: string;
  readonly ip_dst: string;
  readonly ttl: number;
  readonly packet_hex: string;
  readonly verdict: "accept" | "discard" | "policy";
  readonly ip_options_hex?: string;
}

const path = join(import.meta.dir, "../../golden/vrrp/vrrp_cases.json");
const cases = (JSON.parse(readFileSync(path, "utf8")) as PacketCase[]).filter((each) => each.type === "packet");

/** The reason that each discarded packet must be counted under. */
const REASONS: Readonly<Record<string, ReceiveReason>> = {
  "v3-cksum-zero": "checksum",
  "v3-ttl-64": "ttl",
  "v3-version-2": "version",
  "v3-version-4": "version",
  "v3-version-0": "version",
  "v3-type-2": "type",
  "v3-count-lie-3": "length",
  "v3-trailer-v2auth": "length",
  "v3-odd-length": "length",
  "v3-vrid-unknown": "vrid",
  "v3-vrid-0": "vrid",
  "v3-own-packet": "own_address",
  "v3-unicast-to-mcast": "destination",
  "v3-unicast-unknown-peer": "not_a_peer",
  "v3-wrong-interface": "vrid",
  "v2-auth-pass-wrong": "auth_data",
  "v2-auth-missing": "auth_type",
  "v2-auth-ah": "auth_type",
  "v2-interval-mismatch": "interval_mismatch",
  "v2-no-auth-trailer": "length",
  "v6-cksum-msgonly": "checksum",
};

/** What an accepted packet must be remarked on with. */
const NOTES: Readonly<Record<string, readonly ReceiveNote[]>> = {
  "v3-golden-msgonly": ["checksum_rfc9568"],
  "v3-interval-300": ["interval_differs"],
  "v3-interval-1": ["interval_differs"],
  "v3-vip-list-differs": ["address_list_differs"],
  "v3-vip-count-differs": ["address_list_differs"],
  "v3-vip-255": ["address_list_foreign"],
};

const OWN = "192.0.2.251";
const NOW = 100_000 as MonoMs;

/** The instance that the words of `local` describe. */
function localView(each: PacketCase): ReceiveView {
  const match = (pattern: RegExp): string | null => each.local.match(pattern)?.[1] ?? null;
  const version = match(/VRRPv(\d)/) === "2" ? 2 : 3;
  const vips = each.local.match(/VIPs? ([\d.+]+)/)?.[1].split("+") ?? [];
  const password = match(/auth PASS (\S+)/);
  const peer = match(/unicast_peer ([\d.]+)/);
  return {
    virtualRouterId: Number(match(/vrid (\d+)/)),
    version,
    advertIntervalMs: 1000,
    addresses: Uint8Array.from(vips.flatMap((vip) => [...addressBytes(vip)])),
    password: password === null ? null : passwordBytes(password),
    ownAddress: addressBytes(OWN),
    multicastGroup: Uint8Array.of(224, 0, 0, 18),
    peers: peer === null ? null : [addressBytes(peer)],
  };
}

/** The whole packet as the raw socket would give it, IP options included. */
function packetOf(each: PacketCase): Uint8Array {
  const payload = Uint8Array.fromHex(each.packet_hex);
  const options = Uint8Array.fromHex(each.ip_options_hex ?? "");
  const bytes = new Uint8Array(20 + options.length + payload.length);
  encodeIpv4(bytes, {
    tos: 0xc0,
    ttl: each.ttl,
    protocol: 112,
    source: addressBytes(each.ip_src),
    destination: addressBytes(each.ip_dst),
    payloadBytes: options.length + payload.length,
  });
  bytes[0] = 0x45 + options.length / 4;
  bytes.set(options, 20);
  bytes.set(payload, 20 + options.length);
  return bytes;
}

function received(each: PacketCase): ReturnType<typeof receivePacket<ReceiveView>> {
  const view = localView(each);
  const onItsInterface = each.id !== "v3-wrong-interface";
  const bytes = packetOf(each);
  return receivePacket(bytes, bytes.length, (id) => (onItsInterface && id === view.virtualRouterId ? view : null));
}

for (const each of cases.filter((candidate) => !candidate.id.startsWith("v6-"))) {
  test(`receivePacket treats case ${each.id} as written`, () => {
    const result = received(each);
    if (each.verdict === "discard") {
      expect(result.ok ? "accepted" : result.error.reason).toBe(REASONS[each.id] ?? "a reason in the table");
      return;
    }
    expect(result.ok ? "accepted" : result.error.reason).toBe("accepted");
    if (result.ok) expect(result.value.notes).toEqual(NOTES[each.id] ?? []);
  });
}

for (const each of cases.filter((candidate) => candidate.id.startsWith("v6-"))) {
  test(`receiveAdvert treats IPv6 case ${each.id} as written`, () => {
    const bytes = Uint8Array.fromHex(each.packet_hex);
    const ends = { source: addressBytes(each.ip_src), destination: addressBytes(each.ip_dst) };
    const packet = { ...ends, ttl: each.ttl, payloadStart: 0, payloadEnd: bytes.length };
    const view: ReceiveView = {
      virtualRouterId: 60,
      version: 3,
      advertIntervalMs: 1000,
      addresses: Uint8Array.from([...addressBytes("fe80::1"), ...addressBytes("2001:db8::1")]),
      password: null,
      ownAddress: addressBytes("fe80::fb"),
      multicastGroup: addressBytes("ff02::12"),
      peers: null,
    };
    const result = receiveAdvert(bytes, packet, (id) => (id === view.virtualRouterId ? view : null));
    const wanted = each.verdict === "accept" ? "accepted" : REASONS[each.id];
    expect(result.ok ? "accepted" : result.error.reason).toBe(wanted);
    const routed = receiveAdvert(bytes, { ...packet, ttl: 254 }, () => view);
    expect(routed.ok ? "accepted" : routed.error.reason).toBe("ttl");
  });
}

test("the collection has no discarded case without an expected reason", () => {
  const missing = cases.filter((each) => each.verdict === "discard" && REASONS[each.id] === undefined);
  expect(missing.map((each) => each.id)).toEqual([]);
});

/** What an accepted case makes of an instance in its state: new state, effects, milliseconds to the next deadline. */
function outcome(id: string): { readonly state: string; readonly effects: readonly string[]; readonly waitMs: number } {
  const each = cases.find((candidate) => candidate.id === id)!;
  const result = received(each);
  if (!result.ok) throw new Error(`${id}: ${result.error.reason}`);
  const version = localView(each).version;
  const params = paramsWith({ version, basePriority: 100 });
  const before = running(params, each.state === "active" ? "master" : "backup", OWN, NOW);
  const { advert, source } = result.value;
  const after = drive(before, params, NOW, {
    kind: "advert",
    path: "main",
    source,
    priority: advert.priority,
    intervalMs: advert.intervalMs,
  });
  return {
    state: after.instance.state.kind,
    effects: effectKinds(after.effects),
    waitMs: nextDeadline(after.instance) - NOW,
  };
}

test("step adopts the master's interval in version 3 (v3-interval-300)", () => {
  expect(outcome("v3-interval-300")).toEqual({ state: "backup", effects: [], waitMs: downMs(3, 100, 3000) });
});

test("step does not let a peer's tiny interval bring the down time under 300 ms (v3-interval-1)", () => {
  expect(outcome("v3-interval-1")).toEqual({ state: "backup", effects: [], waitMs: 300 });
});

test("step waits for the skew only after priority 0 (v3-prio-0-backup)", () => {
  expect(outcome("v3-prio-0-backup").waitMs).toBeCloseTo(609.375, 6);
});

test("step as master answers priority 0 with an advert (v3-prio-0-active)", () => {
  expect(outcome("v3-prio-0-active")).toEqual({ state: "master", effects: ["send_advert"], waitMs: 1000 });
});

test("step as backup discards a lower advert (v3-lower-prio-backup-preempt)", () => {
  const fresh = nextDeadline(running(paramsWith({ basePriority: 100 }), "backup", OWN, NOW));
  expect(outcome("v3-lower-prio-backup-preempt").waitMs).toBe(fresh - NOW);
});

test("step breaks a tie by the sender's address (v3-equal-prio-higher-ip, v3-equal-prio-lower-ip)", () => {
  expect(outcome("v3-equal-prio-higher-ip")).toMatchObject({
    state: "backup",
    effects: ["send_advert", "remove_addresses", "transition"],
  });
  expect(outcome("v3-equal-prio-lower-ip")).toMatchObject({ state: "master", effects: ["send_advert", "announce"] });
});

test("step yields to a forged priority 255 as the protocol obliges it to, and names the sender (v3-spoof-255)", () => {
  expect(outcome("v3-spoof-255")).toMatchObject({ state: "backup" });
});

test("step uses the down time of version 2 (v2-golden)", () => {
  expect(outcome("v2-golden").waitMs).toBeCloseTo(3609.375, 6);
});
