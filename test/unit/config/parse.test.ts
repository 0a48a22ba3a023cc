import { describe, expect, test } from "bun:test";
import { parseConfig } from "../../../src/config/parse.ts";
import { loadConfig } from "../../../src/config/shell/environment.ts";
import type { ConfigEnvironment } from "../../../src/config/environment.ts";
import type { ConfigIssue } from "../../../src/config/issue.ts";
import type { Config } from "../../../src/config/types.ts";
import { testEnvironment } from "./test-environment.ts";

function configOf(
  text: string,
  change: Partial<ConfigEnvironment> = {},
  files: Readonly<Record<string, string>> = {},
): Config {
  const { config, issues } = parseConfig(text, testEnvironment(change, files));
  if (config === null) throw new Error(issues.map((issue) => `${issue.path}: ${issue.message}`).join("\n"));
  return config;
}

function errorsOf(text: string, files: Readonly<Record<string, string>> = {}): readonly ConfigIssue[] {
  return parseConfig(text, testEnvironment({}, files)).issues.filter((issue) => issue.severity === "error");
}

const proxy = `
[frontend.web]
bind = "*:80"
default_backend = "app"
[backend.app]
servers = ["192.0.2.1:80"]
`;

describe("parseConfig", () => {
  test("parseConfig of an empty file is the defaults of this machine", () => {
    const config = configOf("");
    expect(config.global).toMatchObject({
      node: "testhost",
      user: "nobody",
      workers: 2,
      maxconn: 9872,
      hardStopAfterMs: 30_000,
      log: [],
    });
    expect(config.admin).toEqual({ socket: "/run/ballast/ballast.sock", adminGroup: null });
    expect([config.frontends, config.backends, config.vrrp]).toEqual([[], [], []]);
  });

  test("parseConfig warns of a file that serves nobody", () => {
    for (const text of ["", "# web = 1\n", '[global]\nnode = "a"', '[backend.app]\nservers = ["192.0.2.1:80"]']) {
      const { issues } = parseConfig(text, testEnvironment());
      expect(issues[0]).toMatchObject({ severity: "warning", message: expect.stringContaining("nothing to do") });
    }
    expect(parseConfig(proxy, testEnvironment()).issues).toEqual([]);
  });

  test("parseConfig names the keys of a table where something else is written", () => {
    const { issues } = parseConfig(`${proxy}[[frontend.web.rules]]\ndeny = 403\n`, testEnvironment());
    expect(issues[0]).toMatchObject({ found: "403", wanted: "a table { status = … }" });
  });

  test("loadConfig reads no more than sixteen megabytes of what never ends", () => {
    expect(loadConfig("/dev/zero")).toMatchObject({
      text: null,
      issues: [{ message: expect.stringContaining("larger than 16777216 bytes") }],
    });
  });

  test("parseConfig takes accounts and the socket from its surroundings", () => {
    const config = configOf("", { users: ["root", "ballast"], groups: ["ballast"], adminSocket: "/run/user/1/b.sock" });
    expect([config.global.user, config.global.group, config.admin.socket]).toEqual([
      "ballast",
      "ballast",
      "/run/user/1/b.sock",
    ]);
    expect(configOf("", { users: ["nobody"], groups: ["nogroup"] }).global.group).toBe("nogroup");
  });

  test("parseConfig refuses an absent account only where it will be used", () => {
    const text = '[global]\nuser = "haproxy"';
    expect(parseConfig(text, testEnvironment({ users: ["nobody"], isRoot: false })).config).not.toBeNull();
    expect(parseConfig(text, testEnvironment({ users: ["nobody"], isRoot: true })).issues[0].message).toContain(
      'no user "haproxy"',
    );
  });

  test("parseConfig answers a frozen configuration", () => {
    const config = configOf(proxy);
    expect(Object.isFrozen(config.frontends[0].binds[0].address)).toBe(true);
  });

  test("parseConfig derives timeouts as HAProxy does", () => {
    const { frontends, backends } = configOf(
      `[defaults]\ntimeouts = { client = "7s", connect = "3s", http_request = "4s" }\n${proxy}`,
    );
    expect(frontends[0].timeouts).toEqual({
      clientMs: 7000,
      httpRequestMs: 4000,
      httpKeepAliveMs: 4000,
      clientFinMs: 7000,
      tunnelMs: 7000,
      tlsHandshakeMs: 4000,
    });
    expect(backends[0].timeouts).toEqual({
      connectMs: 3000,
      serverMs: 50_000,
      queueMs: 3000,
      tunnelMs: 50_000,
      checkMs: null,
    });
  });

  test("parseConfig adds a section's options to those of defaults and takes away with no", () => {
    const text = `[defaults]\nmode = "http"\noptions = ["forwardfor", "dontlognull"]\n[frontend.web]\nbind = "*:80"\noptions = ["no forwardfor", "http_close"]\n[backend.app]\n`;
    expect(configOf(text).frontends[0].options).toEqual({
      forwardfor: false,
      dontlognull: true,
      httpClose: true,
      log: "httplog",
    });
    expect(configOf(text).backends[0].abortonclose).toBe(true);
  });

  test.each([
    ["http", [], [], "httplog"],
    ["tcp", [], [], "tcplog"],
    ["http", ["tcplog"], [], "tcplog"],
    ["http", ["tcplog"], ["httplog"], "httplog"],
    ["http", ["httplog"], ["tcplog"], "tcplog"],
    ["http", [], ["tcplog", "no httplog"], "tcplog"],
    ["http", ["httplog"], ["no httplog", "tcplog"], "tcplog"],
    ["http", [], ["httplog", "no tcplog"], "httplog"],
    ["http", ["httplog"], ["tcplog", "no tcplog"], "httplog"],
    ["http", ["tcplog"], ["no tcplog"], "httplog"],
    ["http", [], ["no httplog"], null],
    ["http", ["httplog", "tcplog"], ["no httplog", "no tcplog"], null],
    ["tcp", ["httplog"], [], "tcplog"],
    ["tcp", ["httplog"], ["tcplog", "no httplog"], "tcplog"],
    ["tcp", ["httplog"], ["no tcplog"], null],
  ])("parseConfig in mode %s with %j in defaults and %j of its own logs as %s", (mode, inherited, own, log) => {
    const options = JSON.stringify(inherited);
    const text = `[defaults]\nmode = "${mode}"\noptions = ${options}\n[frontend.web]\nbind = "*:80"\noptions = ${JSON.stringify(own)}\ndefault_backend = "app"\n[backend.app]\n`;
    expect<string | null>(configOf(text).frontends[0].options.log).toBe(log);
  });

  test("parseConfig merges checks from defaults over backend to server", () => {
    const text = `
[defaults]
check = { http = "HEAD /all", host = "all", interval = "9s" }
timeouts = { check = "700ms" }
[backend.app]
check = { http = "/own", rise = 5 }
servers = ["192.0.2.1:80", { address = "192.0.2.2:80", check = { tcp = true, fall = 9 } }, { address = "192.0.2.3:80", check = false }]
[backend.none]
check = false
servers = ["192.0.2.1:80", { address = "192.0.2.2:80", check = true }]
`;
    const [app, none] = configOf(text).backends;
    expect(app.servers[0].check).toMatchObject({
      probe: { kind: "http", method: "GET", target: "/own", host: "all", expect: [[200, 399]] },
      intervalMs: 9000,
      fastIntervalMs: 9000,
      timeoutMs: 700,
      rise: 5,
      fall: 3,
    });
    expect(app.servers[1].check).toMatchObject({ probe: { kind: "tcp" }, rise: 5, fall: 9 });
    expect(app.servers[2].check).toBeNull();
    expect(none.servers[0].check).toBeNull();
    expect(none.servers[1].check).toMatchObject({ probe: { kind: "tcp" }, intervalMs: 2000 });
  });

  test("parseConfig binds every address of an instance for vip:NAME, with freebind", () => {
    const text = `
[frontend.web]
bind = ["vip:v:80", "10.0.0.1:81", "10.0.0.9:82"]
[vrrp.v]
interface = "eth0"
virtual_router_id = 1
addresses = ["10.0.0.1/24", "10.0.0.2"]
excluded_addresses = ["10.0.0.3"]
`;
    const binds = configOf(text).frontends[0].binds.map((bind) => [bind.key, bind.freebind, bind.path]);
    expect(binds).toEqual([
      ["10.0.0.1:80", true, "frontend.web.bind[0]"],
      ["10.0.0.2:80", true, "frontend.web.bind[0]"],
      ["10.0.0.3:80", true, "frontend.web.bind[0]"],
      ["10.0.0.1:81", true, "frontend.web.bind[1]"],
      ["10.0.0.9:82", false, "frontend.web.bind[2]"],
    ]);
  });

  test("parseConfig splits a listen into a frontend and a backend of its name", () => {
    const config = configOf(
      '[listen.db]\nmode = "tcp"\nbind = "*:3306"\nservers = ["192.0.2.1:3306"]\nrules = [{ when = "nbsrv lt 1", deny = true }]',
    );
    expect(config.frontends[0]).toMatchObject({ name: "db", defaultBackend: "db", mode: "tcp" });
    expect(config.backends[0]).toMatchObject({ name: "db", mode: "tcp", rules: [] });
    expect(config.frontends[0].rules[0].when).toMatchObject({ fetch: "nbsrv", args: ["db"] });
  });

  test("parseConfig names a server without a name by its address", () => {
    const text = '[backend.app]\nservers = ["[2001:DB8::1]:80", "unix:/run/a.sock"]';
    expect(configOf(text).backends[0].servers.map((server) => server.name)).toEqual([
      "[2001:db8::1]:80",
      "unix:/run/a.sock",
    ]);
  });

  test("parseConfig does not turn a broken when into always", () => {
    const text = `${proxy}[[frontend.web.rules]]\nwhen = 5\ndeny = true\n`;
    expect(errorsOf(text).map((issue) => issue.path)).toEqual(["frontend.web.rules[0].when"]);
  });

  test("parseConfig reports at most a hundred problems", () => {
    const errors = errorsOf(Array.from({ length: 500 }, (_, i) => `k${i} = 1`).join("\n"));
    expect(errors.length).toBe(100);
    expect(errors[99].message).toContain("only the first 100");
  });

  test("parseConfig refuses keys that would reach into JavaScript", () => {
    for (const text of ["[backend.__proto__]", "[frontend.constructor]", "global.__proto__.x = 1"]) {
      expect(parseConfig(text, testEnvironment()).config).toBeNull();
    }
  });

  test("parseConfig refuses more objects than the counters hold", () => {
    const servers = Array.from({ length: 4200 }, (_, i) => `"10.0.${i >> 8}.${i & 255}:80"`).join(",");
    expect(errorsOf(`[backend.app]\nservers = [${servers}]`)[0].message).toContain("at most 4096");
  });

  test("parseConfig refuses a group's member with a weight of its own that nobody wrote", () => {
    const text = (track: string): string => `[vrrp_group.g]
members = ["a"]
[vrrp_script.s]
command = ["/bin/true"]
weight = 5
[vrrp.a]
interface = "eth0"
virtual_router_id = 1
addresses = ["192.0.2.10/24"]
track = [${track}]`;
    for (const track of ['{ file = "/run/prio" }', '{ script = "s" }']) {
      expect(errorsOf(text(track))[0].message).toBe('"a" is in a group: a weight of its own would split it');
    }
    expect(configOf(text('{ file = "/run/prio", weight = 0 }, { script = "s", weight = 0 }')).vrrp).toHaveLength(1);
  });

  test("parseConfig refuses more servers in a backend than a balancer walks", () => {
    const servers = Array.from({ length: 257 }, (_, i) => `"10.0.${i >> 8}.${i & 255}:80"`).join(",");
    expect(errorsOf(`[backend.app]\nservers = [${servers}]`)[0].message).toContain("257 servers; at most 256");
  });

  test("parseConfig takes three thousand servers in well under a second", () => {
    const server = (i: number): string =>
      `{ name = "s${i}", address = "10.0.${i >> 8}.${i & 255}:80", weight = 5, check = { interval = "1s" } }`;
    const backend = (n: number): string =>
      `[backend.app${n}]\nservers = [\n${Array.from({ length: 250 }, (_, i) => server(n * 250 + i)).join(",\n")}\n]`;
    const text = Array.from({ length: 12 }, (_, n) => backend(n)).join("\n");
    const start = performance.now();
    expect(configOf(text).backends.flatMap(({ servers }) => servers).length).toBe(3000);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe("secrets", () => {
  const instance = (password: string): string =>
    `[vrrp.v]\ninterface = "eth0"\nvirtual_router_id = 1\naddresses = ["10.0.0.1/24"]\nauth = { password = ${password} }`;

  test("parseConfig reads a secret from the text, the environment or a file", () => {
    expect(configOf(instance('"s3cret!"')).vrrp[0].authPassword).toBe("s3cret!");
    expect(configOf(instance('{ env = "VRRP_PASSWORD" }')).vrrp[0].authPassword).toBe("f00tba11");
    expect(configOf(instance('{ file = "/etc/key" }'), {}, { "/etc/key": "k3y\n" }).vrrp[0].authPassword).toBe("k3y");
  });

  test("parseConfig takes the kind of a virtual router's authentication, and warns where it overrules the state", () => {
    const sealed = instance('"s3cret!", type = "ah"');
    expect(configOf(instance('"s3cret!"')).vrrp[0].authType).toBeUndefined();
    expect(configOf(sealed).vrrp[0].authType).toBe("ah");
    const { issues } = parseConfig(sealed.replace("\nauth", '\nstate = "master"\nauth'), testEnvironment({}, {}));
    expect(issues.filter(({ path }) => path === "vrrp.v.state").map(({ message }) => message)).toEqual([
      'has no effect with auth.type = "ah": this node listens first',
    ]);
  });

  test("parseConfig names the secret's source when it is not there", () => {
    expect(errorsOf(instance('{ env = "NOPE" }'))[0].message).toContain("NOPE is not set");
    expect(errorsOf(instance('{ file = "/etc/key" }'))[0].message).toContain("/etc/key: no such file");
    expect(errorsOf(instance('{ file = "/etc/key" }'), { "/etc/key": "\n" })[0].message).toContain("it is empty");
  });

  test("no issue shows a secret, whatever is wrong with it or near it", () => {
    for (const password of [
      "12345678",
      '"geheim\\tx"',
      '["geheim"]',
      '{ file = "geheim" }',
      '"geheim", typ = 1',
      '"geheim',
    ]) {
      const shown = JSON.stringify(errorsOf(instance(password)));
      expect([password, shown.includes("geheim"), shown.includes("12345678")]).toEqual([password, false, false]);
    }
  });

  test("parseConfig answers the text with secrets masked and comments kept", () => {
    const { masked } = parseConfig(`# mine\n${instance('"s3cret!"')}\n`, testEnvironment());
    expect(masked).toStartWith("# mine\n[vrrp.v]\n");
    expect(masked).toContain('auth = { password = "********" }');
    expect(masked).not.toContain("s3cret");
  });
});

describe("include", () => {
  const files = {
    "/etc/ballast/conf.d/b.toml": '[backend.app]\nservers = ["192.0.2.1:80"]',
    "/etc/ballast/conf.d/a.toml": '[frontend.web]\nbind = "*:80"\ndefault_backend = "app"',
    "/etc/ballast/conf.d/.swp.toml": "broken",
    "/etc/ballast/conf.d/notes.txt": "broken",
    "/etc/ballast/extra.toml": '[backend.extra]\nservers = ["192.0.2.2:80"]',
  };
  const change = { path: "/etc/ballast/ballast.toml" };

  test("parseConfig reads included files by pattern and by name", () => {
    const config = configOf('include = ["conf.d/*.toml", "extra.toml"]', change, files);
    expect(config.frontends.map((each) => each.name)).toEqual(["web"]);
    expect(config.backends.map((each) => each.name)).toEqual(["app", "extra"]);
  });

  test("parseConfig takes a pattern that nothing matches, but not a name without a file", () => {
    expect(configOf('include = ["none.d/*.toml"]', change, files).frontends).toEqual([]);
    const { issues } = parseConfig('include = ["gone.toml"]', testEnvironment(change, files));
    expect(issues[0]).toMatchObject({ file: "/etc/ballast/gone.toml", message: "cannot be read: no such file" });
  });

  test("parseConfig places a problem in the file that holds it", () => {
    const broken = { ...files, "/etc/ballast/extra.toml": '[backend.extra]\nservers = [\n  "192.0.2.2:99999"\n]' };
    const { issues } = parseConfig('include = ["conf.d/*.toml", "extra.toml"]', testEnvironment(change, broken));
    expect(issues[0]).toMatchObject({ file: "/etc/ballast/extra.toml", line: 3, column: 3 });
  });

  test("parseConfig refuses a key that two files set, and includes in includes", () => {
    const text = 'include = ["extra.toml"]\n[backend.extra]\nservers = ["192.0.2.3:80"]';
    expect(parseConfig(text, testEnvironment(change, files)).issues[0].message).toContain(
      "is set again in /etc/ballast/extra.toml",
    );
    const nested = { "/etc/ballast/extra.toml": 'include = ["more.toml"]' };
    expect(parseConfig('include = ["extra.toml"]', testEnvironment(change, nested)).issues[0].message).toContain(
      "cannot include others",
    );
  });
});
