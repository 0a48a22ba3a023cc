import { expect, test } from "bun:test";
import { defaultSocketPath } from "../../../src/lib/paths.ts";
import { clockText, dateTimeText } from "../../../src/lib/wall-time.ts";

test.each([
  [0, { XDG_RUNTIME_DIR: "/run/user/0" }, "/run/ballast/ballast.sock"],
  [1000, { XDG_RUNTIME_DIR: "/run/user/1000/" }, "/run/user/1000/ballast/ballast.sock"],
  [1000, {}, "/tmp/ballast-1000/ballast.sock"],
  [1000, { XDG_RUNTIME_DIR: "relative" }, "/tmp/ballast-1000/ballast.sock"],
  [1000, { XDG_RUNTIME_DIR: "" }, "/tmp/ballast-1000/ballast.sock"],
])("defaultSocketPath for uid %p with %p", (uid, env, path) => {
  expect(defaultSocketPath(uid, env)).toBe(path);
});

test.each([0, 951_782_400_000, 1_795_210_498_000, 4_102_444_799_000, -1_000])(
  "dateTimeText agrees with the platform's calendar at %p",
  (wallMs) => {
    const wanted = new Date(wallMs).toISOString().slice(0, 19).replace("T", " ");
    expect(dateTimeText(wallMs, 0)).toBe(wanted);
  },
);

test("clockText goes around midnight with the zone", () => {
  expect(clockText(1_795_210_498_000, 0)).toBe("21:34:58");
  expect(clockText(1_795_210_498_000, 180)).toBe("00:34:58");
  expect(clockText(1_795_210_498_000, -22 * 60)).toBe("23:34:58");
});
