import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Snapshot } from "../../../src/admin/api.ts";
import { judge } from "../../../src/cli/status.ts";
import { fakeSnapshot } from "../../support/fake-snapshot.ts";
import { type FakeDaemon, startFakeDaemon } from "../../support/fake-daemon.ts";

const directory = mkdtempSync(join(tmpdir(), "ballast-cli-"));
const socket = join(directory, "admin.sock");
const main = join(import.meta.dir, "../../support/cli-main.ts");
let daemon: FakeDaemon;

beforeAll(async () => {
  daemon = await startFakeDaemon(socket);
});

beforeEach(() => {
  daemon.change(() => fakeSnapshot());
});

afterAll(async () => {
  await daemon.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One command as a process, against the fake daemon unless the words name another socket. */
async function ballast(...words: string[]): Promise<Outcome> {
  const argv = words.includes("-S") ? words : ["-S", socket, ...words];
  const child = Bun.spawn([process.execPath, main, ...argv], {
    stdout: "pipe",
    stderr: "pipe",
    stdin: "ignore",
    env: { ...process.env, TZ: "UTC" },
  });
  const [code, stdout, stderr] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
  return { code, stdout, stderr };
}

test("status shows every object and exits 1 on a problem, 0 without", async () => {
  const bad = await ballast("status");
  expect(bad.code).toBe(1);
  expect(bad.stdout).toContain("app3 DOWN");
  for (const word of ["web80", "static", "MASTER", "2/3 up"]) expect(bad.stdout).toContain(word);
  daemon.change((snapshot) => ({ ...snapshot, problems: [] }));
  const good = await ballast("status");
  expect(good.code).toBe(0);
  expect(good.stdout).toContain("no problems");
});

test("status --json is the snapshot itself", async () => {
  const { stdout } = await ballast("status", "--json");
  expect(JSON.parse(stdout)).toEqual(daemon.snapshot());
});

test("output in a pipe has no escape sequences and cells without blanks in numbers", async () => {
  const { stdout } = await ballast("ls", "servers");
  expect(stdout).not.toContain("\u001b");
  const row = stdout.split("\n").find((line) => line.startsWith("app/app1 "));
  expect(row?.split(/ {2,}/)).toEqual([
    "app/app1",
    "10.0.0.11:8080",
    "UP",
    "100",
    "561",
    "0",
    "561000",
    "L7OK HTTP 200 in 3ms",
    "12d",
  ]);
});

test("ls --json of servers names the backend of each", async () => {
  const { stdout } = await ballast("ls", "servers", "--json");
  const servers = JSON.parse(stdout) as { backend: string; name: string }[];
  expect(servers).toHaveLength(9);
  expect(servers[0]).toMatchObject({ backend: "app", name: "app1" });
});

test("ls of an unknown kind is a usage error with the nearest one", async () => {
  const { code, stderr, stdout } = await ballast("ls", "server");
  expect(code).toBe(64);
  expect(stdout).toBe("");
  expect(stderr).toContain('did you mean "servers"');
});

test("every client command without a daemon exits 69 and names the socket and the next command", async () => {
  const missing = join(directory, "missing.sock");
  for (const words of [
    ["status"],
    ["ls", "servers"],
    ["events"],
    ["server", "drain", "a/b"],
    ["vrrp", "status"],
    ["show", "config"],
    ["tui", "--once"],
  ]) {
    const { code, stderr } = await ballast("-S", missing, ...words);
    expect({ words, code }).toEqual({ words, code: 69 });
    expect(stderr).toContain(missing);
    expect(stderr).toContain("ballast run");
  }
});

test("server drain carries the reason and prints the daemon's words", async () => {
  const { code, stdout } = await ballast("server", "drain", "app/app2", "--reason", "kernel update");
  expect(code).toBe(0);
  expect(stdout).toBe("app/app2 set to drain\n");
  expect(daemon.requests.at(-1)).toEqual({
    op: "server",
    backend: "app",
    server: "app2",
    state: "drain",
    reason: "kernel update",
  });
});

test("server of a wrong name exits 1 with the nearest name", async () => {
  const { code, stderr } = await ballast("server", "maint", "ap/app2");
  expect(code).toBe(1);
  expect(stderr).toContain('did you mean "app/app2"');
});

test("server drain --wait-idle gives up with 75 and leaves the order standing", async () => {
  const { code, stderr } = await ballast("server", "drain", "app/app2", "--wait-idle", "1ms");
  expect(code).toBe(75);
  expect(stderr).toContain("541 sessions");
});

test("orders of a reader exit 77", async () => {
  daemon.change((snapshot) => ({ ...snapshot, mayWrite: false }));
  expect((await ballast("server", "drain", "app/app2")).code).toBe(77);
  expect((await ballast("vrrp", "failover", "main")).code).toBe(77);
});

test("vrrp status tells why", async () => {
  const { code, stdout } = await ballast("vrrp", "status", "db");
  expect(code).toBe(0);
  expect(stdout).toContain("db is BACKUP: priority 100 against 150 of 10.0.0.3");
  expect(stdout).not.toContain("main");
});

test("vrrp failover and an unknown instance", async () => {
  expect((await ballast("vrrp", "failover", "main")).code).toBe(0);
  const wrong = await ballast("vrrp", "maint", "mian");
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain('did you mean "main"');
});

test("vrrp failover is refused where nothing is to be handed over, with who is master", async () => {
  const before = daemon.requests.length;
  const refused = await ballast("vrrp", "failover", "db");
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("nothing to hand over here: db is BACKUP, 10.0.0.3 is master");
  expect(daemon.requests).toHaveLength(before);
});

test.each(["status", "events", "stop", "reload", "run", "up", "tui", "demo", "version"])(
  "%s refuses a word that it does not take, exit 64",
  async (command) => {
    const before = daemon.requests.length;
    const { code, stdout, stderr } = await ballast(command, "ballast.toml");
    expect(code).toBe(64);
    expect(stdout).toBe("");
    expect(stderr).toContain(`${command} takes no words, found "ballast.toml"`);
    expect(daemon.requests).toHaveLength(before);
  },
);

test("errors about an object name the command that lists what there is", async () => {
  expect((await ballast("show", "zzzzzz")).stderr).toContain("ballast ls servers");
  expect((await ballast("server", "drain", "zzz/zzzz")).stderr).toContain("ballast ls servers");
  expect((await ballast("vrrp", "status", "zzzzzz")).stderr).toContain("ballast ls vrrp");
});

test("server --wait-idle goes with drain and maint only", async () => {
  const before = daemon.requests.length;
  const { code, stderr } = await ballast("server", "ready", "app/app1", "--wait-idle", "1s");
  expect(code).toBe(64);
  expect(stderr).toContain('--wait-idle goes with drain and maint, found "ready"');
  expect(daemon.requests).toHaveLength(before);
});

test("orders with --json answer one line for each server", async () => {
  const { stdout } = await ballast("server", "drain", "app/app1", "app/app2", "--json");
  const replies = stdout.trimEnd().split("\n");
  expect(replies.map((line) => (JSON.parse(line) as { ok: boolean }).ok)).toEqual([true, true]);
});

test("events prints one line each and --json one object a line", async () => {
  const { stdout } = await ballast("events");
  expect(stdout).toContain("2026-11-20 21:34:46");
  const json = await ballast("events", "--json");
  const kinds = json.stdout
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { kind: string }).kind);
  expect(kinds.slice(0, 3)).toEqual(["vrrp.state", "config.reload", "server.state"]);
});

test("events --since refuses what is no duration", async () => {
  expect((await ballast("events", "--since", "soon")).code).toBe(64);
});

test("events -f prints what happens until it is interrupted, exit 0", async () => {
  const child = Bun.spawn([process.execPath, main, "-S", socket, "events", "-f"], { stdout: "pipe", stderr: "pipe" });
  try {
    const decoder = new TextDecoder();
    let seen = "";
    let said = false;
    for await (const chunk of child.stdout) {
      seen += decoder.decode(chunk);
      // The backlog is out; once the stream is open too, the next event must come through it.
      if (!said && seen.includes("server.state")) {
        said = true;
        daemon.emit({
          level: "info",
          source: "test",
          kind: "test.followed",
          object: "",
          text: "seen live",
          fields: {},
        });
      }
      if (seen.includes("seen live")) break;
    }
    child.kill("SIGINT");
    expect(await child.exited).toBe(0);
  } finally {
    child.kill("SIGKILL");
  }
});

test("show config prints the daemon's text, show OBJECT one object", async () => {
  expect((await ballast("show", "config")).stdout).toContain('node = "lb1"');
  const server = await ballast("show", "app/app3", "--json");
  expect(JSON.parse(server.stdout)).toMatchObject([{ kind: "server", name: "app3", health: "down" }]);
  expect((await ballast("show", "ap/app3")).stderr).toContain('did you mean "app/app3"');
});

test("status --nagios speaks one line with performance data", async () => {
  const { code, stdout } = await ballast("status", "--nagios");
  expect(code).toBe(1);
  expect(stdout.trim().split("\n")).toHaveLength(1);
  expect(stdout).toContain("| connections=1214;;20000;0;20000");
  expect((await ballast("-S", join(directory, "missing.sock"), "status", "--nagios")).code).toBe(2);
});

test("judge is critical when a backend serves nobody or an instance is in fault", () => {
  const base: Snapshot = { ...fakeSnapshot(), problems: [] };
  expect(judge(base).level).toBe("ok");
  const [app, ...rest] = base.backends;
  const dead = { ...app, servers: app.servers.map((server) => ({ ...server, health: "down" as const })) };
  expect(judge({ ...base, backends: [dead, ...rest] })).toMatchObject({ level: "critical" });
  const [main0, ...others] = base.vrrp;
  expect(judge({ ...base, vrrp: [{ ...main0, state: "fault" }, ...others] }).text).toContain("main FAULT");
});

test("tui without a terminal prints the status instead, tui --once a frame", async () => {
  const instead = await ballast("tui");
  expect(instead.stdout).toContain("FRONTEND");
  expect(instead.stderr).toContain("ballast status");
  const once = await ballast("tui", "--once", "--view", "backends", "--refresh", "100ms");
  expect(once.code).toBe(0);
  expect(once.stdout).toContain("Backends (3) and servers (9)");
  expect(once.stdout).not.toContain("\u001b");
});

test("control characters in names do not reach the terminal", async () => {
  daemon.change((snapshot) => {
    const [app, ...rest] = snapshot.backends;
    const servers = app.servers.map((server) => ({ ...server, checkInfo: "\u001b]0;owned\u0007" }));
    return { ...snapshot, backends: [{ ...app, servers }, ...rest], user: "\u001b[31m" };
  });
  for (const words of [["status"], ["ls", "servers"], ["show", "app/app1"]]) {
    const { stdout } = await ballast(...words);
    expect(stdout).not.toContain("\u001b");
    expect(stdout).not.toContain("\u0007");
  }
});
