import { expect, test } from "bun:test";
import { foldChecksum, sumPseudoHeader, sumWords } from "../../../src/net/checksum.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex.replaceAll(" ", ""));

test("sumWords and foldChecksum give the example of RFC 1071 §3", () => {
  const data = bytes("0001 f203 f4f5 f6f7");
  expect(foldChecksum(sumWords(data, 0, data.length, 0))).toBe(0xffff - 0xddf2);
});

test("sumWords pads an odd last byte with zero on the right", () => {
  const odd = bytes("0102 03");
  const even = bytes("0102 0300");
  expect(sumWords(odd, 0, 3, 0)).toBe(sumWords(even, 0, 4, 0));
});

test("foldChecksum answers zero over data that holds its own checksum", () => {
  const header = bytes("4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7");
  expect(foldChecksum(sumWords(header, 0, header.length, 0))).toBe(0);
});

test("sumPseudoHeader equals the sum of the drawn pseudo-header for both families", () => {
  const v4 = bytes("c0000202 e0000012 0070 0010");
  expect(sumPseudoHeader(v4.subarray(0, 4), v4.subarray(4, 8), 112, 16)).toBe(sumWords(v4, 0, v4.length, 0));
  const v6 = new Uint8Array(40);
  v6.set(bytes("fe80"), 0);
  v6.set(bytes("ff02"), 16);
  v6[35] = 40;
  v6[39] = 112;
  expect(sumPseudoHeader(v6.subarray(0, 16), v6.subarray(16, 32), 112, 40)).toBe(sumWords(v6, 0, 40, 0));
});
