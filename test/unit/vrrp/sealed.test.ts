/** Authentication headers: keepalived 2.2.7's own packets, ours byte for byte like them, and what is refused. */
import { expect, test } from "bun:test";
import { addressBytes } from "../../../src/net/address.ts";
import { encodePacket, PACKET_BYTES_MAX } from "../../../src/vrrp/packet.ts";
import { passwordBytes, receivePacket, type ReceiveReason, type ReceiveView } from "../../../src/vrrp/receive.ts";
import { authType } from "../../../src/vrrp/wire.ts";

/** Captured: password secret12, 10.9.0.1 to the group, VRID 51, priority 100, every second, 10.9.0.100; header checksum out. */
const CAPTURED = [
  "45c000400001000" +
    "0ff33d0ad0a090001e0000012700400000a090001000000013cce0338b823f9e46755e9d92133640102016e5d0a0900640000000000000000",
  "45c000400002000" +
    "0ff33d0ac0a090001e0000012700400000a0900010000000247cc7915019de9ef74536a7d2133640102016e5d0a0900640000000000000000",
].map((hex) => Uint8Array.fromHex(hex));

const KEY = passwordBytes("secret12");
const VIEW: ReceiveView = {
  virtualRouterId: 51,
  version: 2,
  advertIntervalMs: 1000,
  addresses: addressBytes("10.9.0.100"),
  password: KEY,
  sealed: { lastSequence: 0 },
  ownAddress: addressBytes("10.9.0.2"),
  multicastGroup: addressBytes("224.0.0.18"),
  peers: null,
};

function verdict(bytes: Uint8Array, view: ReceiveView): ReceiveReason | "accepted" {
  const result = receivePacket(bytes, bytes.length, () => view);
  return result.ok ? "accepted" : result.error.reason;
}

function changed(at: number, value: number): Uint8Array {
  const bytes = CAPTURED[0].slice();
  bytes[at] = value;
  return bytes;
}

test("receivePacket accepts keepalived's adverts with an authentication header and tells their sequence number", () => {
  CAPTURED.forEach((bytes, i) => {
    const result = receivePacket(bytes, bytes.length, () => VIEW);
    expect(result.ok && result.value.sequence).toBe(i + 1);
  });
});

test("encodePacket writes what keepalived writes, but for the identification and what the kernel fills in", () => {
  const out = new Uint8Array(PACKET_BYTES_MAX);
  const advert = {
    version: 2,
    virtualRouterId: 51,
    priority: 100,
    intervalMs: 1000,
    addressBytes: 4,
    addresses: VIEW.addresses,
    auth: { type: authType.ah, data: new Uint8Array(8) },
  } as const;
  const ends = { source: addressBytes("10.9.0.1"), destination: VIEW.multicastGroup };
  // keepalived counts the identification up as well: its second packet has 2, and so has ours with sequence number 1.
  const length = encodePacket(out, advert, ends, { key: KEY, sequence: 1 });
  const ours = out.slice(0, length);
  expect(verdict(ours, VIEW)).toBe("accepted");
  const [first] = CAPTURED;
  expect(ours.slice(12, 32).toHex()).toBe(first.slice(12, 32).toHex());
  expect(ours.slice(44).toHex()).toBe(first.slice(44).toHex());
  for (const sequence of [65_534, 65_535, 2 ** 32 - 1]) {
    const wrapped = out.slice(0, encodePacket(out, advert, ends, { key: KEY, sequence }));
    expect(wrapped.slice(4, 6).toHex()).not.toBe("0000");
    expect(verdict(wrapped, VIEW)).toBe("accepted");
  }
});

test("receivePacket refuses a sequence number that was there before", () => {
  expect(verdict(CAPTURED[0], { ...VIEW, sealed: { lastSequence: 1 } })).toBe("auth_replay");
  expect(verdict(CAPTURED[1], { ...VIEW, sealed: { lastSequence: 1 } })).toBe("accepted");
});

test("receivePacket refuses another key, a changed packet, a foreign SPI and another kind of authentication", () => {
  expect(verdict(CAPTURED[0], { ...VIEW, password: passwordBytes("other") })).toBe("auth_data");
  // The code is wrong when any byte is: sequence number, identification.
  expect(verdict(changed(31, 9), VIEW)).toBe("auth_data");
  expect(verdict(changed(5, 9), VIEW)).toBe("auth_data");
  expect(verdict(changed(27, 9), VIEW)).toBe("auth_spi");
  expect(verdict(CAPTURED[0], { ...VIEW, sealed: null })).toBe("auth_type");
  expect(verdict(CAPTURED[0], { ...VIEW, password: null, sealed: null })).toBe("auth_type");
  expect(verdict(changed(20, 6), VIEW)).toBe("protocol");
  expect(verdict(changed(21, 5), VIEW)).toBe("ah_length");
});

test("receivePacket takes a packet with an authentication header at every length for what it is", () => {
  for (let length = 0; length < CAPTURED[0].length; length++) {
    const bytes = CAPTURED[0].slice(0, length);
    // The total length of the header follows, as a raw socket shows it.
    if (length > 3) bytes[3] = length;
    expect(verdict(bytes, VIEW)).not.toBe("accepted");
  }
});

test("receivePacket refuses an advert without the header where one is demanded", () => {
  const plain = new Uint8Array(CAPTURED[0].length - 24);
  plain.set(CAPTURED[0].subarray(0, 20));
  plain.set(CAPTURED[0].subarray(44), 20);
  plain[3] = plain.length;
  plain[9] = 112;
  expect(verdict(plain, VIEW)).toBe("auth_type");
});
