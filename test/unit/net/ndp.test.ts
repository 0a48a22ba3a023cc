import { expect, test } from "bun:test";
import { addressBytes } from "../../../src/net/address.ts";
import { foldChecksum, sumPseudoHeader, sumWords } from "../../../src/net/checksum.ts";
import { isLinkLocal } from "../../../src/net/ipv6.ts";
import { encodeNeighbourAdvertisement, NEIGHBOUR_FRAME_BYTES } from "../../../src/net/ndp.ts";

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 10);
const VIP = addressBytes("2001:db8::10");

function frame(router: boolean): Uint8Array {
  const bytes = new Uint8Array(NEIGHBOUR_FRAME_BYTES).fill(0xee);
  expect(encodeNeighbourAdvertisement(bytes, { mac: MAC, address: VIP, router })).toBe(NEIGHBOUR_FRAME_BYTES);
  return bytes;
}

test("encodeNeighbourAdvertisement writes an override advertisement to all nodes", () => {
  const hex = [
    "333300000001 02000000000a 86dd",
    "60000000 0020 3a ff 20010db8000000000000000000000010 ff020000000000000000000000000001",
    "88 00 CHCK 20000000 20010db8000000000000000000000010 0201 02000000000a",
  ];
  const written = frame(false).toHex();
  const wanted = hex.join("").replaceAll(" ", "").replace("CHCK", written.slice(112, 116));
  expect(written).toBe(wanted);
});

test("encodeNeighbourAdvertisement has the right checksum and the router flag of a forwarding node", () => {
  for (const router of [false, true]) {
    const bytes = frame(router);
    const pseudo = sumPseudoHeader(VIP, bytes.subarray(38, 54), 58, 32);
    expect(foldChecksum(sumWords(bytes, 54, bytes.length, pseudo))).toBe(0);
    expect(bytes[58]).toBe(router ? 0xa0 : 0x20);
  }
});

test("isLinkLocal knows fe80::/10 and nothing else", () => {
  expect(["fe80::1", "febf::1"].every((text) => isLinkLocal(addressBytes(text)))).toBe(true);
  expect(["fec0::1", "2001:db8::1", "::1", "10.0.0.1"].some((text) => isLinkLocal(addressBytes(text)))).toBe(false);
});
