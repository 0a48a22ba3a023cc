import { expect, test } from "bun:test";
import {
  compareIp,
  formatIp,
  formatNetwork,
  maskIp,
  networkContains,
  parseIp,
  parseNetwork,
} from "../../../src/lib/ip.ts";
import type { IpAddress, IpNetwork } from "../../../src/lib/ip.ts";

function address(text: string): IpAddress {
  const found = parseIp(text);
  if (found === null) throw new Error(`${text} is no address`);
  return found;
}

function network(text: string): IpNetwork {
  const found = parseNetwork(text);
  if (found === null) throw new Error(`${text} is no network`);
  return found;
}

const canonical: readonly (readonly [string, string])[] = [
  ["192.0.2.10", "192.0.2.10"],
  ["0.0.0.0", "0.0.0.0"],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["fe80::a:0:0:b", "fe80::a:0:0:b"],
  ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
  ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
];

test.each(canonical)("formatIp of %s is %s", (text, expected) => {
  expect(formatIp(address(text))).toBe(expected);
  expect(formatIp(address(expected))).toBe(expected);
});

const wrong = [
  "",
  "1.2.3",
  "1.2.3.4.5",
  "256.0.0.1",
  "01.2.3.4",
  "1.2.3.x",
  "1.2.3.4 ",
  ":::",
  "1:2",
  "1::2::3",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7::8",
  "12345::",
  "g::",
  "fe80::1%eth0",
  "::1.2.3",
  "1.2.3.4::",
  "1:2:3:4:5:6:7:1.2.3.4",
];

test.each(wrong)("parseIp refuses %j", (text) => {
  expect(parseIp(text)).toBeNull();
});

test("parseNetwork keeps host bits and checks the length", () => {
  expect(formatNetwork(network("192.168.36.100/24"))).toBe("192.168.36.100/24");
  expect(formatNetwork(network("10.0.0.1"))).toBe("10.0.0.1/32");
  for (const text of ["10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/8/8", "10.0.0.0/"]) {
    expect(parseNetwork(text)).toBeNull();
  }
});

test("maskIp clears host bits inside a byte", () => {
  expect(formatIp(maskIp(address("192.168.255.255"), 19))).toBe("192.168.224.0");
  expect(formatIp(maskIp(address("2001:db8:ffff::1"), 33))).toBe("2001:db8:8000::");
  expect(formatIp(maskIp(address("1.2.3.4"), 0))).toBe("0.0.0.0");
});

test("networkContains answers by prefix and family", () => {
  expect(networkContains(network("10.0.0.0/8"), address("10.255.0.1"))).toBe(true);
  expect(networkContains(network("10.0.0.0/8"), address("11.0.0.1"))).toBe(false);
  expect(networkContains(network("0.0.0.0/0"), address("::1"))).toBe(false);
});

test("compareIp orders as numbers, IPv4 first", () => {
  const sorted = ["10.0.0.10", "::1", "10.0.0.9", "9.255.0.0"].map(address).sort(compareIp).map(formatIp);
  expect(sorted).toEqual(["9.255.0.0", "10.0.0.9", "10.0.0.10", "::1"]);
});
