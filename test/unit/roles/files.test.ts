import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BindConfig, SocketAddress } from "../../../src/config/types-proxy.ts";
import type { Config } from "../../../src/config/types.ts";
import { Listeners } from "../../../src/roles/listeners.ts";
import { claimPidfile, releasePidfile } from "../../../src/roles/pidfile.ts";
import { isSocketInUse } from "../../../src/roles/stale-socket.ts";
import { close, openListener } from "../../../src/sys/socket.ts";
import { accepts, freePorts } from "../../support/ports.ts";
import { startProcess, stopAllProcesses } from "../../support/process.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ballast-roles-"));
});

afterEach(async () => {
  await stopAllProcesses();
  rmSync(folder, { recursive: true, force: true });
});

describe("pidfile", () => {
  test("claimPidfile writes the own pid and releasePidfile takes it away", () => {
    const path = join(folder, "pid");
    expect(claimPidfile(path)).toBe(null);
    expect(readFileSync(path, "utf8")).toBe(`${process.pid}\n`);
    releasePidfile(path);
    expect(existsSync(path)).toBe(false);
  });

  test("claimPidfile takes over a file of a process that is gone, of another program, or without a pid", () => {
    const path = join(folder, "pid");
    const other = startProcess(["sleep", "60"]);
    for (const text of ["4194304\n", "1\n", `${other.pid}\n`, "rubbish", ""]) {
      writeFileSync(path, text);
      expect(claimPidfile(path)).toBe(null);
    }
  });

  test("claimPidfile refuses while another process of this program runs", async () => {
    const path = join(folder, "pid");
    const other = startProcess([process.execPath, "-e", "setInterval(() => undefined, 1000)"]);
    writeFileSync(path, `${other.pid}\n`);
    expect(claimPidfile(path)).toBe(
      `global.pidfile: ${path} belongs to process ${other.pid}, which runs; stop it first`,
    );
    await other.stop("SIGKILL");
    expect(claimPidfile(path)).toBe(null);
  });

  test("claimPidfile says why it cannot write", () => {
    expect(claimPidfile(join(folder, "none", "pid"))).toContain(`cannot write ${folder}/none/pid`);
  });

  test("releasePidfile leaves somebody else's alone", () => {
    const path = join(folder, "pid");
    writeFileSync(path, "4194304\n");
    releasePidfile(path);
    expect(existsSync(path)).toBe(true);
  });
});

describe("isSocketInUse", () => {
  test("is false for a path without a file, and for a file that is no socket, which stays", () => {
    const path = join(folder, "file");
    expect(isSocketInUse(path)).toBe(false);
    writeFileSync(path, "precious");
    expect(isSocketInUse(path)).toBe(false);
    expect(readFileSync(path, "utf8")).toBe("precious");
  });

  test("is true while somebody listens; what a dead one left is removed", () => {
    const path = join(folder, "sock");
    const fd = openListener({ kind: "unix", path }, { freebind: false, subject: "test" });
    expect(isSocketInUse(path)).toBe(true);
    expect(existsSync(path)).toBe(true);
    close(fd);
    expect(isSocketInUse(path)).toBe(false);
    expect(existsSync(path)).toBe(false);
  });
});

function bindOf(address: SocketAddress, index: number): BindConfig {
  const key = address.kind === "unix" ? `unix:${address.path}` : `${address.host}:${address.port}`;
  return { key, address, freebind: false, tls: null, path: `frontend.web.bind[${index}]` };
}

function configOf(...addresses: readonly SocketAddress[]): Config {
  return { frontends: [{ binds: addresses.map(bindOf) }] } as unknown as Config;
}

const inet = (port: number, host = "127.0.0.1"): SocketAddress => ({ kind: "inet", family: 4, host, port });

describe("Listeners", () => {
  const listeners = new Listeners();

  afterEach(() => listeners.closeAll());

  test("prepare opens what is new and keeps what is open; keepOnly closes the rest", async () => {
    const [a = 0, b = 0] = freePorts(2);
    expect(listeners.prepare(configOf(inet(a))).reasons).toEqual([]);
    const [first] = listeners.descriptors([`127.0.0.1:${a}`]);
    expect(listeners.prepare(configOf(inet(a), inet(b))).reasons).toEqual([]);
    expect(listeners.descriptors([`127.0.0.1:${a}`])).toEqual([first]);
    listeners.keepOnly(configOf(inet(b)));
    expect(await accepts(a)).toBe(false);
    expect(await accepts(b)).toBe(true);
  });

  test("prepare opens all or nothing and says where, what and what to do", async () => {
    const [a = 0] = freePorts(1);
    const foreign = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    try {
      const config = configOf(inet(a), inet(foreign.port), inet(a, "203.0.113.77"));
      const { reasons, isForbidden } = listeners.prepare(config);
      expect(reasons).toHaveLength(2);
      expect(reasons[0]).toMatch(/^frontend\.web\.bind\[1\]: .*address already in use; find who holds it: ss -ltnp/);
      expect(reasons[1]).toMatch(/^frontend\.web\.bind\[2\]: .*address not available.*vip:INSTANCE:PORT/);
      expect(isForbidden).toBe(false);
      expect(await accepts(a)).toBe(false);
    } finally {
      foreign.stop();
    }
  });

  test("prepare refuses more listeners than a message can carry", () => {
    const config = configOf(...Array.from({ length: 254 }, (_, i) => inet(20_000 + i)));
    expect(listeners.prepare(config).reasons).toEqual(["254 binds; workers take at most 253 listening sockets"]);
  });

  test("a Unix socket's file goes with its listener, and a dead one makes way", () => {
    const path = join(folder, "web.sock");
    close(openListener({ kind: "unix", path }, { freebind: false, subject: "a dead one" }));
    expect(listeners.prepare(configOf({ kind: "unix", path })).reasons).toEqual([]);
    listeners.keepOnly(configOf());
    expect(existsSync(path)).toBe(false);
  });

  test("a Unix socket that is in use is refused and stays", () => {
    const path = join(folder, "web.sock");
    const fd = openListener({ kind: "unix", path }, { freebind: false, subject: "somebody else" });
    expect(listeners.prepare(configOf({ kind: "unix", path })).reasons[0]).toContain("address already in use");
    expect(existsSync(path)).toBe(true);
    close(fd);
  });
});
