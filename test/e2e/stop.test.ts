import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { type Appliance, isAlive, signalPid, startAppliance, stopAppliances } from "../support/appliance.ts";
import { accepts, freePort } from "../support/ports.ts";
import { connectRaw, type RawClient } from "../support/raw-client.ts";
import { startToy, type Toy } from "../support/toy.ts";
import { TEST_LIMIT_MS, waitFor } from "../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

/** A tenth of a second as a rule; who waited instead would do it for 50 s and more. */
const AT_ONCE_MS = 10_000;
const toys: Toy[] = [];

afterEach(async () => {
  await stopAppliances();
  for (const toy of toys.splice(0)) toy.stop();
});

interface Scene {
  readonly appliance: Appliance;
  readonly port: number;
  readonly client: RawClient;
  readonly roles: readonly number[];
}

/** An appliance with one request under way, whose answer takes 300 ms (`slow`) or never comes (`hang`). */
async function busyAppliance(mood: "slow" | "hang", hardStopAfter: string): Promise<Scene> {
  const port = freePort();
  const toy = startToy("one");
  toys.push(toy);
  toy.setMood(mood);
  const appliance = await startAppliance(
    `[defaults]
mode = "http"
timeouts = { client = "50s", server = "50s" }
[frontend.web]
bind = ["127.0.0.1:${port}"]
default_backend = "app"
[backend.app]
servers = ["${toy.address}"]
`,
    { global: `hard_stop_after = "${hardStopAfter}"` },
  );
  const client = await connectRaw(port);
  client.send("GET /busy HTTP/1.1\r\nHost: test\r\n\r\n");
  await waitFor("the request at the server", () => toy.heads.some((head) => head.includes("/busy")));
  const roles = ["worker/0", "admin"].map((name) => appliance.pidOf(name));
  return { appliance, port, client, roles };
}

function expectNothingLeft({ appliance, roles }: Scene): void {
  expect(roles.filter(isAlive)).toEqual([]);
  expect(existsSync(appliance.pidfile)).toBe(false);
  expect(existsSync(appliance.socket)).toBe(false);
}

describe("stop", () => {
  for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
    test(`${signal}: the answer that is under way arrives whole, new connections are refused, everything goes`, async () => {
      const scene = await busyAppliance("slow", "10s");
      scene.appliance.process.signal(signal);
      await waitFor("the listener to close", async () => !(await accepts(scene.port)));
      expect(await scene.client.until((text) => text.includes("asked for /busy\n"))).toContain("200 OK");
      expect(await scene.appliance.process.exited).toBe(0);
      expectNothingLeft(scene);
    });
  }

  test("`ballast stop` returns when everything has ended", async () => {
    const scene = await busyAppliance("slow", "10s");
    const stopped = scene.appliance.cli(["stop"]);
    await scene.client.until((text) => text.includes("asked for /busy\n"));
    expect((await stopped).code).toBe(0);
    expect(await scene.appliance.process.exited).toBe(0);
    expectNothingLeft(scene);
  });

  test("Ctrl-C, which every process of the terminal gets, drains like a SIGINT to the supervisor", async () => {
    const scene = await busyAppliance("slow", "10s");
    signalPid(scene.appliance.process.pid, "SIGINT", "group");
    expect(await scene.client.until((text) => text.includes("asked for /busy\n"))).toContain("200 OK");
    expect(await scene.appliance.process.exited).toBe(0);
    expect(scene.appliance.process.stderr()).toBe("");
    expectNothingLeft(scene);
  });

  test("connections that wait in the accept queue are served before the listener goes", async () => {
    const scene = await busyAppliance("slow", "10s");
    const worker = scene.appliance.pidOf("worker/0");
    signalPid(worker, "SIGSTOP");
    const waiting = await Promise.all(Array.from({ length: 20 }, () => connectRaw(scene.port)));
    waiting.forEach((client, i) => client.send(`GET /waiting/${i} HTTP/1.1\r\nHost: test\r\n\r\n`));
    scene.appliance.process.signal("SIGTERM");
    signalPid(worker, "SIGCONT");
    await Promise.all(waiting.map((client, i) => client.until((text) => text.includes(`asked for /waiting/${i}\n`))));
    expect(await scene.appliance.process.exited).toBe(0);
    expectNothingLeft(scene);
  });

  test("`ballast stop` and a start right after it do not meet, ten times in a row", async () => {
    const { appliance, client } = await busyAppliance("slow", "10s");
    client.close();
    expect((await appliance.cli(["stop", "--now"])).code).toBe(0);
    for (let round = 0; round < 10; round++) {
      expect(await appliance.cli(["run", "--daemon"])).toMatchObject({ code: 0 });
      expect(await appliance.cli(["stop"])).toMatchObject({ code: 0 });
    }
    expect(existsSync(appliance.pidfile)).toBe(false);
    expect(existsSync(appliance.socket)).toBe(false);
  });

  test("a second SIGTERM ends at once", async () => {
    const scene = await busyAppliance("hang", "60s");
    scene.appliance.process.signal("SIGTERM");
    await waitFor("the listener to close", async () => !(await accepts(scene.port)));
    expect(scene.appliance.process.exitCode()).toBe(null);
    const startedMs = performance.now();
    scene.appliance.process.signal("SIGTERM");
    expect(await scene.appliance.process.exited).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(AT_ONCE_MS);
    expectNothingLeft(scene);
  });

  test("`ballast stop --now` ends at once", async () => {
    const scene = await busyAppliance("hang", "60s");
    const startedMs = performance.now();
    expect((await scene.appliance.cli(["stop", "--now"])).code).toBe(0);
    expect(await scene.appliance.process.exited).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(AT_ONCE_MS);
    expectNothingLeft(scene);
  });

  test("SIGTERM: hard_stop_after ends what does not finish", async () => {
    const scene = await busyAppliance("hang", "700ms");
    const startedMs = performance.now();
    scene.appliance.process.signal("SIGTERM");
    expect(await scene.appliance.process.exited).toBe(0);
    const tookMs = performance.now() - startedMs;
    expect(tookMs).toBeGreaterThan(650);
    expect(tookMs).toBeLessThan(AT_ONCE_MS);
    expectNothingLeft(scene);
  });

  test("SIGQUIT: hard_stop_after does not count", async () => {
    const scene = await busyAppliance("hang", "100ms");
    scene.appliance.process.signal("SIGQUIT");
    await waitFor("the listener to close", async () => !(await accepts(scene.port)));
    // Past the limit, the grace on top of it, and the watchdog: it still waits for its client.
    await Bun.sleep(2500);
    expect(scene.roles.every(isAlive)).toBe(true);
    scene.client.close();
    expect(await scene.appliance.process.exited).toBe(0);
    expectNothingLeft(scene);
  });

  test("a worker that hangs while it drains is killed", async () => {
    const scene = await busyAppliance("hang", "500ms");
    const worker = scene.appliance.pidOf("worker/0");
    signalPid(worker, "SIGSTOP");
    scene.appliance.process.signal("SIGTERM");
    expect(await scene.appliance.process.exited).toBe(0);
    expectNothingLeft(scene);
  });
});
