import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  applianceFile,
  applianceFiles,
  type ApplianceFiles,
  isAlive,
  signalPid,
  startAppliance,
  stopAppliances,
  supervisorPid,
} from "../support/appliance.ts";
import { ballastBinary } from "../support/binary.ts";
import { type NotifySocket, openNotifySocket } from "../support/notify-socket.ts";
import { accepts, freePort } from "../support/ports.ts";
import { type Finished, run } from "../support/process.ts";
import { TEST_LIMIT_MS, waitFor } from "../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const sockets: NotifySocket[] = [];
const listeners: { stop(): void }[] = [];

afterEach(async () => {
  await stopAppliances();
  for (const socket of sockets.splice(0)) socket.close();
  for (const listener of listeners.splice(0)) listener.stop();
});

/** A frontend without servers: nothing else is needed to start. */
function site(port: number): string {
  return `[defaults]
mode = "http"
retries = 0
[frontend.web]
bind = ["127.0.0.1:${port}"]
default_backend = "app"
[backend.app]
servers = ["127.0.0.1:1"]
`;
}

function start(files: ApplianceFiles, ...words: readonly string[]): Promise<Finished> {
  return run([ballastBinary(), "-c", files.config, "run", ...words]);
}

describe("run --daemon", () => {
  test("returns when the ports are open, and the daemon runs on", async () => {
    const port = freePort();
    const files = applianceFiles();
    applianceFile(files, site(port));
    const started = await start(files, "--daemon");
    expect(started).toMatchObject({ code: 0 });
    expect(await accepts(port)).toBe(true);
    const pid = supervisorPid(files);
    expect(started.stderr).toContain(String(pid));
    expect(isAlive(pid)).toBe(true);
    // A session of its own: the terminal that started it may go.
    expect(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[3]).toBe(String(pid));
    expect((await run([ballastBinary(), "-S", files.socket, "stop"])).code).toBe(0);
    // It has given everything back; what is left of it is its own end.
    await waitFor("its end", () => !isAlive(pid));
  });

  test("passes on why a start failed, with its exit code", async () => {
    const files = applianceFiles();
    applianceFile(files, site(freePort()).replace("servers", "serverz"));
    const broken = await start(files, "--daemon");
    expect(broken.code).toBe(78);
    expect(broken.stderr).toContain('unknown key "serverz"');
    const foreign = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    listeners.push(foreign);
    applianceFile(files, site(foreign.port));
    const occupied = await start(files, "--daemon");
    expect(occupied.code).toBe(74);
    expect(occupied.stderr).toContain(`127.0.0.1:${foreign.port}: bind: address already in use`);
    expect(existsSync(files.pidfile)).toBe(false);
    expect(existsSync(files.socket)).toBe(false);
  });
});

describe("run", () => {
  test("a second one on the same socket is refused and leaves the first alone", async () => {
    const appliance = await startAppliance(site(freePort()));
    const second = await start(appliance);
    expect(second.code).toBe(74);
    expect(second.stderr).toContain(`another Ballast answers on ${appliance.socket}`);
    expect(second.stderr).toContain(`ballast -S ${appliance.socket} stop`);
    expect((await appliance.snapshot()).processes.every(({ state }) => state === "running")).toBe(true);
  });

  test("a second one with the same pidfile is refused and leaves nothing behind", async () => {
    const appliance = await startAppliance(site(freePort()));
    const port = freePort();
    const files = { ...applianceFiles(), pidfile: appliance.pidfile };
    applianceFile(files, site(port));
    const second = await start(files);
    expect(second.code).toBe(74);
    expect(second.stderr).toContain(`${appliance.pidfile} belongs to process ${supervisorPid(appliance)}`);
    expect(existsSync(files.socket)).toBe(false);
    expect(await accepts(port)).toBe(false);
  });

  test("a pidfile and a Unix socket that a killed one left behind make way", async () => {
    const files = applianceFiles();
    const path = join(files.folder, "web.sock");
    const text = site(freePort()).replace('bind = ["', `bind = ["unix:${path}", "`);
    applianceFile(files, text);
    expect((await start(files, "--daemon")).code).toBe(0);
    signalPid(supervisorPid(files), "SIGKILL");
    await waitFor("its end", () => !isAlive(supervisorPid(files)));
    expect(existsSync(path)).toBe(true);
    await waitFor("the workers to let go", async () => (await start(files, "--daemon")).code === 0);
    const answer = await fetch("http://test/", { unix: path });
    expect(answer.status).toBe(503);
    expect((await run([ballastBinary(), "-S", files.socket, "stop", "--now"])).code).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  test("a configuration that a role refuses ends with 78 and its reasons on stderr", async () => {
    const files = applianceFiles();
    const certificate = join(files.folder, "bad.pem");
    writeFileSync(certificate, "-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n");
    const bind = `bind = [{ address = "127.0.0.1:${freePort()}", tls = { certificates = ["${certificate}"] } }]`;
    for (const log of ["", `log = [{ target = "file:${files.folder}/log" }]`]) {
      applianceFile(files, site(0).replace(/bind = .*/, bind), log);
      const refused = await start(files);
      expect(refused.code).toBe(78);
      expect(refused.stderr).toContain(certificate);
      expect(existsSync(files.socket)).toBe(false);
    }
  });

  test("SIGUSR1 tells what runs, SIGUSR2 that there is no upgrade yet; both leave it running", async () => {
    const appliance = await startAppliance(site(freePort()), { global: 'log = [{ target = "stderr" }]' });
    appliance.process.signal("SIGUSR1");
    await appliance.process.waitForOutput(/appliance\.dump .*worker\/0 pid \d+ running, 0 restarts/);
    await appliance.process.waitForOutput(/appliance\.dump .*app\/127\.0\.0\.1:1 unchecked ready weight 1/);
    appliance.process.signal("SIGUSR2");
    await appliance.process.waitForOutput(/appliance\.signal .*not supported yet/);
    expect((await appliance.snapshot()).processes.every(({ state }) => state === "running")).toBe(true);
  });

  test("log files belong to the roles' user, new ones after a reload too", async () => {
    const port = freePort();
    const log = (name: string, folder: string): string => `log = [{ target = "file:${folder}/${name}.log" }]`;
    const text = site(port).replace('mode = "http"', 'mode = "http"\noptions = ["httplog"]');
    const appliance = await startAppliance(text);
    for (const name of ["first", "second"]) {
      appliance.write(text, log(name, appliance.folder));
      expect((await appliance.cli(["reload"])).code).toBe(0);
      await fetch(`http://127.0.0.1:${port}/${name}`, { headers: { connection: "close" } });
      const file = join(appliance.folder, `${name}.log`);
      await waitFor(`an access line in ${file}`, () => readFileSync(file, "utf8").includes(`GET /${name} HTTP/1.1`));
    }
  });
});

describe("a log target that takes nothing", () => {
  test("is a problem in status, once for all processes, until there is none", async () => {
    const port = freePort();
    const text = site(port).replace('mode = "http"', 'mode = "http"\noptions = ["httplog"]');
    const appliance = await startAppliance(text, { global: 'workers = 2\nlog = [{ target = "file:/dev/full" }]' });
    const problems = async (): Promise<readonly string[]> =>
      (await appliance.snapshot()).problems.map((problem) => problem.text);
    await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
    const words = "log target file:/dev/full: no space left on device";
    await waitFor("the problem", async () => (await problems()).includes(words));
    expect(await problems()).toEqual([words]);
    expect((await appliance.cli(["status"])).stdout).toContain(words);
    const before = appliance.pidOf("admin");
    signalPid(before, "SIGKILL");
    await appliance.nextOf("admin", before);
    await waitFor("the next one to know what lasts", async () => (await problems()).includes(words));
    appliance.write(text, `workers = 2\nlog = [{ target = "file:${appliance.folder}/log" }]`);
    expect((await appliance.cli(["reload"])).code).toBe(0);
    await waitFor("its end", async () => (await problems()).length === 0);
  });
});

describe("sd_notify", () => {
  test("READY, RELOADING, READY, WATCHDOG and STOPPING arrive, from the supervisor alone", async () => {
    const files = applianceFiles();
    const manager = openNotifySocket(join(files.folder, "notify"));
    sockets.push(manager);
    const port = freePort();
    const appliance = await startAppliance(site(port), {
      env: { NOTIFY_SOCKET: join(files.folder, "notify"), WATCHDOG_USEC: "400000" },
    });
    const ready = await manager.waitFor(/^READY=1$/m);
    expect(manager.messages()[0]).toBe(ready);
    await manager.waitFor(/^WATCHDOG=1$/m);
    await appliance.cli(["reload"]);
    const reloading = await manager.waitFor(/^RELOADING=1$/m);
    expect(reloading).toMatch(/^MONOTONIC_USEC=\d+$/m);
    await waitFor("READY after it", () => {
      const seen = manager.messages();
      return seen.slice(seen.indexOf(reloading)).some((message) => message.startsWith("READY=1"));
    });
    for (const name of ["worker/0", "admin"]) {
      const environment = readFileSync(`/proc/${appliance.pidOf(name)}/environ`, "utf8");
      expect(environment).not.toContain("NOTIFY_SOCKET");
    }
    appliance.process.signal("SIGTERM");
    await manager.waitFor(/^STOPPING=1$/m);
    expect(await appliance.process.exited).toBe(0);
  });
});
