import { expect, test } from "bun:test";
import { ARP_FRAME_BYTES, decodeArp, encodeArp, gratuitousArp } from "../../../src/net/arp.ts";

const MAC = Uint8Array.fromHex("02000000000a");
const VIP = Uint8Array.of(192, 0, 2, 10);
/** Ethernet, ARP header, sender, target. */
const FRAME = "ffffffffffff02000000000a0806 0001080006040001 02000000000ac000020a 000000000000c000020a".replaceAll(
  " ",
  "",
);

test("encodeArp writes a gratuitous ARP as a broadcast request of the address for itself", () => {
  const bytes = new Uint8Array(ARP_FRAME_BYTES);
  expect(encodeArp(bytes, gratuitousArp(MAC, VIP))).toBe(ARP_FRAME_BYTES);
  expect(bytes.toHex()).toBe(FRAME);
});

test("decodeArp reads what encodeArp wrote, padding or not", () => {
  const bytes = new Uint8Array(60);
  bytes.set(Uint8Array.fromHex(FRAME));
  for (const length of [42, 60]) expect(decodeArp(bytes, length)).toEqual({ ok: true, value: gratuitousArp(MAC, VIP) });
});

test("decodeArp names what is wrong with a frame", () => {
  const reasonAfter = (at: number, value: number): string => {
    const bytes = Uint8Array.fromHex(FRAME);
    bytes[at] = value;
    const result = decodeArp(bytes, bytes.length);
    return result.ok ? "accepted" : result.error;
  };
  for (let length = 0; length < 42; length++) {
    expect(decodeArp(Uint8Array.fromHex(FRAME), length)).toEqual({ ok: false, error: "arp_short" });
  }
  expect(reasonAfter(13, 0)).toBe("arp_ethertype");
  expect(reasonAfter(15, 6)).toBe("arp_hardware");
  expect(reasonAfter(16, 0x86)).toBe("arp_protocol");
  expect(reasonAfter(19, 16)).toBe("arp_sizes");
});
