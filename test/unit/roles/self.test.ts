import { afterEach, expect, test } from "bun:test";
import { cleanEnvironment } from "../../../src/roles/self.ts";

const before = { ...process.env };

afterEach(() => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
});

test("cleanEnvironment withholds what makes Bun run other code and what is the supervisor's alone", () => {
  const withheld = ["BUN_OPTIONS", "BUN_BE_BUN", "BUN_INSPECT", "NODE_OPTIONS", "NOTIFY_SOCKET", "WATCHDOG_USEC"];
  for (const name of [...withheld, "BALLAST_READY_FD", "BALLAST_TEST_KEPT"]) process.env[name] = "1";
  const environment = cleanEnvironment();
  for (const name of [...withheld, "BALLAST_READY_FD"]) expect(environment).not.toHaveProperty(name);
  expect(environment["BALLAST_TEST_KEPT"]).toBe("1");
  expect(environment["PATH"]).toBe(process.env["PATH"] ?? "");
});
