/** Numbers in files as checks of real servers (keepalived: FILE_CHECK). */
import { expect, test } from "bun:test";
import { fileValue, fileVerdict } from "../../../src/checks/file-value.ts";

test.each([
  ["0\n", 0],
  [" -17 because of work\n", -17],
  ["+5", 5],
  ["", null],
  ["no", null],
  ["1.5", null],
  ["12345678901", null],
])("fileValue %j", (text, value) => expect(fileValue(text)).toBe(value));

test("fileVerdict with factor 0: any number but 0 is down", () => {
  expect(fileVerdict(0, 0, 10)).toEqual({ passed: true, weight: null });
  expect(fileVerdict(1, 0, 10)).toEqual({ passed: false, weight: null });
  expect(fileVerdict(-1, 0, 10)).toEqual({ passed: false, weight: null });
});

test("fileVerdict adds the product to the weight, within what the kernel takes, and -254 is down", () => {
  expect(fileVerdict(0, 1, 10)).toEqual({ passed: true, weight: null });
  expect(fileVerdict(5, 2, 10)).toEqual({ passed: true, weight: 20 });
  expect(fileVerdict(5, -1, 10)).toEqual({ passed: true, weight: 5 });
  expect(fileVerdict(-253, 1, 10)).toEqual({ passed: true, weight: 0 });
  expect(fileVerdict(-254, 1, 10)).toEqual({ passed: false, weight: null });
  expect(fileVerdict(127, -2, 10)).toEqual({ passed: false, weight: null });
  expect(fileVerdict(2_000_000_000, 65_535, 10)).toEqual({ passed: true, weight: 65_535 });
});
