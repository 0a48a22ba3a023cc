import { describe, expect, test } from "bun:test";
import { deletableName, headerLine } from "../../../src/http/edits.ts";
import { textOf } from "./material.ts";

describe("headerLine", () => {
  test("makes a whole line and sends other characters as UTF-8", () => {
    const result = headerLine("X-Name", "grün");
    if (!result.ok) throw new Error(result.error);
    expect(textOf(result.value.bytes, 0, result.value.bytes.length)).toBe("X-Name: gr\xc3\xbcn\r\n");
  });

  test.each([
    ["", "x"],
    ["X Y", "x"],
    ["X:", "x"],
    ["Xé", "x"],
    ["X\u0141", "x"],
    ["Content-Length", "5"],
    ["transfer-encoding", "chunked"],
    ["Connection", "close"],
    ["Upgrade", "h2c"],
    ["X", "a\r\nY: b"],
    ["X", "a\0"],
  ])("refuses %j: %j", (name, value) => {
    expect(headerLine(name, value).ok).toBe(false);
  });
});

test("deletableName refuses Host and framing and takes others", () => {
  expect(deletableName("Host").ok).toBe(false);
  expect(deletableName("Content-Length").ok).toBe(false);
  expect(deletableName("Server").ok).toBe(true);
  expect(deletableName("X-Anything").ok).toBe(true);
});
