/** Keys that are understood and change nothing, and values that `run` would refuse: said by `check`. */
import { describe, expect, test } from "bun:test";
import { parseConfig } from "../../../src/config/parse.ts";
import { testEnvironment } from "./test-environment.ts";

const backend = '[backend.app]\nmode = "http"\nservers = ["192.0.2.1:8080"]\n';
const web = `[frontend.web]\nmode = "http"\nbind = "*:80"\ndefault_backend = "app"\n`;
const vrrp = '[vrrp.v]\ninterface = "eth0"\nvirtual_router_id = 5\naddresses = ["192.0.2.9/24"]\n';

/** `path: message` of every issue, errors marked with a "!". */
function issuesOf(text: string, changes: Parameters<typeof testEnvironment>[0] = {}): readonly unknown[] {
  const { issues } = parseConfig(text, testEnvironment(changes));
  return issues.map(({ severity, path, message }) => `${severity === "error" ? "!" : ""}${path}: ${message}`);
}

const said = (...parts: readonly string[]): unknown[] => parts.map((part) => expect.stringContaining(part));

describe("check warns of", () => {
  test("timeouts of the other side, where they stand, and not of those in defaults", () => {
    const frontend = `${web}timeouts = { connect = "1s", client = "1s" }\n`;
    expect(issuesOf(frontend + backend)).toEqual(said('timeouts.connect: timeout "connect" is a backend\'s'));
    expect(issuesOf(`${web}${backend}timeouts = { client_fin = "1s", server = "1s" }\n`)).toEqual(
      said('timeouts.client_fin: timeout "client_fin" is a frontend\'s'),
    );
    expect(
      issuesOf(`[defaults]\ntimeouts = { client = "1s", server = "1s", http_request = "1s" }\n${web}${backend}`),
    ).toEqual([]);
  });

  test("an option that mode tcp has no use for", () => {
    const tcp = (text: string): string => text.replace('"http"', '"tcp"');
    expect(issuesOf(`${tcp(web)}options = ["http_close"]\n${tcp(backend)}`)).toEqual(
      said('option "http_close" has nothing to close'),
    );
  });

  test("a check of two kinds, and what a check by TCP does not ask", () => {
    const check = (text: string): readonly unknown[] => issuesOf(`${web}${backend}check = { ${text} }\n`);
    expect(check('http = "GET /", tcp = true')).toEqual(said("check.tcp: changes nothing beside http"));
    expect(check('tcp = true, expect = "200"')).toEqual(said("check.expect: changes nothing in a check by TCP"));
    expect(check('http = "GET /", expect = "200"')).toEqual([]);
  });

  test("a maxconn that is never reached, a delay of a preemption that does not happen, a peer that is oneself", () => {
    expect(issuesOf(`[global]\nmaxconn = 100\n${web}maxconn = 500\n${backend}`)).toEqual(said("never reached"));
    expect(issuesOf(`${vrrp}preempt = false\npreempt_delay = "5s"\n`)).toEqual(said("no effect with preempt = false"));
    expect(issuesOf(`${vrrp}unicast = { peers = ["192.0.2.9"] }\n`)).toEqual(said("adverts would reach ourselves"));
  });

  test("an include that includes nothing", () => {
    expect(issuesOf(`include = ["none.d/*.toml"]\n${web}${backend}`, { listDirectory: () => null })).toEqual(
      said("include[0]: there is no directory"),
    );
  });

  test("a check script that is not there", () => {
    const script = `${vrrp}track = [{ script = "s" }]\n[vrrp_script.s]\ncommand = ["/no/such"]\n`;
    expect(issuesOf(script, { isProgram: () => false })).toEqual(said("/no/such is no program that can be run"));
  });
});

describe("check refuses", () => {
  test("users and groups that are not there, as run would find out later", () => {
    const accounts = { isRoot: true, users: ["root", "nobody"], groups: ["root", "nogroup"] };
    const script = `${vrrp}track = [{ script = "s" }]\n[vrrp_script.s]\ncommand = ["/bin/true"]\nuser = "nobdy"\n`;
    expect(issuesOf(script, accounts)).toContainEqual(
      '!vrrp_script.s.user: there is no user "nobdy" on this machine; did you mean "nobody"?',
    );
    expect(issuesOf(`[admin]\nadmin_group = "nogrup"\n${web}${backend}`, accounts)).toEqual(
      said('!admin.admin_group: there is no group "nogrup"'),
    );
  });

  test.each([
    ["[fe80::1]:80", "is a link-local address"],
    ["[::ffff:192.0.2.1]:80", "is an IPv4 address in IPv6's form"],
    ["[::1]", "has no port"],
    ["80", "has no port"],
  ])("the listener %s", (bind, message) => {
    expect(issuesOf(`${web.replace("*:80", bind)}${backend}`)).toEqual(
      said(`!frontend.web.bind: "${bind}" ${message}`),
    );
  });

  test("redirects that no client may get, and rules that do nothing", () => {
    const rule = (text: string): readonly unknown[] => issuesOf(`${web}rules = [{ ${text} }]\n${backend}`);
    expect(rule('redirect = { location = "/ü" }')).toEqual(said("!frontend.web.rules[0].redirect.location"));
    expect(rule('redirect = { prefix = "/%C3%BC" }')).toEqual([]);
    expect(rule("set_header = {}")).toEqual(said("!frontend.web.rules[0].set_header: names no header"));
    expect(rule("del_header = []")).toEqual(said("!frontend.web.rules[0].del_header: names no header"));
  });

  test("an admin socket whose path the kernel does not take", () => {
    for (const path of [`/${"a".repeat(107)}`, "/run/"]) {
      expect(issuesOf(`[admin]\nsocket = "${path}"\n${web}${backend}`)).toEqual(said("!admin.socket"));
    }
  });
});
