import { expect, test } from "bun:test";
import { type CliArgs, flagOn, flagText, parseArgs } from "../../../src/cli/args.ts";
import { commands, commandRow, isCommand, laterCommands } from "../../../src/cli/commands.ts";
import { parseServerOrder } from "../../../src/cli/server.ts";
import { parseTuiFlags } from "../../../src/cli/tui.ts";

const root = { uid: 0, env: {} };

function parsed(...argv: string[]): CliArgs {
  const result = parseArgs(argv, root);
  if (!result.ok) throw new Error(result.error.text);
  return result.value;
}

function refusal(...argv: string[]): string {
  const result = parseArgs(argv, root);
  if (result.ok) throw new Error("expected a usage error");
  return result.error.text;
}

test("parseArgs takes global flags before and after the command", () => {
  for (const argv of [
    ["-S", "/tmp/x.sock", "--json", "ls", "servers"],
    ["ls", "--json", "servers", "--socket=/tmp/x.sock"],
    ["ls", "servers", "-S/tmp/x.sock", "--json"],
  ]) {
    expect(parsed(...argv)).toMatchObject({
      command: "ls",
      rest: ["servers"],
      json: true,
      socket: "/tmp/x.sock",
      socketGiven: true,
    });
  }
});

test("parseArgs without a word has no command and the default socket", () => {
  expect(parsed()).toMatchObject({ command: null, rest: [], socket: "/run/ballast/ballast.sock", socketGiven: false });
});

test("parseArgs gives a command its own flags", () => {
  const args = parsed("events", "-f", "--since", "10m");
  expect(flagOn(args, "follow")).toBe(true);
  expect(flagText(args, "since")).toBe("10m");
  expect(flagOn(parsed("status"), "watch")).toBe(false);
});

test("parseArgs leaves what follows -- alone", () => {
  expect(parsed("show", "--", "--json").rest).toEqual(["--json"]);
});

test("parseArgs honours NO_COLOR, but not an empty one", () => {
  const noColor = (value: string): boolean => {
    const result = parseArgs(["status"], { uid: 0, env: { NO_COLOR: value } });
    return result.ok && result.value.noColor;
  };
  expect(noColor("1")).toBe(true);
  expect(noColor("")).toBe(false);
});

test.each([
  [["statsu"], 'unknown command "statsu"; did you mean "status"?'],
  [["licenses"], '"ballast licenses" is not supported yet'],
  [["status", "--wacth"], 'unknown flag "--wacth"; did you mean "--watch"?'],
  [["status", "--watch=yes"], '--watch takes no value, found "yes"'],
  [["events", "--since"], "--since wants a value: TIME"],
  [["ls", "--follow"], 'unknown flag "--follow"'],
])("parseArgs of %p says %p", (argv, text) => {
  expect(refusal(...argv)).toContain(text);
});

test("commands and later commands do not overlap, and every command has a usage of its own name", () => {
  for (const later of laterCommands) expect(isCommand(later)).toBe(false);
  for (const name of Object.keys(commands)) {
    if (isCommand(name)) expect(commandRow(name).usage).toStartWith(name);
  }
});

test("parseServerOrder makes one request a server, with the reason", () => {
  expect(parseServerOrder(parsed("server", "drain", "app/a", "app/b", "--reason", "kernel update"))).toEqual({
    ok: true,
    value: [
      { op: "server", backend: "app", server: "a", state: "drain", reason: "kernel update" },
      { op: "server", backend: "app", server: "b", state: "drain", reason: "kernel update" },
    ],
  });
  expect(parseServerOrder(parsed("server", "weight", "app/a", "7"))).toEqual({
    ok: true,
    value: [{ op: "server_weight", backend: "app", server: "a", weight: 7 }],
  });
});

test.each([
  [["server"], "wants an order"],
  [["server", "drian", "a/b"], 'did you mean "drain"'],
  [["server", "drain"], "at least one BACKEND/SERVER"],
  [["server", "drain", "app"], '"app" is not BACKEND/SERVER'],
  [["server", "drain", "/b"], "is not BACKEND/SERVER"],
  [["server", "weight", "a/b", "257"], "outside 0–256"],
  [["server", "weight", "7"], "wants BACKEND/SERVER and a weight"],
])("parseServerOrder of %p says %p", (argv, text) => {
  const result = parseServerOrder(parsed(...argv));
  expect(!result.ok && result.error.text).toContain(text);
});

test("parseTuiFlags reads the screen and the interval, and refuses wrong ones", () => {
  expect(parseTuiFlags(parsed("tui", "--view", "vrrp", "--refresh", "2s", "--readonly"))).toMatchObject({
    ok: true,
    value: { view: "vrrp", refreshMs: 2_000, readonly: true },
  });
  const wrong = parseTuiFlags(parsed("tui", "--view", "backend"));
  expect(!wrong.ok && wrong.error.text).toContain('did you mean "backends"');
  const fast = parseTuiFlags(parsed("tui", "--refresh", "1ms"));
  expect(!fast.ok && fast.error.text).toContain("shorter than 100ms");
});
