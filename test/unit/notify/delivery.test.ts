import { expect, test } from "bun:test";
import { isTemporaryHttp, isTemporarySmtp } from "../../../src/notify/delivery.ts";

test.each([
  [undefined, true],
  [421, true],
  [451, true],
  [535, false],
  [550, false],
])("isTemporarySmtp of reply %p is %p", (code, temporary) => expect(isTemporarySmtp(code)).toBe(temporary));

test.each([
  [301, false],
  [400, false],
  [408, true],
  [425, true],
  [429, true],
  [500, true],
  [503, true],
])("isTemporaryHttp of status %p is %p", (status, temporary) => expect(isTemporaryHttp(status)).toBe(temporary));
