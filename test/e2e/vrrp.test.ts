/** VRRP in the whole appliance, in network namespaces. Skipped without root. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  type Appliance,
  isAlive,
  signalPid,
  startAppliance,
  stopAppliances,
  supervisorPid,
} from "../support/appliance.ts";
import { canMakeNamespaces, makeNetwork, type Network } from "../support/netns.ts";
import type { TestProcess } from "../support/process.ts";
import { TEST_LIMIT_MS, waitFor } from "../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

let network: Network | null = null;

afterEach(async () => {
  await stopAppliances();
  await network?.close();
  network = null;
});

/** A down time of 1.4 s for the node with priority 100: no stall of a busy machine below that moves the VIP. */
const INTERVAL_MS = 400;
const DOWN_MS = 3 * INTERVAL_MS + (156 / 256) * INTERVAL_MS;
const VIP = "192.0.2.10/24";

interface Changes {
  readonly priority?: number;
  readonly interface?: string;
  readonly servers?: string;
  readonly rules?: string;
}

function site({ priority = 100, interface: name = "eth0", servers = '"127.0.0.1:1"', rules = "" }: Changes): string {
  return `[defaults]
mode = "http"
retries = 0
[frontend.web]
bind = ["vip:VI_1:80", "127.0.0.1:8000"]
default_backend = "app"
${rules}
[backend.app]
check = { tcp = true, interval = "1s" }
servers = [${servers}]
[vrrp.VI_1]
interface = "${name}"
virtual_router_id = 51
priority = ${priority}
version = 3
advert_interval = "${INTERVAL_MS}ms"
addresses = ["${VIP}"]
track = [{ proxy = true }]
`;
}

const inside = (name: string): readonly string[] => ["ip", "netns", "exec", network!.node(name).namespace];

async function start(name: string, changes: Changes = {}): Promise<Appliance> {
  return startAppliance(site(changes), { prefix: inside(name) });
}

async function stateOf(appliance: Appliance): Promise<string | undefined> {
  return (await appliance.snapshot()).vrrp[0]?.state;
}

/** Adverts as they pass node c: seconds and source. */
function listen(): TestProcess {
  return network!.node("c").start(["tcpdump", "-tt", "-l", "-n", "-i", "eth0", "ip", "proto", "112"]);
}

function advertTimesMs(listener: TestProcess): readonly number[] {
  const times = listener.stdout().matchAll(/^(\d+\.\d+) IP 192\.0\.2\.1 /gm);
  return [...times].map((match) => Number(match[1]) * 1000);
}

function gapsMs(times: readonly number[]): readonly number[] {
  return times.slice(1).map((time, i) => time - times[i]!);
}

describe.skipIf(!canMakeNamespaces)("an appliance with a VIP", () => {
  test("delays no advert by more than half an interval over ten reloads, and keeps the VIP", async () => {
    network = await makeNetwork("be2ev", { a: "192.0.2.1/24", c: "192.0.2.3/24" });
    const listener = listen();
    await listener.waitForOutput(/listening on eth0/);
    const a = await start("a");
    await waitFor("a to lead", async () => (await stateOf(a)) === "master");
    await waitFor("adverts", () => advertTimesMs(listener).length > 3);
    const transitions = (await a.snapshot()).vrrp[0]?.transitions;
    for (let i = 0; i < 10; i++) {
      const servers = i % 2 === 0 ? '"127.0.0.1:1", "127.0.0.1:2"' : '"127.0.0.1:1"';
      const rules = i % 3 === 0 ? '[[frontend.web.rules]]\nwhen = "path_beg /x"\ndeny = { status = 403 }' : "";
      const count = advertTimesMs(listener).length;
      a.write(site({ servers, rules }));
      expect((await a.cli(["reload"])).code).toBe(0);
      await waitFor("the next advert", () => advertTimesMs(listener).length > count);
    }
    // Some late adverts may be the machine's fault; reloads that delay adverts delay ten of them.
    const gaps = gapsMs(advertTimesMs(listener));
    expect(gaps.filter((gap) => gap > 1.5 * INTERVAL_MS).length).toBeLessThanOrEqual(3);
    expect(Math.max(...gaps)).toBeLessThan(DOWN_MS);
    const [status] = (await a.snapshot()).vrrp;
    expect(status).toMatchObject({ state: "master", transitions });
    expect(await network.node("a").addresses()).toContain(VIP);
  });

  test("a worker that is killed does not move the VIP", async () => {
    network = await makeNetwork("be2ev", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
    const a = await start("a", { priority: 101 });
    await waitFor("a to lead", async () => (await stateOf(a)) === "master");
    const b = await start("b");
    for (let i = 0; i < 2; i++) {
      const pid = a.pidOf("worker/0");
      signalPid(pid, "SIGKILL");
      await a.nextOf("worker/0", pid);
    }
    await waitFor("all roles", async () => (await a.snapshot()).processes.every(({ state }) => state === "running"));
    expect(await stateOf(a)).toBe("master");
    expect(await stateOf(b)).toBe("backup");
    expect((await b.snapshot()).vrrp[0]?.transitions).toBe(1);
  });

  test("a stop gives the VIP to the other node before the proxy ends", async () => {
    network = await makeNetwork("be2ev", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
    const a = await start("a", { priority: 101 });
    await waitFor("a to lead", async () => (await stateOf(a)) === "master");
    const b = await start("b");
    await waitFor("b to hear a", async () => (await b.snapshot()).vrrp[0]?.masterAddress === "192.0.2.1");
    a.process.signal("SIGTERM");
    await waitFor("b to lead", async () => (await stateOf(b)) === "master");
    // Told, not found out: b did not wait for adverts that no longer came.
    expect((await b.snapshot()).vrrp[0]?.priorityZeroReceived).toBe(1);
    expect(await a.process.exited).toBe(0);
    expect(await network.node("a").addresses()).not.toContain(VIP);
    await waitFor("the VIP on b", async () => (await network!.node("b").addresses()).includes(VIP));
  });

  test("a supervisor that is killed leaves no VIP behind", async () => {
    network = await makeNetwork("be2ev", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
    const a = await start("a", { priority: 101 });
    await waitFor("a to lead", async () => (await stateOf(a)) === "master");
    const b = await start("b");
    const vrrp = a.pidOf("vrrp");
    signalPid(supervisorPid(a), "SIGKILL");
    await waitFor("b to lead", async () => (await stateOf(b)) === "master");
    await waitFor("the end of vrrp", () => !isAlive(vrrp));
    expect(await network.node("a").addresses()).not.toContain(VIP);
  });

  test("an interface that is missing is a fault of its instance, said in words; the proxy serves", async () => {
    network = await makeNetwork("be2ev", { a: "192.0.2.1/24" });
    const a = await start("a", { interface: "eth9" });
    await waitFor("the fault", async () => (await stateOf(a)) === "fault");
    const [status] = (await a.snapshot()).vrrp;
    expect(status).toMatchObject({ state: "fault", interface: "eth9" });
    expect(status?.why).toMatch(/interface.* does not exist/);
    expect((await a.snapshot()).problems.map(({ object }) => object)).toContain("VI_1");
    const answer = await network
      .node("a")
      .run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:8000/"]);
    expect(answer).toBe("503");
  });
});
