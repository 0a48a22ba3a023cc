import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { type Appliance, signalPid, startAppliance, stopAppliances } from "../support/appliance.ts";
import { startLoad } from "../support/load.ts";
import { accepts, freePort, freePorts } from "../support/ports.ts";
import { connectRaw } from "../support/raw-client.ts";
import { startToy, type Toy } from "../support/toy.ts";
import { TEST_LIMIT_MS, waitFor } from "../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const toys: Toy[] = [];
const listeners: { stop(): void }[] = [];

afterEach(async () => {
  await stopAppliances();
  for (const each of [...toys.splice(0), ...listeners.splice(0)]) each.stop();
});

function toy(name: string): Toy {
  const started = startToy(name);
  toys.push(started);
  return started;
}

interface Site {
  readonly binds: readonly number[];
  readonly servers: readonly string[];
  readonly rules?: string;
}

function site({ binds, servers, rules = "" }: Site): string {
  return `[defaults]
mode = "http"
options = ["redispatch"]
timeouts = { client = "20s", server = "20s", http_keep_alive = "20s" }
[frontend.web]
bind = [${binds.map((port) => `"127.0.0.1:${port}"`).join(", ")}]
default_backend = "app"
${rules}
[backend.app]
check = { http = "GET /health", expect = "200", interval = "500ms" }
servers = [${servers.join(", ")}]
`;
}

function server(each: Toy, name: string, weight = 1): string {
  return `{ name = "${name}", address = "${each.address}", weight = ${weight} }`;
}

async function generation(appliance: Appliance): Promise<number> {
  return (await appliance.snapshot()).config.generation;
}

async function bodyOf(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } })).text();
}

describe("reload under load", () => {
  test("ten in a row that change things lose no request of 2,000 a second", async () => {
    const [port, extraPort] = freePorts(2);
    const [one, two, three] = [toy("one"), toy("two"), toy("three")];
    const plain = [server(one, "one"), server(two, "two")];
    const deny = '[[frontend.web.rules]]\nwhen = "path_beg /private"\ndeny = { status = 403 }';
    const steps: readonly Site[] = [
      { binds: [port], servers: [server(one, "one", 5), server(two, "two")] },
      { binds: [port], servers: [...plain, server(three, "three")] },
      { binds: [port, extraPort], servers: [...plain, server(three, "three")] },
      { binds: [port, extraPort], servers: plain, rules: deny },
      { binds: [port], servers: plain, rules: deny },
      { binds: [port], servers: [server(two, "two")] },
      { binds: [port], servers: [server(two, "two"), server(three, "three")] },
      { binds: [port, extraPort], servers: [server(three, "renamed"), server(two, "two", 10)] },
      { binds: [port], servers: plain },
      { binds: [port], servers: [server(one, "one", 0), server(two, "two")] },
    ];
    const appliance = await startAppliance(site({ binds: [port], servers: plain }), { global: "workers = 2" });
    const load = startLoad({ port, perSecond: 2000, connections: 30, freshShare: 0.1 });
    await waitFor("load", () => load.answered() > 300);
    for (const [i, step] of steps.entries()) {
      appliance.write(site(step));
      if (i % 2 === 0) {
        const reloaded = await appliance.cli(["reload"]);
        expect(reloaded).toMatchObject({ code: 0, stdout: expect.stringContaining(`generation ${i + 2}`) });
      } else {
        appliance.process.signal("SIGHUP");
      }
      await waitFor("the generation", async () => (await generation(appliance)) === i + 2);
      const before = load.answered();
      await waitFor("load to go on", () => load.answered() > before + 300);
      expect(await accepts(extraPort)).toBe(step.binds.includes(extraPort));
    }
    const { failures, requests, seconds } = await load.stop();
    expect(failures).toEqual([]);
    // Below 2,000 a second when the machine has other work; the requests of ten reloads are there all the same.
    expect(requests).toBeGreaterThan(3000);
    expect(requests / seconds).toBeGreaterThan(150);
    // Drained by the last step: new requests go elsewhere.
    expect(await bodyOf(port)).toContain("hello from two");
  });

  test("worker processes may become more and fewer", async () => {
    const port = freePort();
    const text = site({ binds: [port], servers: [server(toy("one"), "one")] });
    const appliance = await startAppliance(text, { global: 'workers = 1\nhard_stop_after = "2s"' });
    const load = startLoad({ port, perSecond: 500, connections: 10, freshShare: 0.3 });
    for (const workers of [3, 1, 2]) {
      appliance.write(text, `workers = ${workers}\nhard_stop_after = "2s"`);
      expect((await appliance.cli(["reload"])).code).toBe(0);
      await waitFor(`${workers} workers`, async () => {
        const { processes } = await appliance.snapshot();
        const running = processes.filter(({ name, state }) => name.startsWith("worker/") && state === "running");
        return running.length === workers && processes.length === workers + 2;
      });
      const before = load.answered();
      await waitFor("load to go on", () => load.answered() > before + 100);
    }
    expect((await load.stop()).failures).toEqual([]);
  });
});

describe("reload that cannot be", () => {
  test("a broken file keeps the old configuration, ends with 78 and shows every problem", async () => {
    const port = freePort();
    const text = site({ binds: [port], servers: [server(toy("one"), "one")] });
    const appliance = await startAppliance(text);
    appliance.write(text.replace("default_backend", "default_backendd").replace('"500ms"', '"500 parsecs"'));
    const refused = await appliance.cli(["reload"]);
    expect(refused.code).toBe(78);
    expect(refused.stderr).toContain('unknown key "default_backendd"');
    expect(refused.stderr).toContain('did you mean "default_backend"');
    expect(refused.stderr).toContain("500 parsecs");
    // Whole: the place, the line and the caret under it.
    expect(refused.stderr).toMatch(/ballast\.toml:\d+:\d+/);
    expect(refused.stderr).toMatch(/^ *(\d+ *)?\| *\^/m);
    expect(await generation(appliance)).toBe(1);
    expect((await appliance.snapshot()).config.lastReloadOk).toBe(false);
    expect(await bodyOf(port)).toContain("hello from one");

    appliance.process.signal("SIGHUP");
    await waitFor("the log to tell", () => /config\.issue .*default_backendd/.test(appliance.process.stderr()));
    appliance.write(text);
    expect((await appliance.cli(["reload"])).code).toBe(0);
    expect((await appliance.snapshot()).config.lastReloadOk).toBe(true);
  });

  test("a file that is gone keeps the old configuration", async () => {
    const port = freePort();
    const appliance = await startAppliance(site({ binds: [port], servers: [server(toy("one"), "one")] }));
    writeFileSync(appliance.config, "");
    const empty = await appliance.cli(["reload"]);
    expect(await generation(appliance)).toBe(empty.code === 0 ? 2 : 1);
    await Bun.file(appliance.config).delete();
    const gone = await appliance.cli(["reload"]);
    expect(gone.code).toBe(78);
    expect(gone.stderr).toContain("no such file");
  });

  test("an occupied port refuses it with the reason and leaves nothing open", async () => {
    const [port, freeOne] = freePorts(2);
    const foreign = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    listeners.push(foreign);
    const servers = [server(toy("one"), "one")];
    const appliance = await startAppliance(site({ binds: [port], servers }));
    appliance.write(site({ binds: [port, freeOne, foreign.port], servers }));
    const refused = await appliance.cli(["reload"]);
    expect(refused.code).toBe(78);
    expect(refused.stderr).toContain(`frontend.web.bind[2]: 127.0.0.1:${foreign.port}: bind: address already in use`);
    expect(refused.stderr).toContain(`ss -ltnp`);
    expect(await accepts(freeOne)).toBe(false);
    expect(await generation(appliance)).toBe(1);
    expect(await bodyOf(port)).toContain("hello from one");
  });

  test("a role that does not answer calls it off after five seconds, and a second one meanwhile is told busy", async () => {
    const [port, newPort] = freePorts(2);
    const servers = [server(toy("one"), "one")];
    const appliance = await startAppliance(site({ binds: [port], servers }));
    appliance.write(site({ binds: [port, newPort], servers }));
    const stopped = appliance.pidOf("worker/0");
    signalPid(stopped, "SIGSTOP");
    // Started together: the watchdog gives the worker two seconds, and either of them may be first.
    const both = await Promise.all([appliance.cli(["reload"]), appliance.cli(["reload"])]);
    const [busy, refused] = both.toSorted((a, b) => a.code - b.code);
    expect(busy).toMatchObject({ code: 75 });
    expect(busy!.stderr).toContain("a reload is under way");
    // The watchdog is faster than the limit: the worker is killed, and the reload called off for that.
    expect(refused!.code).toBe(78);
    expect(refused!.stderr).toContain("worker/0 ended while it prepared");
    expect(await accepts(newPort)).toBe(false);
    await waitFor("the next worker", async () => (await appliance.cli(["reload"])).code === 0);
    expect(await accepts(newPort)).toBe(true);
  });

  test("signals during a reload are done after it", async () => {
    const [port, newPort] = freePorts(2);
    const servers = [server(toy("one"), "one")];
    const appliance = await startAppliance(site({ binds: [port], servers }));
    for (let i = 0; i < 5; i++) appliance.process.signal("SIGHUP");
    appliance.write(site({ binds: [port, newPort], servers }));
    appliance.process.signal("SIGHUP");
    await waitFor("the last file to run", () => accepts(newPort));
  });
});

describe("what waits for the next start", () => {
  test("is said with every reload, until the file has the old value again", async () => {
    const port = freePort();
    const text = site({ binds: [port], servers: [server(toy("one"), "one")] });
    const appliance = await startAppliance(text);
    const reload = async (global?: string): Promise<string> => {
      appliance.write(text, global);
      return (await appliance.cli(["reload"])).stdout;
    };
    const waits = "global.user, global.group: from the next start on";
    for (let round = 0; round < 2; round++) expect(await reload('user = "daemon"')).toContain(waits);
    expect(await reload()).not.toContain("from the next start on");
  });
});

describe("reload and sessions", () => {
  test("a listener that goes closes at once, and what it was serving finishes", async () => {
    const [port, oldPort] = freePorts(2);
    const slow = toy("slow");
    slow.setMood("slow");
    const servers = [server(slow, "slow")];
    const appliance = await startAppliance(site({ binds: [port, oldPort], servers }));
    const client = await connectRaw(oldPort);
    client.send("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n");
    await waitFor("the request at the server", () => slow.heads.some((head) => head.includes("/slow")));
    appliance.write(site({ binds: [port], servers }));
    expect((await appliance.cli(["reload"])).code).toBe(0);
    expect(await accepts(oldPort)).toBe(false);
    expect(await client.until((text) => text.includes("asked for /slow\n"))).toContain("200 OK");
    client.close();
  });

  test("connections that wait in the accept queue of a listener that goes are served", async () => {
    const [port, oldPort] = freePorts(2);
    const servers = [server(toy("one"), "one")];
    const appliance = await startAppliance(site({ binds: [port, oldPort], servers }));
    const worker = appliance.pidOf("worker/0");
    signalPid(worker, "SIGSTOP");
    const waiting = await Promise.all(Array.from({ length: 20 }, () => connectRaw(oldPort)));
    waiting.forEach((client, i) => client.send(`GET /waiting/${i} HTTP/1.1\r\nHost: test\r\n\r\n`));
    appliance.write(site({ binds: [port], servers }));
    const reloaded = appliance.cli(["reload"]);
    await waitFor("its begin", async () => (await appliance.events()).some(({ text }) => text.startsWith("reload to")));
    signalPid(worker, "SIGCONT");
    expect((await reloaded).code).toBe(0);
    await Promise.all(waiting.map((client, i) => client.until((text) => text.includes(`asked for /waiting/${i}\n`))));
    for (const client of waiting) client.close();
    expect(await accepts(oldPort)).toBe(false);
  });

  test("a certificate that was renewed is served to new connections", async () => {
    const port = freePort();
    const one = toy("one");
    const files = ["first.example", "second.example"].map(makeCertificate);
    const appliance = await startAppliance(site({ binds: [freePort()], servers: [server(one, "one")] }));
    const certificate = `${appliance.folder}/site.pem`;
    const text = `${site({ binds: [freePort()], servers: [server(one, "one")] })}
[frontend.tls]
bind = [{ address = "127.0.0.1:${port}", tls = { certificates = ["${certificate}"] } }]
default_backend = "app"
`;
    for (const [i, pem] of files.entries()) {
      writeFileSync(certificate, pem, { mode: 0o600 });
      appliance.write(text);
      expect((await appliance.cli(["reload"])).code).toBe(0);
      expect(await subjectOf(port)).toContain(["first.example", "second.example"][i]);
    }
    writeFileSync(certificate, "nothing like a certificate\n");
    const refused = await appliance.cli(["reload"]);
    expect(refused.code).toBe(78);
    expect(refused.stderr).toContain(certificate);
    expect(await subjectOf(port)).toContain("second.example");
  });
});

function makeCertificate(name: string): string {
  const key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout - -out -".split(" ");
  const made = Bun.spawnSync(["openssl", ...key, "-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`]);
  return made.stdout.toString();
}

async function subjectOf(port: number): Promise<string> {
  const { connect } = await import("node:tls");
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      resolve(JSON.stringify(socket.getPeerCertificate().subject));
      socket.destroy();
    });
    socket.on("error", reject);
  });
}
