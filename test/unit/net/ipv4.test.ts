import { expect, test } from "bun:test";
import { decodeIpv4, encodeIpv4 } from "../../../src/net/ipv4.ts";

function packet(changes: (bytes: Uint8Array) => void = () => {}): Uint8Array {
  const bytes = Uint8Array.fromHex("45c0002000000000ff700000c0000202e0000012" + "31".repeat(12));
  changes(bytes);
  return bytes;
}

test("decodeIpv4 and encodeIpv4 agree on a header without options", () => {
  const decoded = decodeIpv4(packet(), 32);
  if (!decoded.ok) throw new Error(decoded.error);
  expect(decoded.value).toMatchObject({ ttl: 255, protocol: 112, payloadStart: 20, payloadEnd: 32 });
  const { ttl, protocol, source, destination } = decoded.value;
  const written = new Uint8Array(20);
  expect(encodeIpv4(written, { tos: 0xc0, ttl, protocol, source, destination, payloadBytes: 12 })).toBe(20);
  expect(written.toHex()).toBe(packet().subarray(0, 20).toHex());
});

test("decodeIpv4 finds the payload behind options and before padding", () => {
  const bytes = new Uint8Array(60);
  bytes.set(packet());
  bytes[0] = 0x46;
  bytes[3] = 36;
  const decoded = decodeIpv4(bytes, 60);
  expect(decoded).toMatchObject({ ok: true, value: { payloadStart: 24, payloadEnd: 36 } });
});

test("decodeIpv4 names what is wrong with a header", () => {
  const reasonOf = (bytes: Uint8Array, length = bytes.length): string => {
    const result = decodeIpv4(bytes, length);
    return result.ok ? "accepted" : result.error;
  };
  for (let length = 0; length < 20; length++) expect(reasonOf(packet(), length)).toBe("ip_short");
  for (let length = 20; length < 32; length++) expect(reasonOf(packet(), length)).toBe("ip_total_length");
  expect(reasonOf(packet((bytes) => (bytes[0] = 0x65)))).toBe("ip_version");
  expect(reasonOf(packet((bytes) => (bytes[0] = 0x44)))).toBe("ip_header_length");
  expect(reasonOf(packet((bytes) => (bytes[0] = 0x4f)))).toBe("ip_header_length");
  expect(reasonOf(packet((bytes) => (bytes[3] = 19)))).toBe("ip_total_length");
  expect(reasonOf(packet((bytes) => (bytes[6] = 0x20)))).toBe("ip_fragment");
  expect(reasonOf(packet((bytes) => (bytes[7] = 1)))).toBe("ip_fragment");
});
