import { expect, test } from "bun:test";
import { readVmacAlias, vmacAlias, vmacSwitches } from "../../../src/vrrp/vmac.ts";

test("readVmacAlias reads back what vmacAlias noted", () => {
  for (const before of [[], ["0", "1"]]) expect(readVmacAlias(vmacAlias(before))).toEqual(before);
});

test("readVmacAlias takes no interface for ours that has another note, or none", () => {
  for (const alias of [null, undefined, "", "ballast", "ballast vmacs", "ballast vmac x", "uplink ballast vmac 0"]) {
    expect(readVmacAlias(alias)).toBeNull();
  }
});

test("vmacSwitches raises IPv6 last, when the interface can no longer make itself an address", () => {
  const six = vmacSwitches("vrrp6.51", true).map(({ path, value }) => `${path} ${value}`);
  expect(six.at(-1)).toBe("ipv6/disable_ipv6 0");
  expect(six).toContain("ipv6/addr_gen_mode 1");
  const four = vmacSwitches("vrrp.51", false).map(({ path, value }) => `${path} ${value}`);
  expect(four.filter((text) => text.startsWith("ipv6/"))).toEqual(["ipv6/disable_ipv6 1"]);
});
