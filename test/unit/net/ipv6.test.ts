import { expect, test } from "bun:test";
import { addressBytes } from "../../../src/net/address.ts";
import { decodeIpv6, encodeIpv6, IPV6_HEADER_BYTES } from "../../../src/net/ipv6.ts";

const header = {
  nextHeader: 112,
  hopLimit: 255,
  source: addressBytes("fe80::1"),
  destination: addressBytes("ff02::12"),
  payloadBytes: 300,
};

test("decodeIpv6 reads what encodeIpv6 wrote, and leaves what stands behind it", () => {
  const bytes = new Uint8Array(IPV6_HEADER_BYTES + 310);
  encodeIpv6(bytes, 0, header);
  const { payloadBytes, ...rest } = header;
  const payload = { payloadStart: IPV6_HEADER_BYTES, payloadEnd: IPV6_HEADER_BYTES + payloadBytes };
  expect(decodeIpv6(bytes, bytes.length)).toEqual({ ...rest, ...payload });
});

test("decodeIpv6 takes nothing that is cut short, nor another version", () => {
  const bytes = new Uint8Array(IPV6_HEADER_BYTES + header.payloadBytes);
  encodeIpv6(bytes, 0, header);
  for (let length = 0; length < bytes.length; length++) expect(decodeIpv6(bytes, length)).toBeNull();
  bytes[0] = 0x45;
  expect(decodeIpv6(bytes, bytes.length)).toBeNull();
});
