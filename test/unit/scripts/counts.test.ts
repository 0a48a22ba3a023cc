import { expect, test } from "bun:test";
import { countsOf, countsText } from "../../../scripts/counts.mjs";

test("countsOf reads bun's summary and not what a test printed", () => {
  const output =
    "(pass) a\n 99 pass\nnoise\n\n 12 pass\n 2 skip\n 1 todo\n 3 fail\n 1 error\n 40 expect() calls\nRan 18 tests\n";
  expect(countsOf(output, 1)).toEqual({ passed: 12, failed: 4, skipped: 3 });
});

test("countsOf counts a crash, a hang and a file that does not load as one failure", () => {
  expect(countsOf("panic: out of cheese\n", 132)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  expect(countsOf(" 5 pass\n 0 fail\n", null)).toEqual({ passed: 5, failed: 1, skipped: 0 });
});

test("countsText leaves skipped out when there is none", () => {
  expect(countsText({ passed: 5, failed: 0, skipped: 0 })).toBe("5 passed, 0 failed");
  expect(countsText({ passed: 5, failed: 1, skipped: 2 })).toBe("5 passed, 1 failed, 2 skipped");
});
