import { expect, test } from "bun:test";
import { commandKey, configuredCommands } from "../../../src/notify/configured-command.ts";

const config = {
  vrrp: [{ tracks: [{ kind: "script", script: { name: "chk", command: ["/chk", "a b"], user: null } }] }],
  backends: [{ servers: [{ check: { command: ["/misc"], user: "root" } }] }],
  other: { command: ["/not", 1], user: "root", more: { command: ["/without-user"] } },
};

test("configuredCommands finds every command with its user and nothing else", () => {
  const known = configuredCommands(config);
  expect(known.size).toBe(2);
  expect(known.has(commandKey({ command: ["/chk", "a b"], user: null }))).toBe(true);
  expect(known.has(commandKey({ command: ["/misc"], user: "root" }))).toBe(true);
});

test.each([
  [["/chk", "a b"], "root"],
  [["/chk", "a", "b"], null],
  [["/misc"], null],
  [["/without-user"], null],
  [["/not", "1"], "root"],
])("configuredCommands does not allow %j as %s", (command, user) => {
  expect(configuredCommands(config).has(commandKey({ command, user }))).toBe(false);
});
