import { expect, test } from "bun:test";
import { readVmacAlias, vmacAlias } from "../../../src/vrrp/vmac.ts";

test("readVmacAlias reads back what vmacAlias noted", () => {
  for (const before of [[], ["0", "1"]]) expect(readVmacAlias(vmacAlias(before))).toEqual(before);
});

test("readVmacAlias takes no interface for ours that has another note, or none", () => {
  for (const alias of [null, undefined, "", "ballast", "ballast vmacs", "ballast vmac x", "uplink ballast vmac 0"]) {
    expect(readVmacAlias(alias)).toBeNull();
  }
});
