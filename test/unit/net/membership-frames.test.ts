import { expect, test } from "bun:test";
import { addressBytes } from "../../../src/net/address.ts";
import { foldChecksum, sumPseudoHeader, sumWords } from "../../../src/net/checksum.ts";
import { encodeIgmpReport, IGMP_FRAME_BYTES_MAX, igmpVersion } from "../../../src/net/igmp.ts";
import { encodeMldReport, MLD_FRAME_BYTES } from "../../../src/net/mld.ts";

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 10);

function igmp(version: 2 | 3, source: string, group: string): Uint8Array {
  const bytes = new Uint8Array(IGMP_FRAME_BYTES_MAX).fill(0xee);
  const report = { version, mac: MAC, source: addressBytes(source), group: addressBytes(group) };
  return bytes.subarray(0, encodeIgmpReport(bytes, report));
}

test("encodeIgmpReport of version 3 writes a report to the routers with the router alert option", () => {
  const hex = [
    "01005e000016 02000000000a 0800",
    "46c0 0028 0000 0000 01 02 81f8 c0000201 e0000016 94040000",
    "22 00 fbeb 0000 0001 02 00 0000 e0000012",
  ];
  expect(igmp(3, "192.0.2.1", "224.0.0.18").toHex()).toBe(hex.join("").replaceAll(" ", ""));
});

test("encodeIgmpReport of version 2 goes to the group itself", () => {
  const bytes = igmp(2, "0.0.0.0", "239.129.1.2");
  expect(bytes.toHex().slice(0, 12)).toBe("01005e010102");
  expect(bytes.subarray(30, 34).join(".")).toBe("239.129.1.2");
  expect(bytes.length).toBe(46);
  expect(bytes[38]).toBe(0x16);
});

test.each([2, 3] as const)("encodeIgmpReport of version %d has right checksums", (version) => {
  for (const source of ["0.0.0.0", "192.0.2.1", "255.254.253.252"]) {
    const bytes = igmp(version, source, "224.0.0.18");
    expect(foldChecksum(sumWords(bytes, 14, 38, 0))).toBe(0);
    expect(foldChecksum(sumWords(bytes, 38, bytes.length, 0))).toBe(0);
  }
});

test("igmpVersion follows the kernel's table", () => {
  const text = [
    "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter",
    "1\tlo        :     1      V3",
    "\t\t\t\t010000E0     1 0:00000000\t\t0",
    "2\teth0      :     2      V2",
    "\t\t\t\t120000E0     1 0:00000000\t\t0",
    "3\teth0.100-long-name:     1      V1",
    "",
  ].join("\n");
  const versions = ["lo", "eth0", "eth0.100-long-name", "eth1"].map((name) => igmpVersion(text, name));
  expect(versions).toEqual([3, 2, 2, 3]);
  expect(igmpVersion("", "eth0")).toBe(3);
});

test("encodeMldReport writes a report to the routers with the router alert option and the right checksum", () => {
  const bytes = new Uint8Array(MLD_FRAME_BYTES).fill(0xee);
  const source = addressBytes("fe80::1");
  expect(encodeMldReport(bytes, { mac: MAC, source, group: addressBytes("ff02::12") })).toBe(MLD_FRAME_BYTES);
  const hex = [
    "333300000016 02000000000a 86dd",
    "60000000 0024 00 01 fe800000000000000000000000000001 ff020000000000000000000000000016",
    "3a 00 05 02 0000 01 00",
    "8f 00 CHCK 0000 0001 02 00 0000 ff020000000000000000000000000012",
  ];
  const written = bytes.toHex();
  expect(written).toBe(hex.join("").replaceAll(" ", "").replace("CHCK", written.slice(128, 132)));
  const pseudo = sumPseudoHeader(source, bytes.subarray(38, 54), 58, 28);
  expect(foldChecksum(sumWords(bytes, 62, bytes.length, pseudo))).toBe(0);
});
