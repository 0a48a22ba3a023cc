import { expect, test } from "bun:test";
import type { ConfigEnvironment } from "../../../src/config/environment.ts";
import { parseConfig } from "../../../src/config/parse.ts";
import type { NotifyConfig } from "../../../src/config/types-vrrp.ts";
import { testEnvironment } from "./test-environment.ts";

function parsed(
  notify: string,
  change: Partial<ConfigEnvironment> = {},
): { readonly notify: NotifyConfig | undefined; readonly issues: readonly string[] } {
  const text = `[vrrp.v]\ninterface = "eth0"\nvirtual_router_id = 1\naddresses = ["192.0.2.10"]\nnotify = ${notify}`;
  const { config, issues } = parseConfig(text, testEnvironment(change));
  return { notify: config?.vrrp[0]!.notify, issues: issues.map(({ severity, message }) => `${severity}: ${message}`) };
}

test("notify takes a command in words, and as an array where a word has spaces", () => {
  const { notify } = parsed('{ master = "/bin/up  -v now ", any = ["/bin/sh", "-c", "echo $1 | cat"] }');
  expect(notify?.master).toEqual(["/bin/up", "-v", "now"]);
  expect(notify?.any).toEqual(["/bin/sh", "-c", "echo $1 | cat"]);
  expect(notify).toMatchObject({ backup: null, fault: null, stop: null, fifo: null, user: null, timeoutMs: 30_000 });
});

test.each([
  ["up.sh", 'error: "up.sh" is no absolute path'],
  ["/bin/up > /dev/null", 'error: "/bin/up > /dev/null" has characters for a shell'],
  ["/bin/up && true", 'error: "/bin/up && true" has characters for a shell'],
])("notify refuses the command %j", (command, message) => {
  expect(parsed(`{ any = ${JSON.stringify(command)} }`).issues).toEqual([message]);
});

test.each(["", "  "])("notify refuses the empty command %j", (command) => {
  expect(parsed(`{ any = ${JSON.stringify(command)} }`).issues[0]).toStartWith("error: must be a command such as ");
});

test("notify warns of a program that is not there or cannot be run, before a failover finds out", () => {
  const isProgram = (path: string): boolean => path === "/bin/there";
  expect(parsed('{ master = "/bin/there" }', { isProgram }).issues).toEqual([]);
  const { notify, issues } = parsed('{ fault = "/bin/gone now" }', { isProgram });
  expect(issues).toEqual(["warning: /bin/gone is no program that can be run"]);
  expect(notify?.fault).toEqual(["/bin/gone", "now"]);
});

test("notify refuses a user that this machine does not have, where it will be needed", () => {
  const users = ["root", "nobody"];
  const message = 'error: there is no user "nobdy" on this machine; did you mean "nobody"?';
  expect(parsed('{ any = "/bin/x", user = "nobdy" }', { users, isRoot: true }).issues).toContain(message);
  expect(parsed('{ any = "/bin/x", user = "nobdy" }', { users, isRoot: false }).issues).toEqual([]);
});
